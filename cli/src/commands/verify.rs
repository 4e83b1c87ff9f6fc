//! `rtrain verify`: whether directories are models as transformers saves them.

use std::path::Path;

use clap::ArgMatches;
use rtrain::diagnostic::{Diagnostic, Result, Site};
use rtrain::storage::DiskDirectory;
use rtrain::verify::Report;

use crate::arguments::{ReportFormat, VerifyOptions};
use crate::outcome::Outcome;
use crate::render;
use crate::run_directory::{Counterpart, Target, targets};

/// Runs the command and returns its exit code: 0 where nothing is wrong, 1 where something is, 2 where a directory could not be checked.
///
/// # Errors
/// The report cannot be printed.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let options = VerifyOptions::from_matches(matches);
    let reference = options.reference.as_deref();
    let is_ignored = |target: &Target| !target.name.is_empty() && options.ignored.iter().any(|ignored| ignored.file(&[&target.name]));
    let targets = options.directories.iter().flat_map(|directory| targets(directory, reference));
    let outcomes: Vec<Outcome> = targets.filter(|target| !is_ignored(target)).map(|target| outcome(&target, &options)).collect();
    let root = std::env::current_dir().unwrap_or_default();
    render::print(&rendered(&outcomes, &options, &root))?;
    outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err()).for_each(render::print_error);
    Ok(outcomes.iter().map(Outcome::exit_code).max().unwrap_or(0))
}

fn outcome(target: &Target, options: &VerifyOptions) -> Outcome {
    let mut outcome = Outcome::new(target.path.display().to_string(), verified(target, options));
    outcome.ignore(&options.ignored, &target.name);
    outcome.limit(options.max_findings);
    outcome
}

fn verified(target: &Target, options: &VerifyOptions) -> Result<Report> {
    options.reference.as_ref().map(DiskDirectory::open).transpose()?;
    let path = target.path.display().to_string();
    if let Counterpart::Only(reference) = &target.counterpart {
        let diagnostic = Diagnostic::new("reference-missing", Site::file(&path), "the reference has this checkpoint");
        let findings = vec![diagnostic.expected(reference.display())];
        return Ok(Report { directory: path, findings, ..Report::default() });
    }
    let directory = DiskDirectory::open(&target.path)?;
    let reference = match &target.counterpart {
        Counterpart::Directory(reference) => Some(DiskDirectory::open(reference)?),
        _ => None,
    };
    let mut report = rtrain::verify::verify_as(&directory, options.release)?;
    if let Some(reference) = &reference {
        report.compare_within(&directory, reference, options.tolerance)?;
    }
    if target.counterpart == Counterpart::Absent {
        report.findings.push(Diagnostic::new("reference-extra", Site::file(path), "the reference does not have this checkpoint"));
    }
    Ok(report)
}

fn rendered(outcomes: &[Outcome], options: &VerifyOptions, root: &Path) -> String {
    match options.format {
        ReportFormat::Text => render::text::report(outcomes, options.quiet),
        ReportFormat::Json => render::json::report(outcomes),
        ReportFormat::Sarif => render::sarif::report(outcomes, root),
        ReportFormat::Junit => render::junit::report(outcomes, root),
        ReportFormat::Github => render::github::report(outcomes, root),
    }
}

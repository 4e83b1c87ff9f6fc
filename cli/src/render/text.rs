//! Results for people.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use rtrain::diagnostic::codes::Severity;
use rtrain::diagnostic::{Diagnostic, Place};
use rtrain::verify::{Comparison, FileStatus, Report};

use super::wording::{counted, details, human_bytes, omission, printable};
use crate::outcome::Outcome;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const SITE: Style = AnsiColor::Cyan.on_default();

/// Why a command could not run, with a line for each thing that is known of it.
pub fn diagnostic(diagnostic: &Diagnostic) -> String {
    let mut out = headline(diagnostic);
    if !diagnostic.site.file.is_empty() {
        let _ = writeln!(out, "  {SITE}-->{SITE:#} {}", printable(&diagnostic.site.to_string()));
    }
    lines(&mut out, "  ", details(diagnostic));
    out
}

/// The report of `rtrain verify`; tables of files are left out where it is to be `quiet`. Errors are left to the standard error.
pub fn report(outcomes: &[Outcome], quiet: bool) -> String {
    let mut out = String::new();
    for (position, outcome) in outcomes.iter().enumerate() {
        if let Ok(report) = &outcome.result {
            if position > 0 && !quiet {
                out.push('\n');
            }
            if outcomes.len() > 1 && !quiet {
                let _ = writeln!(out, "{BOLD}{}{BOLD:#}", printable(&outcome.directory));
            }
            if !quiet && !report.files.is_empty() {
                files(&mut out, report);
                let _ = writeln!(out, "{}, {}", counted(report.tensors, "tensor"), counted(report.parameters, "parameter"));
            }
            findings(&mut out, outcome, report);
        }
        if outcomes.len() > 1 || outcome.result.is_ok() {
            out.push_str(&verdict(outcome));
        }
    }
    out + &summary(outcomes, quiet)
}

fn headline(diagnostic: &Diagnostic) -> String {
    let severity = diagnostic.severity();
    let style = if severity == Severity::Error { ERROR } else { WARNING };
    format!("{style}{}[{}]{style:#}{BOLD}: {}{BOLD:#}\n", severity.name(), diagnostic.code, printable(&diagnostic.message))
}

fn lines(out: &mut String, indent: &str, lines: impl Iterator<Item = (&'static str, String)>) {
    for (label, text) in lines {
        let _ = writeln!(out, "{indent}{BOLD}{label:<9}{BOLD:#} {text}");
    }
}

fn files(out: &mut String, report: &Report) {
    let absent = report.comparisons.iter().map(|(name, _)| name).filter(|name| !report.files.iter().any(|file| file.name == **name));
    let own = report.files.iter().map(|file| (&file.name, Some(file)));
    let mut rows: Vec<_> = own.chain(absent.map(|name| (name, None))).collect();
    rows.sort_by_key(|(name, _)| *name);
    let width = rows.iter().map(|(name, _)| printable(name).chars().count()).max().unwrap_or(0);
    for (name, file) in rows {
        let size = file.map_or(String::new(), |file| human_bytes(file.bytes));
        let (status, style) = file.map_or(("", PLAIN), |file| (file.status.name(), status_style(file.status)));
        let _ = write!(out, "{:width$}  {size:>10}  ", printable(name));
        match report.comparison(name) {
            Some(comparison) => {
                let good = comparison_style(comparison);
                let _ = writeln!(out, "{style}{status:<11}{style:#}  reference: {good}{}{good:#}", comparison.name());
            }
            None => {
                let _ = writeln!(out, "{style}{status}{style:#}");
            }
        }
    }
}

fn status_style(status: FileStatus) -> Style {
    match status {
        FileStatus::Identical => GOOD,
        FileStatus::Differs | FileStatus::Unreadable => BAD,
        FileStatus::NotChecked => PLAIN,
    }
}

fn comparison_style(comparison: Comparison) -> Style {
    if matches!(comparison, Comparison::Identical | Comparison::WithinTolerance) { GOOD } else { BAD }
}

/// The findings, file by file in the order of the first finding of each; what several findings in a row have in common is said once.
fn findings(out: &mut String, outcome: &Outcome, report: &Report) {
    let mut names: Vec<&str> = Vec::new();
    for finding in &report.findings {
        if !names.contains(&finding.site.file.as_str()) {
            names.push(&finding.site.file);
        }
    }
    for name in names {
        let _ = writeln!(out, "\n{SITE}{}{SITE:#}", printable(name));
        let mut last = String::new();
        for finding in report.findings.iter().filter(|finding| finding.site.file == name) {
            let headline = headline(finding);
            if headline != last {
                let _ = write!(out, "  {headline}");
                last = headline;
            }
            let place = Some(printable(&finding.site.place.to_string())).filter(|_| finding.site.place != Place::Whole);
            lines(out, "    ", place.map(|place| ("at:", place)).into_iter().chain(details(finding)));
        }
    }
    if !outcome.omitted.is_empty() {
        let _ = writeln!(out, "\n{}", omission(&outcome.omitted));
    }
    if !report.findings.is_empty() {
        out.push('\n');
    }
}

/// One line: what came of a directory.
pub fn verdict(outcome: &Outcome) -> String {
    let directory = printable(&outcome.directory);
    let ignored = if outcome.ignored > 0 { format!(", {} ignored", counted(outcome.ignored, "finding")) } else { String::new() };
    match &outcome.result {
        Err(_) => format!("{directory}: {BAD}not checked{BAD:#}\n"),
        Ok(_) if outcome.findings() > 0 => format!("{directory}: {BAD}{}{BAD:#}{ignored}\n", counted(outcome.findings(), "finding")),
        Ok(report) => format!("{directory}: {}{GOOD}fine{GOOD:#}{ignored}\n", achievements(report)),
    }
}

fn achievements(report: &Report) -> String {
    if report.files.is_empty() {
        return String::new();
    }
    let with = |status| report.files.iter().filter(|file| file.status == status).count();
    let (identical, unknown) = (with(FileStatus::Identical), with(FileStatus::NotChecked));
    let mut out = match report.release {
        Some(release) => format!("{} identical to what transformers {release} writes, ", counted(identical, "file")),
        None => format!("{} read and written again with the same bytes, ", counted(identical, "file")),
    };
    if unknown > 0 {
        let _ = write!(out, "{} not checked, ", counted(unknown, "file"));
    }
    if let Some(reference) = &report.reference {
        let all = |allowed: &[Comparison]| report.comparisons.iter().all(|(_, comparison)| allowed.contains(comparison));
        let relation = if all(&[Comparison::Identical]) {
            "all the same bytes as in"
        } else if all(&[Comparison::Identical, Comparison::WithinTolerance]) {
            "within the tolerance of"
        } else {
            "compared with"
        };
        let _ = write!(out, "{relation} {}, ", printable(reference));
    }
    let _ = write!(out, "{}, {}: ", counted(report.tensors, "tensor"), counted(report.parameters, "parameter"));
    out
}

/// How many directories are fine, where there are several, and where to learn more.
fn summary(outcomes: &[Outcome], quiet: bool) -> String {
    let with = |code: u8| outcomes.iter().filter(|outcome| outcome.exit_code() == code).count();
    let mut out = String::new();
    if outcomes.len() > 1 {
        let rest = [(1, "with findings"), (crate::COULD_NOT_RUN, "not checked")];
        let rest = rest.into_iter().filter(|(code, _)| with(*code) > 0).map(|(code, words)| format!(", {} {words}", with(code)));
        let _ = writeln!(out, "{} directories: {} fine{}", outcomes.len(), with(0), rest.collect::<String>());
    }
    if with(1) > 0 && !quiet {
        out.push_str("rtrain explain CODE says what a finding means, how it comes about, and what to do\n");
    }
    out
}

//! `rtrain verify`: whether a directory is a model as transformers saves it.

use clap::ArgMatches;
use rtrain::diagnostic::Result;
use rtrain::storage::DiskDirectory;

use crate::arguments::{OutputFormat, VerifyOptions};
use crate::render;

/// Runs the command and returns its exit code: 0 where nothing is wrong, 1 where something is.
///
/// # Errors
/// A directory cannot be read or holds no model, or the report cannot be printed.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let options = VerifyOptions::from_matches(matches);
    let directory = DiskDirectory::open(&options.directory)?;
    let reference = options.reference.as_ref().map(DiskDirectory::open).transpose()?;
    let mut report = rtrain::verify::verify(&directory)?;
    if let Some(reference) = &reference {
        report.compare_with(&directory, reference)?;
    }
    render::print(&match options.format {
        OutputFormat::Text => render::text::report(&report, matches.get_flag("quiet")),
        OutputFormat::Json => render::json::report(&report),
    })?;
    Ok(u8::from(!report.is_clean()))
}

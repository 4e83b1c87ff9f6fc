//! `rtrain inspect`: what a file or a directory holds.

use clap::ArgMatches;
use rtrain::diagnostic::{Error, Result};
use rtrain::inspect::{Detail, inspect_directory, inspect_file};
use rtrain::storage::{DiskDirectory, DiskFile};

use crate::arguments::{InspectOptions, OutputFormat};
use crate::render;

/// Runs the command and returns its exit code: 1 where a file is not what its name says.
///
/// # Errors
/// There is nothing at the path, it cannot be read, or the description cannot be printed.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let options = InspectOptions::from_matches(matches);
    let path = options.path.display().to_string();
    let is_file = options.path.is_file();
    let descriptions = if is_file {
        let file = DiskFile::open(&options.path).map_err(|error| Error::io(path.as_str(), "open", &error))?;
        let name = options.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        vec![inspect_file(&name, &path, &file, options.detail(Detail::Full))?]
    } else {
        inspect_directory(&DiskDirectory::open(&options.path)?, options.detail(Detail::Overview))?
    };
    render::print(&match (options.format, is_file) {
        (OutputFormat::Text, true) => render::description::file(&path, &descriptions),
        (OutputFormat::Text, false) => render::description::directory(&path, &descriptions),
        (OutputFormat::Json, _) => render::description::json(&path, &descriptions),
    })?;
    Ok(u8::from(descriptions.iter().any(|description| description.error.is_some())))
}

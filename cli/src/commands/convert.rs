//! `rtrain convert`: a model directory with other shards, another element type, in another format or of another release.

use std::fs;

use clap::ArgMatches;
use rtrain::convert::convert;
use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::storage::commit::commit_directory;
use rtrain::storage::{DiskDirectory, NativeFileSystem};

use crate::arguments::ConvertOptions;
use crate::offline::offline;
use crate::render;

/// Runs the command and returns its exit code.
///
/// # Errors
/// The model cannot be read or converted, something is in the way of the new directory, or it cannot be written; there is then no new
/// directory.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let options = ConvertOptions::from_matches(matches, offline())?;
    let output = options.output.display().to_string();
    let source = DiskDirectory::open(&options.input)?;
    if fs::symlink_metadata(&options.output).is_ok() && !fs::read_dir(&options.output).is_ok_and(|mut entries| entries.next().is_none()) {
        let diagnostic = Diagnostic::new("output-exists", Site::file(output), "something is there already; nothing was written");
        return Err(Error::misuse(diagnostic.expected("a new or an empty directory").hint("remove it, or name another directory")));
    }
    let converted = convert(&source, options.conversion)?;
    let files = converted.files();
    commit_directory(&NativeFileSystem, &output, &files)?;
    if !matches.get_flag("quiet") {
        render::print(&render::description::written(&output, &files))?;
    }
    Ok(0)
}

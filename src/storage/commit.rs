//! The committing writer: the only place that creates and renames files.
//!
//! A directory is written beside its target, flushed, and then takes the target's place in one step. Until that step the target is what it
//! was; after it, it is whole. Whatever a later step relies on is flushed before that step: a disk that loses its power keeps what was
//! flushed, and of the rest any part.

pub use super::FileSystem;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;

/// Files of one directory: names and contents, each in pieces that follow each other.
pub type Files<'a> = Vec<(String, Vec<Cow<'a, [u8]>>)>;

/// Says now what would stop [`commit_directory`] from writing `needed` bytes to `target` later, after hours of work, and clears away what an
/// interrupted run has left beside the target and in it.
///
/// # Errors
/// A file stands in its place, nothing can be made beside it, or there is too little space.
pub fn prepare_directory(system: &dyn FileSystem, target: &str, needed: u64) -> Result<()> {
    let target = target.trim_end_matches('/');
    let (parent, _) = split(target);
    if system.is_directory(target).map_err(refused(target, "look at"))? == Some(false) {
        return Err(not_a_directory(target));
    }
    let stage = stage_of(target);
    make_directory(system, parent).map_err(refused(parent, "create the directory"))?;
    clear_stage(system, target).map_err(refused(&stage, "remove the left-over staging directory"))?;
    system.create_directory(&stage).and_then(|()| system.remove(&stage)).map_err(refused(&stage, "create the staging directory"))?;
    clear_stages_in(system, target)?;
    check_space(system, target, needed)
}

/// Clears away what interrupted runs have left in a directory.
///
/// # Errors
/// The system refuses.
pub fn clear_stages_in(system: &dyn FileSystem, directory: &str) -> Result<()> {
    for target in interrupted_in(system, directory) {
        clear_stage(system, &target).map_err(refused(&target, "remove what an interrupted run has left of"))?;
    }
    Ok(())
}

/// What was being written, replaced or removed in a directory when a run was interrupted.
fn interrupted_in(system: &dyn FileSystem, directory: &str) -> BTreeSet<String> {
    let names = system.list(directory).unwrap_or_default();
    let target = |name: &String| {
        let staged = name.strip_suffix(ASIDE).unwrap_or(name);
        Some(format!("{directory}/{}", staged.strip_suffix(STAGE)?.strip_prefix('.')?))
    };
    names.iter().filter_map(target).collect()
}

/// Writes a directory as a whole. Files and folders that the target has besides `files` stay in it.
///
/// # Errors
/// Too little space, or the system refuses. The error says whether the target is what it was, or has the new files already and it is not
/// known whether the disk would keep them.
pub fn commit_directory(system: &dyn FileSystem, target: &str, files: &Files<'_>) -> Result<()> {
    let target = target.trim_end_matches('/');
    let (parent, _) = split(target);
    let stage = stage_of(target);
    make_directory(system, parent).map_err(not_committed(parent, "create the directory", target))?;
    clear_stage(system, target).map_err(not_committed(&stage, "remove the left-over staging directory", target))?;
    check_space(system, target, total_bytes(files))?;
    let replaces = stage_files(system, &stage, target, files).and_then(|replaced| match replaced {
        None => {
            let renamed = system.rename(&stage, target);
            renamed.map_err(not_committed(target, "rename the staging directory to", target)).map(|()| None)
        }
        Some(folders) => {
            let exchanged = system.exchange(&stage, target);
            exchanged.map_err(not_committed(target, "exchange the staging directory with", target)).map(|()| Some(folders))
        }
    });
    let replaces = replaces.inspect_err(|_| {
        let _ = system.remove(&stage);
    })?;
    system.sync_directory(parent).map_err(committed(parent, "flush", target))?;
    if let Some(folders) = replaces {
        bring_home(system, &stage, target, &folders).map_err(committed(&stage, "move the other folders out of", target))?;
        // What cannot be removed now is removed by the next run.
        let _ = system.remove(&stage);
    }
    Ok(())
}

/// Number of bytes of all files.
pub fn total_bytes(files: &Files<'_>) -> u64 {
    files.iter().flat_map(|(_, pieces)| pieces).map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
}

/// Writes the files into the staging directory, gives other files of the target a second name in it, and flushes it. Returns the folders of
/// the target, if there is one.
fn stage_files(system: &dyn FileSystem, stage: &str, target: &str, files: &Files<'_>) -> Result<Option<Vec<String>>> {
    system.create_directory(stage).map_err(not_committed(stage, "create the staging directory", target))?;
    for (name, content) in files {
        let path = format!("{stage}/{name}");
        system.write_new(&path, content).map_err(not_committed(&path, "write", target))?;
    }
    let mut folders = None;
    match system.is_directory(target).map_err(not_committed(target, "look at", target))? {
        None => {}
        Some(false) => return Err(not_a_directory(target)),
        Some(true) => {
            let folders = folders.insert(Vec::new());
            for name in system.list(target).map_err(not_committed(target, "list", target))? {
                let path = format!("{target}/{name}");
                if system.is_directory(&path).map_err(not_committed(&path, "look at", target))? == Some(true) {
                    folders.push(name);
                } else if !files.iter().any(|(written, _)| *written == name) {
                    system.hard_link(&path, &format!("{stage}/{name}")).map_err(not_committed(&path, "keep", target))?;
                }
            }
        }
    }
    system.sync_directory(stage).map_err(not_committed(stage, "flush", target))?;
    Ok(folders)
}

/// Moves folders from the old directory, which stands in the staging directory's place, to the new one.
fn bring_home(system: &dyn FileSystem, stage: &str, target: &str, folders: &[String]) -> io::Result<()> {
    for name in folders {
        system.rename(&format!("{stage}/{name}"), &format!("{target}/{name}"))?;
    }
    if folders.is_empty() { Ok(()) } else { system.sync_directory(target) }
}

/// Finishes what an interrupted run has left halfway of replacing a directory or one in it: folders that were to stay in it come home.
///
/// # Errors
/// The system refuses.
pub fn finish_replacing(system: &dyn FileSystem, target: &str) -> Result<()> {
    let target = target.trim_end_matches('/');
    let mut targets = interrupted_in(system, target);
    targets.insert(target.to_owned());
    let finished = targets.iter().try_for_each(|target| finish(system, target));
    finished.map_err(refused(target, "bring home what an interrupted run has moved away from"))
}

fn finish(system: &dyn FileSystem, target: &str) -> io::Result<()> {
    let stage = stage_of(target);
    let aside = format!("{stage}{ASIDE}");
    if system.is_directory(&aside)? == Some(true) {
        if system.is_directory(target)?.is_none() {
            system.rename(&aside, target)?;
            return system.sync_directory(split(target).0);
        }
        bring_all_home(system, &aside, target)?;
    }
    bring_all_home(system, &stage, target)
}

fn bring_all_home(system: &dyn FileSystem, stage: &str, target: &str) -> io::Result<()> {
    let mut folders = Vec::new();
    if system.is_directory(stage)? == Some(true) && system.is_directory(target)? == Some(true) {
        for name in system.list(stage)? {
            if system.is_directory(&format!("{stage}/{name}"))? == Some(true) && system.is_directory(&format!("{target}/{name}"))?.is_none()
            {
                folders.push(name);
            }
        }
    }
    bring_home(system, stage, target, &folders)
}

/// Removes what an interrupted run has left of writing or removing `target`, after [`finish_replacing`].
fn clear_stage(system: &dyn FileSystem, target: &str) -> io::Result<()> {
    finish(system, target)?;
    let stage = stage_of(target);
    system.remove(&format!("{stage}{ASIDE}"))?;
    system.remove(&stage)
}

/// Writes one file as a whole: beside its place, flushed, renamed.
///
/// # Errors
/// The system refuses. The error says whether the file is what it was, or is new and it is not known whether the disk would keep it.
pub fn commit_file(system: &dyn FileSystem, path: &str, bytes: &[u8]) -> Result<()> {
    let (parent, _) = split(path);
    place_file(system, path, bytes).map_err(not_committed(path, "write", path))?;
    system.sync_directory(parent).map_err(committed(parent, "flush", path))
}

/// Writes a file that is there before `target` takes its place.
///
/// # Errors
/// The system refuses; the target is then what it was, and the error says so.
pub(crate) fn commit_file_before(system: &dyn FileSystem, path: &str, bytes: &[u8], target: &str) -> Result<()> {
    let placed = place_file(system, path, bytes).and_then(|()| system.sync_directory(split(path).0));
    placed.map_err(not_committed(path, "write", target))
}

fn place_file(system: &dyn FileSystem, path: &str, bytes: &[u8]) -> io::Result<()> {
    let stage = stage_of(path);
    let write = || -> io::Result<()> {
        make_directory(system, split(path).0)?;
        system.remove(&stage)?;
        system.write_new(&stage, &[Cow::Borrowed(bytes)])?;
        system.rename(&stage, path)
    };
    write().inspect_err(|_| {
        let _ = system.remove(&stage);
    })
}

/// Removes a directory as a whole: it loses its name first, so that none is ever there in part under that name.
///
/// # Errors
/// The system refuses.
pub fn remove_directory(system: &dyn FileSystem, target: &str) -> Result<()> {
    let stage = stage_of(target);
    let remove = || -> io::Result<()> {
        system.remove(&stage)?;
        system.rename(target, &stage)?;
        system.sync_directory(split(target).0)?;
        system.remove(&stage)
    };
    remove().map_err(refused(target, "remove"))
}

/// Makes a directory and those above it; the names of new ones are flushed.
fn make_directory(system: &dyn FileSystem, path: &str) -> io::Result<()> {
    let (parent, _) = split(path);
    if parent == path || system.is_directory(path)? == Some(true) {
        return Ok(());
    }
    make_directory(system, parent)?;
    system.create_directory(path)?;
    system.sync_directory(parent)
}

fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((parent, name)) => (parent, name),
        None => (".", path),
    }
}

/// Ends the name of what is not in its place yet, or no longer.
const STAGE: &str = ".rtrain-staging";

/// Ends, after [`STAGE`], the name of a directory that is being replaced where the system cannot exchange two in one step.
pub(super) const ASIDE: &str = ".old";

/// Where a directory or a file is written before it takes its place, and goes before it is removed.
fn stage_of(target: &str) -> String {
    let (parent, name) = split(target);
    format!("{parent}/.{name}{STAGE}")
}

fn not_a_directory(target: &str) -> Error {
    let diagnostic = Diagnostic::new("not-a-directory", Site::file(target), "a file stands where the directory should go");
    Error::misuse(diagnostic.hint("remove it, or choose another output_dir"))
}

/// Whether the disk of `target` has room for `needed` bytes, as far as the system tells.
///
/// # Errors
/// It has not; nothing was written.
pub fn check_space(system: &dyn FileSystem, target: &str, needed: u64) -> Result<()> {
    match system.available_bytes(split(target).0) {
        Ok(Some(free)) if free < needed => {
            let diagnostic = Diagnostic::new("disk-full", Site::file(target), "the disk has too little space; nothing was written")
                .expected(format!("{needed} bytes free"))
                .found(format!("{free} bytes"))
                .hint("free some space, or choose an output_dir on another disk");
            Err(Error::Io(Box::new(diagnostic)))
        }
        _ => Ok(()),
    }
}

/// The system refused an operation.
fn refused<'a>(path: &'a str, operation: &'a str) -> impl FnOnce(io::Error) -> Error + 'a {
    move |error| Error::io(path, operation, &error)
}

/// The system refused an operation before the target took its place.
fn not_committed<'a>(path: &'a str, operation: &'a str, target: &'a str) -> impl FnOnce(io::Error) -> Error + 'a {
    move |error| with_outcome(Error::io(path, operation, &error), &format!("{target} is what it was before"))
}

/// The system refused an operation after the target took its place.
fn committed<'a>(path: &'a str, operation: &'a str, target: &'a str) -> impl FnOnce(io::Error) -> Error + 'a {
    move |error| {
        let outcome = format!("{target} is new and complete, and it is not known whether it would outlast a loss of power");
        with_outcome(Error::io(path, operation, &error), &outcome)
    }
}

/// Adds what is left to an error.
pub(crate) fn with_outcome(error: Error, outcome: &str) -> Error {
    let mut diagnostic = error.diagnostic().clone();
    diagnostic.message = format!("{}; {outcome}", diagnostic.message);
    Error::Io(Box::new(diagnostic))
}

#[cfg(test)]
mod tests;

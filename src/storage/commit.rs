//! The committing writer: the only place that creates and renames files.
//!
//! A directory is written beside its target, flushed, and then takes the target's place in one step. Until that step the target is what it
//! was; after it, it is whole.

use crate::diagnostic::{Diagnostic, Error, Result, Site};
use std::borrow::Cow;
use std::io;

/// What the committing writer asks of a file system. Paths use `/`.
pub trait FileSystem {
    /// Free space for the user, where the system tells.
    ///
    /// # Errors
    /// The system refuses.
    fn available_bytes(&self, directory: &str) -> io::Result<Option<u64>>;
    /// Names in a directory, sorted.
    ///
    /// # Errors
    /// The system refuses.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Whether the path is a directory; nothing where it is not there.
    ///
    /// # Errors
    /// The system refuses.
    fn is_directory(&self, path: &str) -> io::Result<Option<bool>>;
    /// Makes a directory and those above it.
    ///
    /// # Errors
    /// The system refuses.
    fn create_directory(&self, path: &str) -> io::Result<()>;
    /// Writes a file that is not there yet, and flushes it to the disk.
    ///
    /// # Errors
    /// The file is there, or the system refuses.
    fn write_new(&self, path: &str, content: &[Cow<'_, [u8]>]) -> io::Result<()>;
    /// Flushes the names in a directory to the disk.
    ///
    /// # Errors
    /// The system refuses.
    fn sync_directory(&self, path: &str) -> io::Result<()>;
    /// Renames, replacing a file at the new path.
    ///
    /// # Errors
    /// The system refuses.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Lets two paths change places in one step.
    ///
    /// # Errors
    /// The system refuses.
    fn exchange(&self, first: &str, second: &str) -> io::Result<()>;
    /// A second name for a file.
    ///
    /// # Errors
    /// The system refuses.
    fn hard_link(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, or a directory with all that is in it; nothing there is fine.
    ///
    /// # Errors
    /// The system refuses.
    fn remove(&self, path: &str) -> io::Result<()>;
}

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
    let io = |path: &str, operation: &str| {
        let (path, operation) = (path.to_owned(), operation.to_owned());
        move |error: io::Error| Error::io(path, &operation, &error)
    };
    if system.is_directory(target).map_err(io(target, "look at"))? == Some(false) {
        return Err(not_a_directory(target));
    }
    let stage = stage_of(target);
    system.create_directory(parent).map_err(io(parent, "create the directory"))?;
    clear_stage(system, &stage, target).map_err(io(&stage, "remove the left-over staging directory"))?;
    system.create_directory(&stage).and_then(|()| system.remove(&stage)).map_err(io(&stage, "create the staging directory"))?;
    for name in system.list(target).unwrap_or_default() {
        if let Some(inner) = name.strip_prefix('.').and_then(|name| name.strip_suffix(STAGE)) {
            let (left_over, inner) = (format!("{target}/{name}"), format!("{target}/{inner}"));
            clear_stage(system, &left_over, &inner).map_err(io(&left_over, "remove the left-over staging directory"))?;
        }
    }
    check_space(system, parent, target, needed)
}

/// Writes a directory as a whole. Files and folders that the target has besides `files` stay in it.
///
/// # Errors
/// Too little space, or the system refuses; the target is then what it was, and the error says so.
pub fn commit_directory(system: &dyn FileSystem, target: &str, files: &Files<'_>) -> Result<()> {
    let target = target.trim_end_matches('/');
    let (parent, _) = split(target);
    let io = |path: &str, operation: &str| {
        let (path, operation) = (path.to_owned(), operation.to_owned());
        move |error: io::Error| not_committed(&path, &operation, target, &error)
    };
    system.create_directory(parent).map_err(io(parent, "create the directory"))?;
    check_space(
        system,
        parent,
        target,
        files.iter().flat_map(|(_, pieces)| pieces).map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX)).sum(),
    )?;
    let stage = stage_of(target);
    clear_stage(system, &stage, target).map_err(io(&stage, "remove the left-over staging directory"))?;
    let staged = stage_files(system, &stage, files, &io);
    let placed = staged.and_then(|()| match system.is_directory(target).map_err(io(target, "look at"))? {
        None => system.rename(&stage, target).map_err(io(target, "rename the staging directory to")),
        Some(true) => replace(system, &stage, target, files, &io),
        Some(false) => Err(not_a_directory(target)),
    });
    if let Err(error) = placed {
        let _ = system.remove(&stage);
        return Err(error);
    }
    system.sync_directory(parent).map_err(|error| Error::io(parent, &format!("flush after writing {target}, which is complete"), &error))
}

fn stage_files<E: FnOnce(io::Error) -> Error>(
    system: &dyn FileSystem,
    stage: &str,
    files: &Files<'_>,
    io: &impl Fn(&str, &str) -> E,
) -> Result<()> {
    system.create_directory(stage).map_err(io(stage, "create the staging directory"))?;
    for (name, content) in files {
        let path = format!("{stage}/{name}");
        system.write_new(&path, content).map_err(io(&path, "write"))?;
    }
    system.sync_directory(stage).map_err(io(stage, "flush"))
}

/// Puts the staged directory in the place of an existing one. Other files get a second name in the new directory before the exchange,
/// other folders move over after it, and only then the old directory goes.
fn replace<E: FnOnce(io::Error) -> Error>(
    system: &dyn FileSystem,
    stage: &str,
    target: &str,
    files: &Files<'_>,
    io: &impl Fn(&str, &str) -> E,
) -> Result<()> {
    let mut folders = Vec::new();
    for name in system.list(target).map_err(io(target, "list"))? {
        let path = format!("{target}/{name}");
        if system.is_directory(&path).map_err(io(&path, "look at"))? == Some(true) {
            folders.push(name);
        } else if !files.iter().any(|(written, _)| *written == name) {
            system.hard_link(&path, &format!("{stage}/{name}")).map_err(io(&path, "keep"))?;
        }
    }
    system.exchange(stage, target).map_err(io(target, "exchange the staging directory with"))?;
    let kept = |path: &str, error: &io::Error| {
        Error::io(path, &format!("move to {target}, whose new files are complete; it stays where it is"), error)
    };
    for name in folders {
        let from = format!("{stage}/{name}");
        if let Err(error) = system.rename(&from, &format!("{target}/{name}")) {
            return Err(keep_aside(system, stage, &kept(&from, &error)));
        }
    }
    let _ = system.remove(stage);
    Ok(())
}

/// A staging directory that still holds something of the user's gets a name that no later run removes.
fn keep_aside(system: &dyn FileSystem, stage: &str, error: &Error) -> Error {
    let aside = format!("{stage}.kept");
    let moved = system.rename(stage, &aside).is_ok();
    let diagnostic = error.diagnostic().clone().hint(format!("look into {}", if moved { &aside } else { stage }));
    Error::Io(Box::new(diagnostic))
}

/// Writes one file as a whole: beside its place, flushed, renamed.
///
/// # Errors
/// The system refuses; a file that was there is then what it was.
pub fn commit_file(system: &dyn FileSystem, path: &str, bytes: &[u8]) -> Result<()> {
    let (parent, _) = split(path);
    let stage = stage_of(path);
    let write = || -> io::Result<()> {
        system.create_directory(parent)?;
        system.remove(&stage)?;
        system.write_new(&stage, &[Cow::Borrowed(bytes)])?;
        system.rename(&stage, path)?;
        system.sync_directory(parent)
    };
    write().map_err(|error| {
        let _ = system.remove(&stage);
        not_committed(path, "write", path, &error)
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
        system.remove(&stage)
    };
    remove().map_err(|error| Error::io(target, "remove", &error))
}

/// Removes a left-over staging directory. Folders in it are those of the target, from a run that was killed in the middle of [`replace`]:
/// they go home first.
fn clear_stage(system: &dyn FileSystem, stage: &str, target: &str) -> io::Result<()> {
    if system.is_directory(stage)? == Some(true) && system.is_directory(target)? == Some(true) {
        for name in system.list(stage)? {
            let (from, home) = (format!("{stage}/{name}"), format!("{target}/{name}"));
            if system.is_directory(&from)? == Some(true) && system.is_directory(&home)?.is_none() {
                system.rename(&from, &home)?;
            }
        }
    }
    system.remove(stage)
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

/// Where a directory or a file is written before it takes its place, and goes before it is removed.
fn stage_of(target: &str) -> String {
    let (parent, name) = split(target);
    format!("{parent}/.{name}{STAGE}")
}

fn not_a_directory(target: &str) -> Error {
    let diagnostic = Diagnostic::new("not-a-directory", Site::file(target), "a file stands where the directory should go");
    Error::misuse(diagnostic.hint("remove it, or choose another output_dir"))
}

fn check_space(system: &dyn FileSystem, parent: &str, target: &str, needed: u64) -> Result<()> {
    match system.available_bytes(parent) {
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

fn not_committed(path: &str, operation: &str, target: &str, error: &io::Error) -> Error {
    let error = Error::io(path, operation, error);
    let mut diagnostic = error.diagnostic().clone();
    diagnostic.message = format!("{}; {target} is what it was before", diagnostic.message);
    Error::Io(Box::new(diagnostic))
}

#[cfg(test)]
mod tests {
    use super::super::MemoryFileSystem;
    use super::*;

    fn files(content: &str) -> Files<'static> {
        ["config.json", "model.safetensors", "tokenizer.json"]
            .map(|name| (name.to_owned(), vec![Cow::Owned(content.as_bytes().to_vec()), Cow::Owned(format!(" {name}").into_bytes())]))
            .to_vec()
    }

    fn old() -> MemoryFileSystem {
        let system = MemoryFileSystem::default();
        commit_directory(&system, "runs/out", &files("old")).unwrap();
        system.write_new("runs/out/notes.txt", &[Cow::Borrowed(b"mine")]).unwrap();
        system.create_directory("runs/out/checkpoint-1").unwrap();
        system.write_new("runs/out/checkpoint-1/model.safetensors", &[Cow::Borrowed(b"one")]).unwrap();
        system
    }

    fn is(system: &MemoryFileSystem, content: &str) -> bool {
        files(content).iter().all(|(name, pieces)| system.read(&format!("runs/out/{name}")) == Some(pieces.concat()))
    }

    #[test]
    fn what_else_lies_in_the_directory_stays() {
        let system = old();
        commit_directory(&system, "runs/out/", &files("new")).unwrap();
        assert!(is(&system, "new"));
        assert_eq!(system.read("runs/out/notes.txt").unwrap(), b"mine");
        assert_eq!(system.read("runs/out/checkpoint-1/model.safetensors").unwrap(), b"one");
        assert_eq!(system.list("runs").unwrap(), ["out"]);
    }

    #[test]
    fn every_operation_may_fail_and_the_directory_is_old_or_new() {
        let operations = {
            let system = old();
            system.count_from_here(None);
            commit_directory(&system, "runs/out", &files("new")).unwrap();
            system.operations()
        };
        assert!(operations > 10);
        for failing in 0..operations {
            let system = old();
            system.count_from_here(Some(failing));
            let result = commit_directory(&system, "runs/out", &files("new"));
            assert!(is(&system, "old") || is(&system, "new"), "operation {failing} left a mixture");
            assert_eq!(system.read("runs/out/notes.txt").unwrap(), b"mine", "operation {failing} lost a file");
            assert!(system.anywhere("checkpoint-1/model.safetensors"), "operation {failing} lost a checkpoint");
            assert!(result.is_ok() == is(&system, "new") || result.is_err(), "operation {failing} claims what is not there");
        }
    }

    /// A run that was killed after the exchange, before the folders came over.
    #[test]
    fn an_interrupted_exchange_is_finished_by_the_next_run() {
        let system = old();
        commit_directory(&system, "runs/.out.rtrain-staging", &files("old")).unwrap();
        system.rename("runs/out/checkpoint-1", "runs/.out.rtrain-staging/checkpoint-1").unwrap();
        prepare_directory(&system, "runs/out", 0).unwrap();
        assert_eq!(system.read("runs/out/checkpoint-1/model.safetensors").unwrap(), b"one");
        assert_eq!(system.list("runs").unwrap(), ["out"]);
    }

    #[test]
    fn a_directory_is_removed_as_a_whole() {
        let operations = {
            let system = old();
            system.count_from_here(None);
            remove_directory(&system, "runs/out/checkpoint-1").unwrap();
            system.operations()
        };
        for failing in 0..operations {
            let system = old();
            system.count_from_here(Some(failing));
            remove_directory(&system, "runs/out/checkpoint-1").unwrap_err();
            let whole = system.read("runs/out/checkpoint-1/model.safetensors").is_some();
            assert_eq!(whole, system.is_directory("runs/out/checkpoint-1").unwrap().is_some(), "operation {failing}");
            system.count_from_here(None);
            prepare_directory(&system, "runs/out", 0).unwrap();
            assert!(system.list("runs/out").unwrap().iter().all(|name| !name.starts_with('.')), "operation {failing} left something");
        }
    }

    #[test]
    fn what_would_fail_later_is_said_at_once() {
        let system = old();
        prepare_directory(&system, "runs/out", 1000).unwrap();
        prepare_directory(&system, "elsewhere/out", 1000).unwrap();
        assert!(is(&system, "old"));
        assert_eq!(system.list("runs").unwrap(), ["out"]);
        system.set_available(999);
        assert_eq!(prepare_directory(&system, "runs/out", 1000).unwrap_err().diagnostic().code, "disk-full");
        let taken = prepare_directory(&system, "runs/out/notes.txt", 0).unwrap_err();
        assert_eq!(taken.diagnostic().code, "not-a-directory");
    }

    #[test]
    fn too_little_space_is_said_before_anything_is_written() {
        let system = old();
        system.set_available(10);
        let error = commit_directory(&system, "runs/out", &files("new")).unwrap_err();
        assert_eq!(error.diagnostic().code, "disk-full");
        assert!(is(&system, "old"));
    }
}

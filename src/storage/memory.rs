//! Directories in memory: for browsers, and for tests that let every operation fail in turn.

use super::commit::FileSystem;
use super::{Content, Source};
use crate::diagnostic::Result;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// A directory in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryDirectory {
    /// The name that diagnostics show.
    pub name: String,
    /// Names and bytes.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Source for MemoryDirectory {
    fn names(&self) -> Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Content + '_>>> {
        Ok(self.files.get(name).map(|bytes| -> Box<dyn Content + '_> { Box::new(bytes.as_slice()) }))
    }

    fn path(&self, name: &str) -> String {
        match (self.name.as_str(), name) {
            ("", name) => name.to_owned(),
            (directory, "") => directory.to_owned(),
            (directory, name) => format!("{directory}/{name}"),
        }
    }
}

/// A file system in memory that can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryFileSystem {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    directories: RefCell<BTreeSet<String>>,
    available: Cell<Option<u64>>,
    operations: Cell<usize>,
    failing: Cell<Option<usize>>,
}

impl MemoryFileSystem {
    /// The bytes of a file.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.borrow().get(path).cloned()
    }

    /// Whether some path ends like this.
    pub fn anywhere(&self, end: &str) -> bool {
        self.files.borrow().keys().any(|path| path.ends_with(end))
    }

    /// Sets the free space that [`FileSystem::available_bytes`] reports.
    pub fn set_available(&self, bytes: u64) {
        self.available.set(Some(bytes));
    }

    /// Counts operations anew, and lets the one with that number fail.
    pub fn count_from_here(&self, failing: Option<usize>) {
        self.operations.set(0);
        self.failing.set(failing);
    }

    /// Operations since [`MemoryFileSystem::count_from_here`].
    pub fn operations(&self) -> usize {
        self.operations.get()
    }

    fn step(&self) -> io::Result<()> {
        let number = self.operations.replace(self.operations.get() + 1);
        if self.failing.get() == Some(number) { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    /// Moves all paths at or below each `from` to its `to`, at once.
    fn move_paths(&self, moves: &[(&str, &str)]) {
        let moved = |path: &str| {
            let rest = |from: &str| path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            moves.iter().find_map(|(from, to)| rest(from).map(|rest| format!("{to}{rest}"))).unwrap_or_else(|| path.to_owned())
        };
        let files = self.files.take();
        self.files.replace(files.into_iter().map(|(path, bytes)| (moved(&path), bytes)).collect());
        let directories = self.directories.take();
        self.directories.replace(directories.iter().map(|path| moved(path)).collect());
    }
}

impl FileSystem for MemoryFileSystem {
    fn available_bytes(&self, _directory: &str) -> io::Result<Option<u64>> {
        self.step()?;
        Ok(self.available.get())
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.step()?;
        let prefix = format!("{directory}/");
        let names = |path: &String| path.strip_prefix(&prefix).and_then(|rest| rest.split('/').next()).map(str::to_owned);
        let mut names: BTreeSet<String> =
            self.files.borrow().keys().filter_map(names).chain(self.directories.borrow().iter().filter_map(names)).collect();
        names.remove("");
        Ok(names.into_iter().collect())
    }

    fn is_directory(&self, path: &str) -> io::Result<Option<bool>> {
        self.step()?;
        let is_file = self.files.borrow().contains_key(path);
        Ok(if self.directories.borrow().contains(path) { Some(true) } else { is_file.then_some(false) })
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.step()?;
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        self.directories.borrow_mut().extend(ends.map(|end| path[..end].to_owned()));
        Ok(())
    }

    fn write_new(&self, path: &str, content: &[Cow<'_, [u8]>]) -> io::Result<()> {
        self.step()?;
        match self.files.borrow_mut().entry(path.to_owned()) {
            std::collections::btree_map::Entry::Occupied(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(content.concat());
                Ok(())
            }
        }
    }

    fn sync_directory(&self, _path: &str) -> io::Result<()> {
        self.step()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        self.files.borrow_mut().remove(to);
        self.move_paths(&[(from, to)]);
        Ok(())
    }

    fn exchange(&self, first: &str, second: &str) -> io::Result<()> {
        self.step()?;
        self.move_paths(&[(first, second), (second, first)]);
        Ok(())
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        let bytes = self.read(from).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.files.borrow_mut().insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step()?;
        let inside = format!("{path}/");
        self.files.borrow_mut().retain(|known, _| known != path && !known.starts_with(&inside));
        self.directories.borrow_mut().retain(|known| known != path && !known.starts_with(&inside));
        Ok(())
    }
}

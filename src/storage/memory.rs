//! Directories in memory: for browsers, and for tests that let every operation fail in turn.

use super::{Content, FileSystem, Source};
use crate::diagnostic::{Error, Result};
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

/// An operation that fails.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its number since [`MemoryFileSystem::count_from_here`].
    pub operation: usize,
    /// What the system says.
    pub kind: io::ErrorKind,
    /// How far it gets before that.
    pub reach: Reach,
    /// Whether all later operations fail too, as on a disk that is gone.
    pub lasting: bool,
}

impl Fault {
    /// Every way in which an operation can fail: on a bad disk, on a full one, and by a write that is cut short.
    pub fn every_kind(operation: usize) -> impl Iterator<Item = Fault> {
        const KINDS: [(io::ErrorKind, Reach); 6] = [
            (io::ErrorKind::Other, Reach::Nothing),
            (io::ErrorKind::Other, Reach::Half),
            (io::ErrorKind::Other, Reach::All),
            (io::ErrorKind::StorageFull, Reach::Nothing),
            (io::ErrorKind::StorageFull, Reach::Half),
            (io::ErrorKind::WriteZero, Reach::Half),
        ];
        KINDS.into_iter().flat_map(move |(kind, reach)| [false, true].map(|lasting| Fault { operation, kind, reach, lasting }))
    }
}

/// How far a failing operation gets. All but writing and removing do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing is done.
    Nothing,
    /// Half of the bytes are written, or half of the files removed.
    Half,
    /// All is written, and cannot be flushed; or all files are removed, and their directory is not.
    All,
}

impl Reach {
    fn of(self, total: usize) -> usize {
        match self {
            Reach::Nothing => 0,
            Reach::Half => total / 2,
            Reach::All => total,
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
    fault: Cell<Option<Fault>>,
}

impl MemoryFileSystem {
    /// The bytes of a file.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.borrow().get(path).cloned()
    }

    /// What a function makes of the bytes of a file, without a copy of them.
    pub fn with_file<R>(&self, path: &str, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.files.borrow().get(path).map(|bytes| look(bytes))
    }

    /// Puts a file there, with the directories above it.
    pub fn insert(&self, path: &str, bytes: Vec<u8>) {
        let ends = path.match_indices('/').map(|(end, _)| end);
        self.directories.borrow_mut().extend(ends.map(|end| path[..end].to_owned()));
        self.files.borrow_mut().insert(path.to_owned(), bytes);
    }

    /// Whether some path ends like this.
    pub fn anywhere(&self, end: &str) -> bool {
        self.files.borrow().keys().any(|path| path.ends_with(end))
    }

    /// Sets the free space that [`FileSystem::available_bytes`] reports.
    pub fn set_available(&self, bytes: u64) {
        self.available.set(Some(bytes));
    }

    /// Counts operations anew, and lets one of them fail.
    pub fn count_from_here(&self, fault: Option<Fault>) {
        self.operations.set(0);
        self.fault.set(fault);
    }

    /// Operations since [`MemoryFileSystem::count_from_here`].
    pub fn operations(&self) -> usize {
        self.operations.get()
    }

    /// The paths of all files, sorted.
    pub fn paths(&self) -> Vec<String> {
        self.files.borrow().keys().cloned().collect()
    }

    /// Every file with its bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.borrow().clone()
    }

    /// Counts an operation; the fault, if it is to fail.
    fn fault(&self) -> Option<Fault> {
        let number = self.operations.replace(self.operations.get() + 1);
        self.fault.get().filter(|fault| number == fault.operation || (fault.lasting && number > fault.operation))
    }

    fn step(&self) -> io::Result<()> {
        self.fault().map_or(Ok(()), |fault| Err(fault.kind.into()))
    }

    fn exists(&self, path: &str) -> bool {
        self.files.borrow().contains_key(path) || self.directories.borrow().contains(path)
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

    fn open_directory(&self, path: &str) -> Result<Box<dyn Source + '_>> {
        let open = |error| Error::io(path, "open the directory", &error);
        self.step().map_err(open)?;
        if !self.directories.borrow().contains(path) {
            return Err(open(io::ErrorKind::NotFound.into()));
        }
        let prefix = format!("{path}/");
        let name = |path: &String| path.strip_prefix(&prefix).filter(|name| !name.contains('/')).map(str::to_owned);
        let files = self.files.borrow();
        let files = files.iter().filter_map(|(path, bytes)| Some((name(path)?, bytes.clone()))).collect();
        Ok(Box::new(MemoryDirectory { name: path.to_owned(), files }))
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.step()?;
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        self.directories.borrow_mut().extend(ends.map(|end| path[..end].to_owned()));
        Ok(())
    }

    fn write_new(&self, path: &str, content: &[Cow<'_, [u8]>]) -> io::Result<()> {
        let fault = self.fault();
        if self.files.borrow().contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut bytes = content.concat();
        if let Some(fault) = fault {
            bytes.truncate(fault.reach.of(bytes.len()));
        }
        if fault.is_none_or(|fault| fault.reach != Reach::Nothing) {
            self.files.borrow_mut().insert(path.to_owned(), bytes);
        }
        fault.map_or(Ok(()), |fault| Err(fault.kind.into()))
    }

    fn sync_directory(&self, _path: &str) -> io::Result<()> {
        self.step()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step()?;
        if !self.exists(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.directories.borrow().contains(to) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.files.borrow_mut().remove(to);
        self.move_paths(&[(from, to)]);
        Ok(())
    }

    fn exchange(&self, first: &str, second: &str) -> io::Result<()> {
        self.step()?;
        if !self.exists(first) || !self.exists(second) {
            return Err(io::ErrorKind::NotFound.into());
        }
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
        let inside = format!("{path}/");
        let is_in = |known: &String| known == path || known.starts_with(&inside);
        if let Some(fault) = self.fault() {
            let files: Vec<String> = self.files.borrow().keys().filter(|path| is_in(path)).cloned().collect();
            for path in files.iter().take(fault.reach.of(files.len())) {
                self.files.borrow_mut().remove(path);
            }
            return Err(fault.kind.into());
        }
        self.files.borrow_mut().retain(|known, _| !is_in(known));
        self.directories.borrow_mut().retain(|known| !is_in(known));
        Ok(())
    }
}

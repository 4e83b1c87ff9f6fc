//! A disk for tests that knows what was flushed, and so every state that a loss of power may leave it in.
//!
//! The rules are those that a program may rely on, whatever the file system: bytes of a file are there once the file was flushed; a change of
//! a directory's names is there once that directory was flushed, and is made as a whole. Until then each change may be there or not,
//! whatever came before or after it, and the bytes of a file may be there in part, or be zeros.

use super::commit::ASIDE;
use super::{FileSystem, MemoryDirectory, Source};
use crate::diagnostic::{Error, Result};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

type Node = usize;
type Names = BTreeMap<(Node, String), Node>;

const ROOT: Node = 0;

/// More changes than these are never waiting at once: 2 to this power is what a test has the time for.
const MOST_PENDING: usize = 14;

#[derive(Debug, Default)]
pub(crate) struct VolatileDisk {
    history: RefCell<History>,
    /// Whether two directories change places by three renames rather than in one step.
    renames_only: bool,
}

#[derive(Debug, Default)]
struct History {
    now: usize,
    changes: Vec<Change>,
    /// Files by their number; a number without one is that of a directory.
    files: BTreeMap<Node, File>,
    nodes: Node,
}

/// What one operation does to names, as a whole.
#[derive(Debug)]
struct Change {
    at: usize,
    flushed: Option<usize>,
    names: Vec<(Node, String, Option<Node>)>,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    written: usize,
    flushed: usize,
}

/// Paths, and the bytes of those that are files.
pub(crate) type State = BTreeMap<String, Option<Vec<u8>>>;

impl VolatileDisk {
    pub(crate) fn new(renames_only: bool) -> Self {
        VolatileDisk { renames_only, ..VolatileDisk::default() }
    }

    /// A point in time, to tell what was done before it from what was done after it.
    pub(crate) fn now(&self) -> usize {
        self.history.borrow().now
    }

    /// Flushes all.
    pub(crate) fn settle(&self) {
        let history = &mut *self.history.borrow_mut();
        history.changes.iter_mut().for_each(|change| change.flushed = change.flushed.or(Some(history.now)));
    }

    /// Every state that a loss of power at that time may leave.
    pub(crate) fn states(&self, at: usize) -> Vec<State> {
        let history = self.history.borrow();
        let made: Vec<&Change> = history.changes.iter().filter(|change| change.at <= at).collect();
        let is_pending = |change: &&Change| change.flushed.is_none_or(|flushed| flushed > at);
        let pending = made.iter().filter(|change| is_pending(change)).count();
        assert!(pending <= MOST_PENDING, "{pending} changes are pending at once");
        let mut states = Vec::new();
        for chosen in 0..1_usize << pending {
            let mut place = 0;
            let kept = made.iter().filter(|change| {
                let number = place;
                place += usize::from(is_pending(change));
                !is_pending(change) || chosen & (1 << number) != 0
            });
            let mut found = vec![State::new()];
            history.gather(&names_after(kept.copied()), ROOT, "", at, &mut found);
            states.append(&mut found);
        }
        states
    }
}

/// Makes what a state holds on an empty disk.
pub(crate) fn restore(state: &State, system: &dyn FileSystem) {
    for (path, bytes) in state {
        match bytes {
            None => system.create_directory(path).unwrap(),
            Some(bytes) => system.write_new(path, &[Cow::Borrowed(bytes)]).unwrap(),
        }
    }
}

fn names_after<'a>(changes: impl Iterator<Item = &'a Change>) -> Names {
    let mut names = Names::new();
    for (directory, name, node) in changes.flat_map(|change| &change.names) {
        match node {
            Some(node) => names.insert((*directory, name.clone()), *node),
            None => names.remove(&(*directory, name.clone())),
        };
    }
    names
}

impl History {
    fn names(&self) -> Names {
        names_after(self.changes.iter())
    }

    fn inside(names: &Names, directory: Node) -> impl Iterator<Item = (&str, Node)> {
        let range = (directory, String::new())..(directory + 1, String::new());
        names.range(range).map(|((_, name), node)| (name.as_str(), *node))
    }

    /// Adds what lies in a directory to each state; a file that was not flushed makes several states of each.
    fn gather(&self, names: &Names, directory: Node, prefix: &str, at: usize, states: &mut Vec<State>) {
        for (name, node) in Self::inside(names, directory) {
            let path = format!("{prefix}{name}");
            let mut contents = match self.files.get(&node) {
                None => vec![None],
                Some(file) => file.contents(at).into_iter().map(Some).collect(),
            };
            contents.dedup();
            let with = |state: &State, content: &Option<Vec<u8>>| {
                let mut state = state.clone();
                state.insert(path.clone(), content.clone());
                state
            };
            *states = states.iter().flat_map(|state| contents.iter().map(|content| with(state, content))).collect();
            if !self.files.contains_key(&node) {
                self.gather(names, node, &format!("{path}/"), at, states);
            }
        }
    }

    fn find(&self, path: &str) -> Option<Node> {
        let names = self.names();
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        parts.into_iter().try_fold(ROOT, |node, part| names.get(&(node, part.to_owned())).copied())
    }

    /// The directory of a path, and the name in it.
    fn place(&self, path: &str) -> io::Result<(Node, String)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
        Ok((self.find(parent).ok_or(io::ErrorKind::NotFound)?, name.to_owned()))
    }

    fn change(&mut self, names: Vec<(Node, String, Option<Node>)>) {
        self.now += 1;
        self.changes.push(Change { at: self.now, flushed: None, names });
    }

    fn add(&mut self, place: (Node, String)) -> Node {
        self.nodes += 1;
        self.change(vec![(place.0, place.1, Some(self.nodes))]);
        self.nodes
    }

    fn remove(&mut self, place: (Node, String), node: Node) {
        let inside: Vec<(String, Node)> = Self::inside(&self.names(), node).map(|(name, node)| (name.to_owned(), node)).collect();
        for (name, inner) in inside {
            self.remove((node, name), inner);
        }
        self.change(vec![(place.0, place.1, None)]);
    }
}

impl File {
    fn contents(&self, at: usize) -> Vec<Vec<u8>> {
        if at >= self.flushed {
            vec![self.bytes.clone()]
        } else if at >= self.written {
            let half = self.bytes[..self.bytes.len() / 2].to_vec();
            vec![Vec::new(), half, vec![0; self.bytes.len()], self.bytes.clone()]
        } else {
            vec![Vec::new()]
        }
    }
}

impl FileSystem for VolatileDisk {
    fn available_bytes(&self, _directory: &str) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let history = self.history.borrow();
        let node = history.find(directory).ok_or(io::ErrorKind::NotFound)?;
        Ok(History::inside(&history.names(), node).map(|(name, _)| name.to_owned()).collect())
    }

    fn is_directory(&self, path: &str) -> io::Result<Option<bool>> {
        let history = self.history.borrow();
        Ok(history.find(path).map(|node| !history.files.contains_key(&node)))
    }

    fn open_directory(&self, path: &str) -> Result<Box<dyn Source + '_>> {
        let history = self.history.borrow();
        let node = history.find(path).ok_or_else(|| Error::io(path, "open the directory", &io::ErrorKind::NotFound.into()))?;
        let names = history.names();
        let files =
            History::inside(&names, node).filter_map(|(name, node)| Some((name.to_owned(), history.files.get(&node)?.bytes.clone())));
        Ok(Box::new(MemoryDirectory { name: path.to_owned(), files: files.collect() }))
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        let history = &mut *self.history.borrow_mut();
        for end in path.match_indices('/').map(|(end, _)| end).chain([path.len()]) {
            if history.find(&path[..end]).is_none() {
                let place = history.place(&path[..end])?;
                history.add(place);
            }
        }
        Ok(())
    }

    fn write_new(&self, path: &str, content: &[Cow<'_, [u8]>]) -> io::Result<()> {
        let history = &mut *self.history.borrow_mut();
        if history.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let place = history.place(path)?;
        let node = history.add(place);
        history.now += 2;
        history.files.insert(node, File { bytes: content.concat(), written: history.now - 1, flushed: history.now });
        Ok(())
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        let history = &mut *self.history.borrow_mut();
        let node = history.find(path).ok_or(io::ErrorKind::NotFound)?;
        history.now += 1;
        let touches = |change: &Change| change.names.iter().any(|(directory, ..)| *directory == node);
        for change in history.changes.iter_mut().filter(|change| change.flushed.is_none() && touches(change)) {
            change.flushed = Some(history.now);
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let history = &mut *self.history.borrow_mut();
        let node = history.find(from).ok_or(io::ErrorKind::NotFound)?;
        let (from, to) = (history.place(from)?, history.place(to)?);
        history.change(vec![(from.0, from.1, None), (to.0, to.1, Some(node))]);
        Ok(())
    }

    fn exchange(&self, first: &str, second: &str) -> io::Result<()> {
        if self.renames_only {
            let (aside, parent) = (format!("{first}{ASIDE}"), second.rsplit_once('/').map_or(".", |(parent, _)| parent));
            self.rename(second, &aside)?;
            self.sync_directory(parent)?;
            self.rename(first, second)?;
            self.sync_directory(parent)?;
            return self.rename(&aside, first);
        }
        let history = &mut *self.history.borrow_mut();
        let node = |path| history.find(path).ok_or(io::ErrorKind::NotFound);
        let nodes = (node(first)?, node(second)?);
        let (first, second) = (history.place(first)?, history.place(second)?);
        history.change(vec![(first.0, first.1, Some(nodes.1)), (second.0, second.1, Some(nodes.0))]);
        Ok(())
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        let history = &mut *self.history.borrow_mut();
        let node = history.find(from).ok_or(io::ErrorKind::NotFound)?;
        let to = history.place(to)?;
        history.change(vec![(to.0, to.1, Some(node))]);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let history = &mut *self.history.borrow_mut();
        if let Some(node) = history.find(path) {
            let place = history.place(path)?;
            history.remove(place, node);
        }
        Ok(())
    }
}

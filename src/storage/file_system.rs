//! What is asked of a file system: of a machine's, of one in memory, or of one that fails on purpose.

use super::Source;
use crate::diagnostic::Result;
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
    /// A directory to read from.
    ///
    /// # Errors
    /// It is not there, or the system refuses.
    fn open_directory(&self, path: &str) -> Result<Box<dyn Source + '_>>;
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
    /// Lets two directories change places: in one step where the system can. Else the second is called `{first}.old` for a moment, while
    /// nothing stands in its place.
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

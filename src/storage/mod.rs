//! Where directories come from and go to: reading by [`Source`], writing by the one committing writer in [`commit`].

pub mod commit;
mod content;
mod file_system;
mod memory;
#[cfg(not(target_family = "wasm"))]
mod native;
mod piece;
#[cfg(test)]
pub(crate) mod volatile;

pub use content::{CHUNK_BYTES, Content, each_chunk, in_parallel};
pub use file_system::FileSystem;
pub use memory::{Fault, MemoryDirectory, MemoryFileSystem, Reach};
#[cfg(not(target_family = "wasm"))]
pub use native::{DiskDirectory, DiskFile, NativeFileSystem};

pub use piece::Piece;

use crate::diagnostic::Result;

/// One directory to read from.
pub trait Source {
    /// Names of the files in it, sorted.
    ///
    /// # Errors
    /// The directory cannot be listed.
    fn names(&self) -> Result<Vec<String>>;

    /// Names of the files in a folder of the directory, the folder before each; none where there is no such folder, or where folders are part
    /// of [`Source::names`] already.
    ///
    /// # Errors
    /// The folder cannot be listed.
    fn names_in(&self, _folder: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Opens a file to read it in pieces, or nothing where it is not there.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    fn open(&self, name: &str) -> Result<Option<Box<dyn Content + '_>>>;

    /// The bytes of a file, or nothing where it is not there. Meant for files of text; [`Source::open`] is for those with tensors.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.open(name)?.map(|content| content.range(0..content.length())).transpose()
    }

    /// The path of a file as the user knows it; of the directory itself for an empty name.
    fn path(&self, name: &str) -> String;

    /// Whether the file is there.
    ///
    /// # Errors
    /// The directory cannot be listed.
    fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.names()?.iter().any(|known| known == name))
    }
}

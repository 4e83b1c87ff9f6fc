//! Where directories come from and go to: reading by [`Source`], writing by the one committing writer in [`commit`].

pub mod commit;
mod memory;
#[cfg(not(target_family = "wasm"))]
mod native;

pub use memory::{MemoryDirectory, MemoryFileSystem};
#[cfg(not(target_family = "wasm"))]
pub use native::{DiskDirectory, NativeFileSystem};

use crate::diagnostic::Result;

/// One directory to read from.
pub trait Source {
    /// Names of the files in it, sorted.
    ///
    /// # Errors
    /// The directory cannot be listed.
    fn names(&self) -> Result<Vec<String>>;

    /// The bytes of a file, or nothing where it is not there.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

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

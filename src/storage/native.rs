//! Directories on a disk.

use super::Source;
use super::commit::FileSystem;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A directory on a disk.
#[derive(Debug, Clone)]
pub struct DiskDirectory {
    path: PathBuf,
}

impl DiskDirectory {
    /// Opens a directory.
    ///
    /// # Errors
    /// There is no directory at that path.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = fs::metadata(&path).map_err(|error| Error::io(display(&path), "open the directory", &error))?;
        if metadata.is_dir() {
            return Ok(DiskDirectory { path });
        }
        let diagnostic = Diagnostic::new("not-a-directory", Site::file(display(&path)), "this is not a directory");
        Err(Error::misuse(diagnostic.hint("name the directory that holds config.json and model.safetensors")))
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

impl Source for DiskDirectory {
    fn names(&self) -> Result<Vec<String>> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                if fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()) {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names.sort();
            Ok(names)
        };
        list().map_err(|error| Error::io(display(&self.path), "list the directory", &error))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(display(&path), "read", &error)),
        }
    }

    fn path(&self, name: &str) -> String {
        if name.is_empty() { display(&self.path) } else { display(&self.path.join(name)) }
    }
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeFileSystem;

impl FileSystem for NativeFileSystem {
    fn available_bytes(&self, directory: &str) -> io::Result<Option<u64>> {
        #[cfg(unix)]
        {
            let status = rustix::fs::statvfs(directory)?;
            Ok(Some(status.f_bavail.saturating_mul(status.f_frsize)))
        }
        #[cfg(not(unix))]
        {
            let _ = directory;
            Ok(None)
        }
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(directory)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn is_directory(&self, path: &str) -> io::Result<Option<bool>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(metadata.is_dir())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn write_new(&self, path: &str, content: &[Cow<'_, [u8]>]) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        content.iter().try_for_each(|piece| file.write_all(piece))?;
        file.sync_all()
    }

    fn sync_directory(&self, path: &str) -> io::Result<()> {
        if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn exchange(&self, first: &str, second: &str) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            match renameat_with(CWD, first, CWD, second, RenameFlags::EXCHANGE) {
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
                result => return result.map_err(io::Error::from),
            }
        }
        let aside = format!("{first}.old");
        fs::rename(second, &aside)?;
        if let Err(error) = fs::rename(first, second) {
            let _ = fs::rename(&aside, second);
            return Err(error);
        }
        fs::rename(&aside, first)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

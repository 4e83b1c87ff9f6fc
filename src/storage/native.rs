//! Directories on a disk.

use super::commit::ASIDE;
use super::{Content, FileSystem, Source};
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
                // A link that leads nowhere is a file that cannot be read, rather than none.
                if fs::metadata(entry.path()).map_or(true, |metadata| metadata.is_file()) {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names.sort();
            Ok(names)
        };
        list().map_err(|error| Error::io(display(&self.path), "list the directory", &error))
    }

    fn names_in(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.path.join(folder);
        let inner = if path.is_dir() { DiskDirectory { path }.names()? } else { Vec::new() };
        Ok(inner.into_iter().map(|name| format!("{folder}/{name}")).collect())
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Content + '_>>> {
        let path = self.path.join(name);
        match DiskFile::open(&path) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => Ok(None),
            Err(error) => Err(Error::io(display(&path), "open", &error)),
        }
    }

    fn path(&self, name: &str) -> String {
        if name.is_empty() { display(&self.path) } else { display(&self.path.join(name)) }
    }
}

/// An open file on a disk. It is read at given places rather than mapped: a mapped file that somebody shortens kills the process, and a
/// failing disk as well, where a read returns an error that names the file; and what has been read is not counted as the program's memory.
#[derive(Debug)]
pub struct DiskFile {
    file: fs::File,
    path: String,
    length: u64,
}

impl DiskFile {
    /// Opens a file, such as one that a user names without a directory.
    ///
    /// # Errors
    /// The system refuses, or it is not a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        let file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        Ok(DiskFile { file, path: display(path), length })
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    let rest = buffer;
                    buffer = &mut rest[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Content for DiskFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::io(self.path.as_str(), "read", &io::Error::other("it was shortened meanwhile")),
            _ => Error::io(self.path.as_str(), "read", &error),
        })
    }
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeFileSystem;

impl NativeFileSystem {
    fn exchange_by_renames(&self, first: &str, second: &str) -> io::Result<()> {
        // Each rename is on the disk before the next one: the other way round the second directory would lose its only name.
        let aside = format!("{first}{ASIDE}");
        let parent = Path::new(second).parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flush = || self.sync_directory(&display(parent));
        fs::rename(second, &aside)?;
        if let Err(error) = flush().and_then(|()| fs::rename(first, second)) {
            let _ = fs::rename(&aside, second);
            return Err(error);
        }
        // Whatever comes now, the first one is in its new place. Where the second one stays aside, the next run finds it there.
        let _ = flush().and_then(|()| fs::rename(&aside, first));
        Ok(())
    }
}

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

    fn open_directory(&self, path: &str) -> Result<Box<dyn Source + '_>> {
        Ok(Box::new(DiskDirectory::open(path)?))
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
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            match renameat_with(CWD, first, CWD, second, RenameFlags::EXCHANGE) {
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {}
                result => return result.map_err(io::Error::from),
            }
        }
        self.exchange_by_renames(first, second)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(from, to).or_else(|_| {
            fs::copy(from, to)?;
            fs::File::options().write(true).open(to)?.sync_all()
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_shortened_meanwhile_is_an_error() {
        let path = std::env::temp_dir().join(format!("rtrain-shortened-{}", std::process::id()));
        fs::write(&path, [7; 100]).unwrap();
        let file = DiskFile::open(&path).unwrap();
        assert_eq!((file.length(), file.range(90..100).unwrap()), (100, vec![7; 10]));
        fs::File::options().write(true).open(&path).unwrap().set_len(50).unwrap();
        let error = file.range(40..60).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(error.to_string().ends_with("could not read: it was shortened meanwhile"), "{error}");
        assert_eq!(error.diagnostic().site.file, display(&path));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_a_file_that_cannot_be_read() {
        let path = std::env::temp_dir().join(format!("rtrain-links-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        std::os::unix::fs::symlink("nothing", path.join("config.json")).unwrap();
        let directory = DiskDirectory::open(&path).unwrap();
        let found = (directory.names().unwrap(), directory.read("config.json"), directory.read("other.json"));
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(found.0, ["config.json"]);
        assert_eq!(found.1.unwrap_err().diagnostic().site.file, display(&path.join("config.json")));
        assert_eq!(found.2.unwrap(), None);
    }

    #[test]
    fn directories_change_places_by_either_way() {
        let base = std::env::temp_dir().join(format!("rtrain-exchange-{}", std::process::id()));
        let path = |name: &str| display(&base.join(name));
        for name in ["first", "second"] {
            fs::create_dir_all(base.join(name)).unwrap();
            fs::write(base.join(name).join("name"), name).unwrap();
        }
        let names = || ["first", "second"].map(|name| fs::read_to_string(base.join(name).join("name")).unwrap());
        NativeFileSystem.exchange(&path("first"), &path("second")).unwrap();
        assert_eq!(names(), ["second", "first"]);
        NativeFileSystem.exchange_by_renames(&path("first"), &path("second")).unwrap();
        assert_eq!(names(), ["first", "second"]);
        let listed = NativeFileSystem.list(&display(&base)).unwrap();
        fs::remove_dir_all(&base).unwrap();
        assert_eq!(listed, ["first", "second"]);
    }

    #[test]
    fn a_directory_is_not_opened_as_a_file() {
        assert_eq!(DiskFile::open(&std::env::temp_dir()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}

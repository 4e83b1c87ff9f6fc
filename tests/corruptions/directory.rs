//! A copy of a golden directory on the disk, and the ways in which it is damaged.

use crate::records::{self, Record};
use rtrain::format::torch::archive::Archive;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy that may be damaged.
pub struct Directory {
    path: PathBuf,
}

/// Where a golden directory lies.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directories").join(name)
}

impl Directory {
    /// Copies the files of a golden directory, without the checkpoints below it.
    pub fn copy(from: &str, to: PathBuf) -> Self {
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(golden(from)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
        Directory { path: to }
    }

    /// The path of a file.
    pub fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Changes the bytes of a file, which must then be others.
    pub fn edit(&self, file: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let old = fs::read(self.path(file)).unwrap();
        let mut new = old.clone();
        edit(&mut new);
        assert!(new != old, "{file} is what it was");
        fs::write(self.path(file), new).unwrap();
    }

    /// Puts a text in the place of the first one like it.
    pub fn replace(&self, file: &str, old: &str, new: &str) {
        self.edit(file, |bytes| replace(bytes, old.as_bytes(), new.as_bytes()));
    }

    /// Turns bits of one byte; a negative offset counts from the end.
    pub fn flip(&self, file: &str, offset: isize, bits: u8) {
        self.edit(file, |bytes| {
            let at = if offset < 0 { bytes.len() - offset.unsigned_abs() } else { offset.unsigned_abs() };
            bytes[at] ^= bits;
        });
    }

    /// Turns bits of a byte behind a text that stands in the file once.
    pub fn flip_behind(&self, file: &str, text: &[u8], distance: usize, bits: u8) {
        self.edit(file, |bytes| {
            let at = find(bytes, text) + text.len() + distance;
            bytes[at] ^= bits;
        });
    }

    /// Keeps that many bytes; a negative number leaves out so many at the end.
    pub fn cut(&self, file: &str, length: isize) {
        self.edit(file, |bytes| {
            let length = if length < 0 { bytes.len() - length.unsigned_abs() } else { length.unsigned_abs() };
            bytes.truncate(length);
        });
    }

    /// Adds bytes at the end.
    pub fn append(&self, file: &str, more: &[u8]) {
        self.edit(file, |bytes| bytes.extend(more));
    }

    /// Adds bytes at the beginning.
    pub fn prepend(&self, file: &str, more: &[u8]) {
        self.edit(file, |bytes| drop(bytes.splice(0..0, more.iter().copied())));
    }

    /// Removes a file.
    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    /// Takes a file of another golden directory.
    pub fn take(&self, from: &str, file: &str) {
        let new = fs::read(golden(from).join(file)).unwrap();
        assert!(fs::read(self.path(file)).ok().as_ref() != Some(&new), "{file} is what it was");
        fs::write(self.path(file), new).unwrap();
    }

    /// Gives a file a second name.
    pub fn duplicate(&self, file: &str, name: &str) {
        fs::copy(self.path(file), self.path(name)).unwrap();
    }

    /// Lets two files change their names.
    pub fn swap(&self, first: &str, second: &str) {
        let (a, b) = (fs::read(self.path(first)).unwrap(), fs::read(self.path(second)).unwrap());
        fs::write(self.path(first), b).unwrap();
        fs::write(self.path(second), a).unwrap();
    }

    /// Changes the header of a safetensors file, whose length and padding follow.
    pub fn header(&self, file: &str, edits: &[(&str, &str)]) {
        self.edit(file, |bytes| {
            let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
            let mut header = bytes[8..8 + length].trim_ascii_end().to_vec();
            edits.iter().for_each(|(old, new)| replace(&mut header, old.as_bytes(), new.as_bytes()));
            header.resize(header.len().next_multiple_of(8), b' ');
            let data = bytes.split_off(8 + length);
            *bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
        });
    }

    /// Changes the pickle of a file of torch; the container is written anew, without a fault.
    pub fn pickle(&self, file: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        self.edit(file, |bytes| {
            let mut archive = Archive::parse(file, bytes).unwrap();
            edit(archive.pickle.to_mut());
            *bytes = archive.to_bytes();
        });
    }

    /// Puts bytes in the place of the first ones like them in the pickle of a file of torch.
    pub fn pickle_replace(&self, file: &str, old: &[u8], new: &[u8]) {
        self.pickle(file, |bytes| replace(bytes, old, new));
    }

    /// Lets instructions run before those of the pickle; what they leave on the stack is dropped.
    pub fn pickle_before(&self, file: &str, instructions: &[u8]) {
        self.pickle(file, |bytes| drop(bytes.splice(2..2, instructions.iter().copied().chain([b'0']))));
    }

    /// Adds an entry to the dict that the pickle makes.
    pub fn pickle_entry(&self, file: &str, instructions: &[u8]) {
        self.pickle(file, |bytes| {
            assert!(bytes.ends_with(b"u."));
            let at = bytes.len() - 2;
            bytes.splice(at..at, b"X\x05\0\0\0extra".iter().chain(instructions).copied());
        });
    }

    /// Changes the records of the container of a file of torch, which is then written anew as it is told.
    pub fn records(&self, file: &str, edit: impl FnOnce(&mut Vec<Record>)) {
        self.edit(file, |bytes| {
            let mut records = records::read(bytes);
            assert_eq!(records::write(&records), *bytes, "{file}");
            edit(&mut records);
            *bytes = records::write(&records);
        });
    }
}

/// Where bytes stand first.
pub fn find(bytes: &[u8], text: &[u8]) -> usize {
    bytes.windows(text.len()).position(|window| window == text).unwrap_or_else(|| panic!("{} is not there", text.escape_ascii()))
}

/// Puts bytes in the place of the first ones like them.
pub fn replace(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let at = find(bytes, old);
    bytes.splice(at..at + old.len(), new.iter().copied());
}

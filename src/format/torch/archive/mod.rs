//! The zip container of `torch.save`: a strict reader and a writer of torch's own bytes.
//!
//! `torch.load` checks neither checksums nor names nor what lies between the entries, and of two entries of one name it takes the last.
//! Here each of these is an error with a code of its own, and what remains has one way to be written only.
//!
//! # Source
//! torch 2.15.0, `torch/serialization.py` (`_save`), `caffe2/serialize/inline_container.cc`, `third_party/miniz-3.0.2/miniz.c`.

mod data;
mod layout;
mod reader;
mod serialization_id;
mod writer;

#[cfg(test)]
mod tests;

pub use data::Data;

use std::borrow::Cow;

/// What `torch.save` puts into one file: a pickle, and the storages that it refers to by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive<'a> {
    /// Folder of all entries: the name of the file without its extension, or `archive` where torch was not given a name.
    pub stem: Cow<'a, str>,
    /// The entry `data.pkl`.
    pub pickle: Cow<'a, [u8]>,
    /// The entries `data/0`, `data/1` and so on.
    pub storages: Vec<Data<'a>>,
}

impl Archive<'_> {
    /// Where the pickle begins in the file.
    pub fn pickle_offset(&self) -> u64 {
        layout::data_start(0, &format!("{}/{PICKLE}", self.stem), self.pickle.len())
    }
}

const PICKLE: &str = "data.pkl";
/// The entries between the pickle and the storages.
const HEAD: [(&str, &[u8]); 3] = [(".format_version", b"1"), (".storage_alignment", b"64"), ("byteorder", b"little")];
/// The entry after the storages.
const TAIL: (&str, &[u8]) = ("version", b"3\n");
const SERIALIZATION_ID: &str = ".data/serialization_id";
const SERIALIZATION_ID_DIGITS: usize = 40;

fn storage_name(number: usize) -> Cow<'static, str> {
    format!("data/{number}").into()
}

//! The bytes of a storage.

use crate::diagnostic::Result;
use crate::storage::{Content, Piece};
use std::borrow::Cow;
use std::ops::Range;

/// The bytes of a storage: in memory, or left in the file that they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// In memory.
    Held(Cow<'a, [u8]>),
    /// In the file, where they were looked at once for their checksum.
    Kept {
        /// Where they lie.
        range: Range<u64>,
        /// Their checksum, as zip computes it.
        crc: u32,
    },
}

impl Data<'_> {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Data::Held(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Data::Kept { range, .. } => range.end.saturating_sub(range.start),
        }
    }

    /// The bytes, if they are in memory.
    pub fn held(&self) -> Option<&[u8]> {
        match self {
            Data::Held(bytes) => Some(bytes),
            Data::Kept { .. } => None,
        }
    }

    /// The bytes of a range of these, where `content` is the file that they may have been left in.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn part(&self, content: &dyn Content, range: Range<u64>) -> Result<Vec<u8>> {
        match self {
            Data::Held(bytes) => bytes.as_ref().range(range),
            Data::Kept { range: kept, .. } => {
                content.range(kept.start.saturating_add(range.start)..kept.start.saturating_add(range.end).min(kept.end))
            }
        }
    }

    /// The same bytes, not copied.
    pub fn borrowed(&self) -> Data<'_> {
        match self {
            Data::Held(bytes) => Data::Held(Cow::Borrowed(bytes)),
            Data::Kept { range, crc } => Data::Kept { range: range.clone(), crc: *crc },
        }
    }

    pub(super) fn crc(&self) -> u32 {
        match self {
            Data::Held(bytes) => crc32fast::hash(bytes),
            Data::Kept { crc, .. } => *crc,
        }
    }
}

impl From<Vec<u8>> for Data<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Data::Held(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a [u8]> for Data<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Data::Held(Cow::Borrowed(bytes))
    }
}

impl<'a> From<Cow<'a, [u8]>> for Data<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        Data::Held(bytes)
    }
}

impl<'a> From<Data<'a>> for Piece<'a> {
    fn from(data: Data<'a>) -> Self {
        match data {
            Data::Held(bytes) => Piece::Written(bytes),
            Data::Kept { range, .. } => Piece::Kept(range),
        }
    }
}

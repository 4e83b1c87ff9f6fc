//! A part of a file that was written from values.

use super::Content;
use crate::diagnostic::Result;
use std::borrow::Cow;
use std::ops::Range;

/// A part of a rewritten file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that were written from values.
    Written(Cow<'a, [u8]>),
    /// Bytes that the values took over from this range of the file they were read from, such as a tensor's elements.
    Kept(Range<u64>),
}

impl<'a> Piece<'a> {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Piece::Written(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Piece::Kept(range) => range.end.saturating_sub(range.start),
        }
    }

    /// At most `length` bytes from `start` on, where `content` is the file that the values were read from.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn part(&self, content: &dyn Content, start: u64, length: u64) -> Result<Vec<u8>> {
        let end = start.saturating_add(length).min(self.length());
        match self {
            Piece::Written(bytes) => bytes.as_ref().range(start..end),
            Piece::Kept(range) => content.range(range.start.saturating_add(start)..range.start.saturating_add(end)),
        }
    }

    /// The bytes, if they were written; those of a value that is in memory as a whole always are.
    pub fn written(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Piece::Written(bytes) => Some(bytes),
            Piece::Kept(_) => None,
        }
    }
}

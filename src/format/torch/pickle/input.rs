//! The bytes of a pickle, and where they lie.

use std::fmt::Display;
use std::ops::Range;

use super::opcode as op;
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// Longest name of a module, class or function.
const MAX_NAME_BYTES: usize = 256;

/// Where a pickle lies.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Path of the file, for diagnostics.
    pub file: &'a str,
    /// Offset of the pickle in the file.
    pub offset: u64,
}

/// A pickle, read up to some byte.
pub(super) struct Input<'a> {
    source: Source<'a>,
    bytes: &'a [u8],
    position: usize,
    /// Where the instruction that is being followed begins.
    instruction: usize,
}

impl<'a> Input<'a> {
    /// The pickle after its first instruction, which tells the protocol.
    pub(super) fn new(source: Source<'a>, bytes: &'a [u8]) -> Result<Self> {
        let input = Input { source, bytes, position: 2, instruction: 0 };
        let start = bytes.get(..2).unwrap_or(bytes);
        if start != [op::PROTO, 2] {
            let error = input.diagnostic("pickle-protocol", 0..start.len(), "this is not a pickle of protocol 2");
            return Err(Error::malformed(error.expected("the bytes [80, 02]").found(format!("{start:02x?}"))));
        }
        Ok(input)
    }

    /// The next instruction.
    pub(super) fn opcode(&mut self) -> Result<u8> {
        self.instruction = self.position;
        let [opcode] = self.array()?;
        Ok(opcode)
    }

    /// Bytes after the last instruction are an error.
    pub(super) fn end(&self) -> Result<()> {
        if self.position == self.bytes.len() {
            return Ok(());
        }
        let error = self.diagnostic("pickle-trailing", self.position..self.bytes.len(), "bytes follow after the end of the pickle");
        Err(Error::malformed(error))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N)?;
        bytes.first_chunk().copied().ok_or_else(|| self.truncated())
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.position.checked_add(length);
        let bytes = end.and_then(|end| self.bytes.get(self.position..end)).ok_or_else(|| self.truncated())?;
        self.position = self.position.saturating_add(length);
        Ok(bytes)
    }

    /// A line of text: the name of a module, a class or a function.
    pub(super) fn line(&mut self) -> Result<String> {
        let rest = self.bytes.get(self.position..).unwrap_or(&[]);
        let end = rest.iter().take(MAX_NAME_BYTES).position(|&byte| byte == b'\n');
        let line = end.and_then(|end| rest.get(..end)).and_then(|line| std::str::from_utf8(line).ok());
        let Some(line) = line else {
            return Err(self.error("pickle-global", "the name of a class has no end"));
        };
        self.position = self.position.saturating_add(line.len()).saturating_add(1);
        Ok(line.to_owned())
    }

    fn truncated(&self) -> Error {
        self.error("pickle-truncated", "the pickle ends inside an instruction")
    }

    /// What is wrong with the instruction that is being followed.
    pub(super) fn error(&self, code: &'static str, message: impl Display) -> Error {
        Error::malformed(self.diagnostic(code, self.instruction..self.position, message))
    }

    pub(super) fn diagnostic(&self, code: &'static str, range: Range<usize>, message: impl Display) -> Diagnostic {
        let offset = |position: usize| self.source.offset.saturating_add(u64::try_from(position).unwrap_or(u64::MAX));
        let place = Place::Bytes(offset(range.start)..offset(range.end));
        Diagnostic::new(code, Site::file(self.source.file).at(place), message.to_string())
    }

    /// A diagnostic for the instruction that is being followed.
    pub(super) fn here(&self, code: &'static str, message: impl Display) -> Diagnostic {
        self.diagnostic(code, self.instruction..self.position, message)
    }

    /// A diagnostic for the pickle as a whole.
    pub(super) fn whole(&self, code: &'static str, message: impl Display) -> Diagnostic {
        self.diagnostic(code, 0..self.bytes.len(), message)
    }
}

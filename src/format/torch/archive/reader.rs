//! The container from bytes, with every part of it checked.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Range;

use super::layout::{CENTRAL_BYTES, CENTRAL_FIELDS, END_BYTES, END_SIGNATURE, END_SIGNATURE_FROM_END, Entry, Field, LOCAL_FIELDS, end};
use super::{Archive, Data, HEAD, PICKLE, SERIALIZATION_ID, SERIALIZATION_ID_DIGITS, TAIL, storage_name};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::storage::{CHUNK_BYTES, Content, each_chunk, in_parallel};

/// Storages up to this size are held in memory by [`Archive::read`]: numbers, and the states of generators.
const HELD_BYTES: u64 = 1 << 16;

impl Archive<'static> {
    /// Reads a file and leaves its larger storages where they lie. Every byte is looked at once, for the checksums, on all processors.
    ///
    /// # Errors
    /// Those of [`Archive::parse`], or the file cannot be read.
    pub fn read(path: &str, content: &dyn Content) -> Result<Self> {
        let mut archive = File { path, content }.archive()?;
        for data in &mut archive.storages {
            if let Data::Kept { range, .. } = data
                && range.end.saturating_sub(range.start) <= HELD_BYTES
            {
                *data = content.range(range.clone())?.into();
            }
        }
        Ok(archive)
    }
}

impl<'a> Archive<'a> {
    /// Reads a whole file in memory; the storages are not copied.
    ///
    /// # Errors
    /// Every difference from what torch writes for these entries, each kind with a code `torch-zip-…` of its own.
    pub fn parse(path: &str, bytes: &'a [u8]) -> Result<Archive<'a>> {
        let archive = File { path, content: &bytes }.archive()?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let held = |data| match data {
            Data::Kept { range, .. } => bytes.get(at(range.start)..at(range.end)).unwrap_or(&[]).into(),
            held @ Data::Held(_) => held,
        };
        Ok(Archive { stem: archive.stem, pickle: archive.pickle, storages: archive.storages.into_iter().map(held).collect() })
    }
}

struct File<'p> {
    path: &'p str,
    content: &'p dyn Content,
}

impl File<'_> {
    fn archive(&self) -> Result<Archive<'static>> {
        let range = self.directory_range()?;
        let directory = self.slice(range.clone())?;
        let entries = self.directory(range.clone(), &directory)?;
        self.check_names(&entries)?;
        let mut data = Vec::with_capacity(entries.len());
        let mut offset = 0;
        for entry in &entries {
            let (content, next) = self.entry(entry, offset, range.start)?;
            data.push(content);
            offset = next;
        }
        if offset != range.start {
            return Err(self.error("torch-zip-gap", offset..range.start, "bytes lie between the last entry and the directory"));
        }
        let pairs: Vec<(&Entry<'_>, &Range<u64>)> = entries.iter().zip(&data).collect();
        in_parallel(&pairs, |(entry, range), buffer| self.check_crc(entry, range, buffer))?;
        self.by_kind(&entries, &data)
    }

    /// Where the directory lies, from the three records at the end of the file.
    fn directory_range(&self) -> Result<Range<u64>> {
        let total = self.content.length();
        let records = self.slice(total.saturating_sub(END_BYTES)..total)?;
        if length(&records) != END_BYTES || !self.ends_with_signature(&records) {
            return Err(self.no_end()?);
        }
        let number = |at| u64_at(&records, at).unwrap_or(0);
        let (count, size, offset) = (number(32), number(40), number(48));
        let start = total.saturating_sub(length(&records));
        let expected = end(count, size, offset);
        if expected != records {
            return Err(self.error("torch-zip-end", start..total, "the records at the end of the archive are not as torch writes them"));
        }
        if offset.checked_add(size) != Some(start) {
            let diagnostic = self.diagnostic("torch-zip-end", start..total, "the directory does not lie where the end of the archive says");
            return Err(Error::malformed(diagnostic.expected(format!("an end at {start}")).found(format!("{offset} + {size}"))));
        }
        Ok(offset..start)
    }

    fn ends_with_signature(&self, bytes: &[u8]) -> bool {
        let start = bytes.len().checked_sub(END_SIGNATURE_FROM_END);
        start.and_then(|start| bytes.get(start..)).is_some_and(|end| end.starts_with(&END_SIGNATURE))
    }

    fn no_end(&self) -> Result<Error> {
        let total = self.content.length();
        let start = total.saturating_sub(CHUNK_BYTES);
        let rest = self.slice(start..total)?;
        let signature = rest.windows(END_SIGNATURE.len()).rposition(|window| window == END_SIGNATURE);
        let end = signature.map(|at| at.saturating_add(END_SIGNATURE_FROM_END)).filter(|&end| end < rest.len());
        let end = end.and_then(|end| start.checked_add(u64::try_from(end).ok()?));
        let (code, range, message) = match end {
            Some(end) => ("torch-zip-trailing", end..total, "bytes follow after the end of the archive"),
            None => ("torch-zip-truncated", 0..total, "the file is cut short, or it is no archive of torch"),
        };
        Ok(Error::malformed(self.diagnostic(code, range, message).hint("fetch or save the file again")))
    }

    /// The entries as the directory lists them, whose bytes are `bytes`.
    fn directory<'d>(&self, range: Range<u64>, bytes: &'d [u8]) -> Result<Vec<Entry<'d>>> {
        let mut entries = Vec::new();
        let mut offset = range.start;
        while offset < range.end {
            let rest = usize::try_from(offset.saturating_sub(range.start)).ok().and_then(|start| bytes.get(start..));
            let (entry, length) = self.central(offset..range.end, rest.unwrap_or(&[]))?;
            entries.push(entry);
            offset = offset.saturating_add(length);
        }
        let found = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let expected = u64_at(&self.slice(range.end..self.content.length())?, 32);
        if expected != Some(found) {
            let diagnostic = self.diagnostic("torch-zip-end", range, "the directory does not list as many entries as the end says");
            return Err(Error::malformed(diagnostic.expected(expected.unwrap_or(0)).found(found)));
        }
        Ok(entries)
    }

    fn central<'d>(&self, Range { start: offset, end }: Range<u64>, rest: &'d [u8]) -> Result<(Entry<'d>, u64)> {
        let cut = || self.error("torch-zip-directory", offset..end, "the directory ends inside an entry");
        let (name_bytes, extra_bytes) = (u16_at(rest, 28).ok_or_else(cut)?, u16_at(rest, 30).ok_or_else(cut)?);
        let name_end = CENTRAL_BYTES.saturating_add(name_bytes);
        let name = rest.get(CENTRAL_BYTES..name_end).ok_or_else(cut)?;
        let extra = rest.get(name_end..name_end.saturating_add(extra_bytes)).ok_or_else(cut)?;
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(self.error("torch-zip-name", offset..end, "the name of an entry is not UTF-8"));
        };
        // Numbers that do not fit 32 bits stand in the extra field, in this order: size, size, offset.
        let mut wide = extra.get(4..).unwrap_or(&[]).as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut number = |at| match u32_at(rest, at) {
            Some(u32::MAX) => wide.next(),
            number => number.map(u64::from),
        };
        let (bytes, _, entry_offset) = (number(24).ok_or_else(cut)?, number(20).ok_or_else(cut)?, number(42).ok_or_else(cut)?);
        let entry = Entry { name, crc: u32_at(rest, 16).ok_or_else(cut)?, bytes, offset: entry_offset };
        let header = entry.central_header();
        self.check(&header, offset, &CENTRAL_FIELDS, ("torch-zip-directory", "extra field in the directory"), name)?;
        Ok((entry, length(&header)))
    }

    /// Whether every entry has a name of its own, in one folder.
    fn check_names(&self, entries: &[Entry<'_>]) -> Result<()> {
        let mut names = HashSet::new();
        match entries.iter().find(|entry| !names.insert(entry.name)) {
            Some(entry) => {
                let end = entry.offset.saturating_add(entry.bytes);
                let diagnostic =
                    self.diagnostic("torch-zip-duplicate", entry.offset..end, format!("two entries are named {:?}", entry.name));
                Err(Error::malformed(diagnostic.hint("torch.load takes the last one and says nothing")))
            }
            None => Ok(()),
        }
    }

    /// The data of an entry that must begin at `offset`, and where the next must begin.
    fn entry(&self, entry: &Entry<'_>, offset: u64, limit: u64) -> Result<(Range<u64>, u64)> {
        if entry.offset != offset {
            let message = format!("the entry {:?} does not follow upon the one before: a gap or an overlap", entry.name);
            let diagnostic = self.diagnostic("torch-zip-gap", offset.min(entry.offset)..offset.max(entry.offset), message);
            return Err(Error::malformed(diagnostic.expected(format!("offset {offset}")).found(entry.offset)));
        }
        let header = entry.local_header();
        self.check_local_name(entry, offset)?;
        self.check(&header, offset, &LOCAL_FIELDS, ("torch-zip-alignment", "padding before the data"), entry.name)?;
        let start = offset.saturating_add(length(&header));
        let end = start.saturating_add(entry.bytes);
        let descriptor = entry.descriptor();
        let next = end.saturating_add(length(&descriptor));
        if next > limit {
            let diagnostic =
                self.diagnostic("torch-zip-size", start..limit, format!("the entry {:?} is larger than its place", entry.name));
            return Err(Error::malformed(diagnostic.expected(format!("{} bytes", entry.bytes)).found(limit.saturating_sub(start))));
        }
        if self.slice(end..next)? != descriptor {
            let message = format!("the descriptor of the entry {:?} is not that of the directory", entry.name);
            return Err(self.error("torch-zip-descriptor", end..next, message));
        }
        Ok((start..end, next))
    }

    /// Whether the data of an entry have the checksum that the directory has.
    fn check_crc(&self, entry: &Entry<'_>, range: &Range<u64>, buffer: &mut Vec<u8>) -> Result<()> {
        let mut hasher = crc32fast::Hasher::new();
        each_chunk(self.content, range.clone(), buffer, |_, bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        let crc = hasher.finalize();
        if crc != entry.crc {
            let diagnostic = self.diagnostic("torch-zip-crc", range.clone(), format!("the data of the entry {:?} are damaged", entry.name));
            let diagnostic = diagnostic.expected(format!("checksum {:08x}", entry.crc)).found(format!("{crc:08x}"));
            return Err(Error::malformed(diagnostic.hint("torch.load does not notice this; fetch or save the file again")));
        }
        Ok(())
    }

    /// Whether the local header has the name that the directory has.
    fn check_local_name(&self, entry: &Entry<'_>, offset: u64) -> Result<()> {
        let start = offset.saturating_add(super::layout::LOCAL_BYTES);
        let range = start..start.saturating_add(length(entry.name.as_bytes()));
        let name = self.slice(range.clone())?;
        if name != entry.name.as_bytes() {
            let diagnostic = self.diagnostic("torch-zip-name", range, "an entry has another name than in the directory");
            return Err(Error::malformed(diagnostic.expected(entry.name).found(String::from_utf8_lossy(&name))));
        }
        Ok(())
    }

    /// Compares a header with what torch writes; the first field that differs decides the code.
    fn check(&self, expected: &[u8], offset: u64, fields: &[Field], rest: (&'static str, &str), name: &str) -> Result<()> {
        let found = self.slice(offset..offset.saturating_add(length(expected)))?;
        let differs = |range: &Range<usize>| expected.get(range.clone()) != found.get(range.clone());
        let field = fields.iter().find(|(range, _, _)| differs(range)).map(|(range, code, what)| (range.clone(), *code, *what));
        let field = field.or_else(|| (found != expected).then_some((0..expected.len(), rest.0, rest.1)));
        let Some((range, code, what)) = field else { return Ok(()) };
        let hexadecimal =
            |bytes: &[u8]| bytes.get(range.clone()).unwrap_or(&[]).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let (expected, found): (String, String) = (hexadecimal(expected), hexadecimal(&found));
        let at = |position: usize| offset.saturating_add(u64::try_from(position).unwrap_or(u64::MAX));
        let diagnostic =
            self.diagnostic(code, at(range.start)..at(range.end), format!("{what} of the entry {name:?} is not as torch writes it"));
        Err(Error::malformed(diagnostic.expected(expected).found(found)))
    }

    /// The entries by what they are.
    fn by_kind(&self, entries: &[Entry<'_>], data: &[Range<u64>]) -> Result<Archive<'static>> {
        let part = |index: usize| data.get(index).map_or(Ok(Vec::new()), |range| self.content.range(range.clone()));
        let folder = entries.first().and_then(|entry| entry.name.strip_suffix(PICKLE)).and_then(|folder| folder.strip_suffix('/'));
        let Some(stem) = folder.filter(|stem| !stem.is_empty() && !stem.contains('/')) else {
            return Err(self.error("torch-zip-record", 0..self.content.length(), "the first entry is not a data.pkl in one folder"));
        };
        let storages = entries.len().saturating_sub(HEAD.len().saturating_add(3));
        let names = std::iter::once((Cow::Borrowed(PICKLE), None))
            .chain(HEAD.map(|(name, content)| (name.into(), Some(content))))
            .chain((0..storages).map(|number| (storage_name(number), None)))
            .chain([(TAIL.0.into(), Some(TAIL.1)), (SERIALIZATION_ID.into(), None)]);
        for (index, (name, content)) in names.enumerate() {
            let entry = entries.get(index);
            let found = entry.map_or("no entry", |entry| entry.name);
            let start = entry.map_or(0, |entry| entry.offset);
            let expected = format!("{stem}/{name}");
            if found != expected {
                let diagnostic = self.diagnostic("torch-zip-record", start..start, "an entry is missing, or out of order");
                return Err(Error::malformed(diagnostic.expected(expected).found(found)));
            }
            let Some(content) = content else { continue };
            let is_long = data.get(index).is_none_or(|range| range.end.saturating_sub(range.start) > length(content));
            let data = if is_long { Vec::new() } else { part(index)? };
            if content != data {
                let diagnostic = self.diagnostic("torch-zip-record", start..start, format!("the entry {found:?} has another content"));
                let text = |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(bytes.get(..32).unwrap_or(bytes)));
                return Err(Error::unsupported(diagnostic.expected(text(content)).found(if is_long {
                    "a longer one".to_owned()
                } else {
                    text(&data)
                })));
            }
        }
        let id = data.last().filter(|range| range.end.saturating_sub(range.start) <= HELD_BYTES).cloned().unwrap_or_default();
        let id = self.content.range(id)?;
        if id.len() != SERIALIZATION_ID_DIGITS || !id.iter().all(u8::is_ascii_digit) {
            return Err(self.error(
                "torch-zip-serialization-id",
                0..self.content.length(),
                "the serialization id is not a number of 40 digits",
            ));
        }
        let kept = |(range, entry): (&Range<u64>, &Entry<'_>)| Data::Kept { range: range.clone(), crc: entry.crc };
        let storages = data.iter().zip(entries).skip(HEAD.len().saturating_add(1)).take(storages).map(kept).collect();
        Ok(Archive { stem: stem.to_owned().into(), pickle: part(0)?.into(), storages })
    }

    /// The bytes of a range, as far as the file has them.
    fn slice(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let end = range.end.min(self.content.length());
        self.content.range(range.start.min(end)..end)
    }

    fn error(&self, code: &'static str, range: Range<u64>, message: impl Display) -> Error {
        Error::malformed(self.diagnostic(code, range, message))
    }

    fn diagnostic(&self, code: &'static str, range: Range<u64>, message: impl Display) -> Diagnostic {
        Diagnostic::new(code, Site::file(self.path).at(Place::Bytes(range)), message.to_string())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk).into())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

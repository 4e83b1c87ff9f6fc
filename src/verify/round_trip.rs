//! Each file by itself: read into values, written from them alone, compared byte for byte.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::line_and_column;
use crate::format::release::RELEASES;
use crate::format::release::files::Holds;
use crate::format::rewriting;
use crate::format::safetensors::Header;
use crate::format::torch::content::TorchContent;
use crate::format::torch::kind::TorchKind;
use crate::storage::{CHUNK_BYTES, Content, Piece};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the files of torch hold, by their names: they are read once.
pub(super) type TorchFiles = BTreeMap<String, TorchContent<'static>>;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// Read, written again, same bytes.
    Identical,
    /// Read, but transformers would write other bytes for the same values.
    Differs,
    /// Not readable as what its name says.
    Unreadable,
    /// A file that this version does not know.
    NotChecked,
}

impl FileStatus {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            FileStatus::Identical => "identical",
            FileStatus::Differs => "differs",
            FileStatus::Unreadable => "unreadable",
            FileStatus::NotChecked => "not checked",
        }
    }
}

/// What a file of that name holds, in whichever release writes it; files of other names hold what their ending says.
fn holds(name: &str) -> Option<Holds> {
    let row = RELEASES.iter().find_map(|release| release.file(name)).map(|row| row.holds);
    let ending = || name.ends_with(".safetensors").then_some(Holds::Safetensors).or_else(|| TorchKind::of(name).map(Holds::Torch));
    row.or_else(ending)
}

/// What the files of a directory turn out to be.
pub(super) struct Files {
    /// The release that hints name.
    pub(super) release: &'static str,
    /// What the files of torch hold.
    pub(super) torch: TorchFiles,
    /// What is wrong.
    pub(super) findings: Vec<Diagnostic>,
}

impl Files {
    /// Checks one file and adds what is wrong to the findings.
    ///
    /// # Errors
    /// The file cannot be read from the disk.
    pub(super) fn check(&mut self, name: &str, path: &str, content: &dyn Content) -> Result<FileStatus> {
        let Some(holds) = holds(name) else {
            return Ok(FileStatus::NotChecked);
        };
        match self.rewrite(holds, name, path, content) {
            Ok(None) => Ok(FileStatus::Identical),
            Ok(Some(difference)) => {
                let hint =
                    format!("load the directory with transformers {} and save it again, or ask what has edited the file", self.release);
                self.findings.push(difference.hint(hint));
                Ok(FileStatus::Differs)
            }
            Err(error @ Error::Io(_)) => Err(error),
            // A model card is there to be written by people.
            Err(_) if holds == Holds::ModelCard => Ok(FileStatus::NotChecked),
            Err(error) => {
                self.findings.push(error.diagnostic().clone());
                Ok(FileStatus::Unreadable)
            }
        }
    }

    /// Reads a file into values and writes it from them; what transformers would write differently comes back.
    fn rewrite(&mut self, holds: Holds, name: &str, path: &str, content: &dyn Content) -> Result<Option<Diagnostic>> {
        match holds {
            Holds::Safetensors => rewrite_safetensors(path, content),
            // Larger tensors are not read again where they have not moved.
            Holds::Torch(kind) => {
                let value = TorchContent::read(kind, path, content)?;
                let difference = compare(path, content, &value.pieces())?;
                self.torch.insert(name.to_owned(), value);
                Ok(difference)
            }
            small => {
                let written = rewriting::rewrite(small, path, &content.range(0..content.length())?)?;
                compare(path, content, &[Piece::Written(Cow::Owned(written))])
            }
        }
    }
}

/// Header and data in canonical order, from the values alone. Where the header is the canonical one, the data lie where it says.
fn rewrite_safetensors(path: &str, content: &dyn Content) -> Result<Option<Diagnostic>> {
    let (header, head) = Header::read(path, content)?;
    match header.not_canonical(path, &head) {
        Some(difference) => Ok(Some(difference)),
        None => compare(path, content, &[Piece::Written(Cow::Owned(header.to_bytes())), Piece::Kept(header.data_start..content.length())]),
    }
}

/// Holds a file against the pieces that it was rewritten as, one after another and never put together.
///
/// # Errors
/// The file cannot be read from the disk.
pub(super) fn compare(path: &str, content: &dyn Content, pieces: &[Piece<'_>]) -> Result<Option<Diagnostic>> {
    let mut offset = 0_u64;
    for piece in pieces {
        let length = piece.length();
        let stays = matches!(piece, Piece::Kept(range) if range.start == offset);
        let mut start = 0;
        while start < length && !stays {
            let written = piece.part(content, start, CHUNK_BYTES)?;
            let here = offset.saturating_add(start);
            let end = here.saturating_add(CHUNK_BYTES.min(length.saturating_sub(start))).min(content.length());
            let found = content.range(here.min(end)..end)?;
            if found != written {
                let same = found.iter().zip(&written).take_while(|(left, right)| left == right).count();
                let rest = written.get(same..).unwrap_or(&[]);
                return not_identical(path, content, here.saturating_add(u64::try_from(same).unwrap_or(0)), rest).map(Some);
            }
            start = start.saturating_add(CHUNK_BYTES);
        }
        offset = offset.saturating_add(length);
    }
    if offset == content.length() { Ok(None) } else { not_identical(path, content, offset, &[]).map(Some) }
}

fn not_identical(path: &str, content: &dyn Content, offset: u64, written: &[u8]) -> Result<Diagnostic> {
    let found = content.range(offset..content.length().min(offset.saturating_add(EXCERPT_BYTES)))?;
    let before = if offset <= LONGEST_TEXT { Some(content.range(0..offset)?) } else { None };
    let place = match before.filter(|before| is_text(before) && is_text(&found)) {
        Some(text) => {
            let (line, column) = line_and_column(&text, text.len());
            Place::Line(line, column)
        }
        None => Place::Bytes(offset..offset.saturating_add(1)),
    };
    Ok(Diagnostic::new("not-identical", Site::file(path).at(place), "transformers writes other bytes for the same values")
        .expected(excerpt(written))
        .found(excerpt(&found)))
}

/// Whether these bytes of a file may be text, the last character of which is cut perhaps.
fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// What lies beyond that many bytes is named by its byte rather than by its line.
const LONGEST_TEXT: u64 = 1 << 26;

/// Bytes of a file that a finding shows.
const EXCERPT_BYTES: u64 = 24;

fn excerpt(rest: &[u8]) -> String {
    if rest.is_empty() {
        return "the end of the file".to_owned();
    }
    let piece = rest.get(..24).unwrap_or(rest);
    match std::str::from_utf8(piece) {
        Ok(text) => format!("{text:?}"),
        Err(error) if error.valid_up_to() > 0 => format!("{:?}", String::from_utf8_lossy(piece.get(..error.valid_up_to()).unwrap_or(&[]))),
        Err(_) => format!("{piece:02x?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::golden;
    use crate::inspect::{Detail, inspect_file};
    use std::ops::Range;

    /// Every file that real torch wrote, read and written again piece by piece.
    #[test]
    fn files_of_torch_are_written_as_torch_writes_them() {
        let files = golden::files(|_| true);
        for (path, bytes) in &files {
            let name = path.rsplit('/').next().unwrap();
            let mut read = Files { release: "5.23.0", torch: TorchFiles::new(), findings: Vec::new() };
            let status = read.check(name, path, &bytes.as_slice()).unwrap();
            assert_eq!((status, read.findings), (FileStatus::Identical, Vec::new()), "{path}");
            let description = inspect_file(name, path, &bytes.as_slice(), Detail::Full).unwrap();
            assert!(description.kind.is_some() && description.error.is_none(), "{description:?}");
        }
        assert!(files.len() > 40, "{} files", files.len());
    }

    /// A file and pieces that make it up: some written, some kept, one of those from another place.
    #[test]
    fn pieces_are_compared_one_after_another() {
        let size = 2 * CHUNK_BYTES + 100;
        let bytes: Vec<u8> = (0..size).map(|byte| (byte % 251) as u8).collect();
        let content: &dyn Content = &bytes.as_slice();
        let written = |range: Range<usize>| Piece::Written(bytes[range].to_vec().into());
        let compared = |pieces: &[Piece<'_>]| compare("f", content, pieces).unwrap().map(|difference| difference.site.place);
        let at = |offset: u64| Some(Place::Bytes(offset..offset + 1));
        assert_eq!(compared(&[written(0..50), Piece::Kept(50..size)]), None);
        assert_eq!(compared(&[Piece::Kept(0..10), written(10..size as usize)]), None);
        assert_eq!(compared(&[Piece::Kept(251..351), Piece::Kept(100..size)]), None);
        assert_eq!(compared(&[Piece::Kept(251..351), Piece::Kept(100..size - 1)]), at(size - 1));
        assert_eq!(compared(&[Piece::Kept(0..size), written(0..1)]), at(size));
        assert_eq!(compared(&[Piece::Kept(252..size), written(0..252)]), at(0));
        let mut changed = bytes[..size as usize].to_vec();
        changed[CHUNK_BYTES as usize + 7] ^= 1;
        assert_eq!(compared(&[Piece::Written(changed.into())]), at(CHUNK_BYTES + 7));
    }
}

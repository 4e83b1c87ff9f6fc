//! The safetensors container: a strict reader and the canonical writer.
//!
//! Stricter than the `safetensors` crate, which this project tests against: what is read here is read there, with the same tensors, and not
//! the other way round. All offsets are 64 bits wide, also where a pointer is not.
//!
//! # Source
//! safetensors 0.8.0, `safetensors/src/tensor.rs`.

mod canonical;
mod entry;
#[cfg(test)]
mod tests;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::storage::Content;
use std::borrow::Cow;

pub use crate::format::dtype::{Dtype, from_f32, to_f32};

/// Longest header that is read, in bytes: the limit of the safetensors crate.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Bytes of the header's length, which a file begins with.
const LENGTH_BYTES: u64 = 8;

/// One tensor of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// First byte, counted from the end of the header.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
}

impl TensorInfo {
    /// Number of elements; a header whose product of sizes has no 64 bits is not read.
    pub fn numel(&self) -> u64 {
        self.shape.iter().fold(1, |numel: u64, &size| numel.saturating_mul(size))
    }

    /// Bytes of the elements.
    pub fn bytes(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// What a safetensors file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `__metadata__`, in the order of the file.
    pub metadata: Vec<(String, String)>,
    /// The tensors, in the order of their data.
    pub tensors: Vec<TensorInfo>,
    /// Where the data begin: 8 + header length.
    pub data_start: u64,
}

impl Header {
    /// Reads and checks the header of a whole file in memory.
    ///
    /// # Errors
    /// Everything that makes the file something else than one run of tensors without holes, each under a code of its own:
    /// `safetensors-truncated`, `safetensors-header-length`, `safetensors-header`, `safetensors-duplicate-name`, `safetensors-metadata`,
    /// `safetensors-name`, `safetensors-entry`, `safetensors-unknown-field`, `safetensors-dtype`, `safetensors-shape`,
    /// `safetensors-offsets`, `safetensors-size`, `safetensors-hole`, `safetensors-overlap`, `safetensors-length`,
    /// `safetensors-trailing-bytes`; and `json-utf8` and `json-syntax` for a header that is not JSON.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Header> {
        Header::parse_head(file, bytes, u64::try_from(bytes.len()).unwrap_or(u64::MAX))
    }

    /// Reads and checks the header of a file, and leaves the data where they are. Comes with the bytes before the data.
    ///
    /// # Errors
    /// Those of [`Header::parse`], or the file cannot be read.
    pub fn read(file: &str, content: &dyn Content) -> Result<(Header, Vec<u8>)> {
        let total = content.length();
        let length = header_length(file, &content.range(0..LENGTH_BYTES.min(total))?, total)?;
        let head = content.range(0..length.saturating_add(LENGTH_BYTES))?;
        Ok((Header::parse_head(file, &head, total)?, head))
    }

    /// `head` holds at least the header of a file of `total` bytes.
    fn parse_head(file: &str, head: &[u8], total: u64) -> Result<Header> {
        let length = header_length(file, head, total)?;
        let data_start = length.saturating_add(LENGTH_BYTES);
        let json = usize::try_from(data_start).ok().and_then(|end| head.get(8..end)).unwrap_or(&[]);
        let entries = match parse_json(file, json)? {
            Json::Object(entries) if !has_minus(json) => entries,
            Json::Object(_) => return Err(header_error(file, data_start, "the header has a number below zero")),
            _ => return Err(header_error(file, data_start, "the header is not a JSON object")),
        };
        let mut header = Header { data_start, ..Header::default() };
        for (name, value) in &entries {
            if name == "__metadata__" {
                header.metadata = entry::metadata(file, value)?;
            } else {
                header.tensors.push(entry::tensor(file, name, value)?);
            }
        }
        header.tensors.sort_by_key(|tensor| (tensor.start, tensor.end));
        header.check_offsets(file, total)?;
        Ok(header)
    }

    fn check_offsets(&self, file: &str, total: u64) -> Result<()> {
        let mut expected = 0;
        for tensor in &self.tensors {
            if tensor.start != expected {
                let (code, message) = if tensor.start > expected {
                    ("safetensors-hole", "bytes before the tensor's data belong to no tensor")
                } else {
                    ("safetensors-overlap", "the tensor's data overlap with those of another one")
                };
                let site = Site::file(file).at(Place::Tensor(tensor.name.clone()));
                let diagnostic = Diagnostic::new(code, site, message).expected(format!("a start at {expected}")).found(tensor.start);
                return Err(Error::malformed(diagnostic.hint("save the file again")));
            }
            expected = tensor.end;
        }
        let expected = self.data_start.saturating_add(expected);
        if total == expected {
            return Ok(());
        }
        let diagnostic = if total < expected {
            Diagnostic::new("safetensors-length", Site::file(file), "the file is cut short")
        } else {
            let site = Site::file(file).at(Place::Bytes(expected..total));
            Diagnostic::new("safetensors-trailing-bytes", site, "bytes follow after the last tensor")
        };
        let diagnostic = diagnostic.expected(format!("{expected} bytes")).found(format!("{total} bytes"));
        Err(Error::malformed(diagnostic.hint("fetch or save the file again")))
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The bytes of a tensor of this file, which is in memory as a whole.
    pub fn data<'a>(&self, tensor: &TensorInfo, bytes: &'a [u8]) -> &'a [u8] {
        let range = self.range(tensor);
        let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        bytes.get(index(range.start)..index(range.end)).unwrap_or(&[])
    }

    /// Where the bytes of a tensor lie in the file.
    pub fn range(&self, tensor: &TensorInfo) -> std::ops::Range<u64> {
        self.data_start.saturating_add(tensor.start)..self.data_start.saturating_add(tensor.end)
    }
}

/// A tensor to be written: name, element type, shape, little-endian bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// The elements, little-endian, row-major.
    pub data: Cow<'a, [u8]>,
}

/// A whole file with the tensors in canonical order: element type descending, then name.
///
/// `metadata` is written in the given order; transformers writes `{"format": "pt"}`.
pub fn serialize(tensors: &[Tensor<'_>], metadata: &[(String, String)]) -> Vec<u8> {
    pieces(tensors, metadata).concat()
}

/// The pieces of [`serialize`], one after another: the header, then the tensors' own bytes.
pub fn pieces<'a>(tensors: impl IntoIterator<Item = &'a Tensor<'a>>, metadata: &[(String, String)]) -> Vec<Cow<'a, [u8]>> {
    let mut order: Vec<&Tensor<'_>> = tensors.into_iter().collect();
    order.sort_by(|left, right| canonical::order((left.dtype, &left.name), (right.dtype, &right.name)));
    let mut header = Header { metadata: metadata.to_vec(), ..Header::default() };
    let mut start = 0_u64;
    for tensor in &order {
        let end = start.saturating_add(u64::try_from(tensor.data.len()).unwrap_or(u64::MAX));
        header.tensors.push(TensorInfo { name: tensor.name.clone(), dtype: tensor.dtype, shape: tensor.shape.clone(), start, end });
        start = end;
    }
    let data = order.into_iter().map(|tensor| Cow::Borrowed(tensor.data.as_ref()));
    std::iter::once(Cow::Owned(header.to_bytes())).chain(data).collect()
}

/// The header's length, from the first 8 bytes of a file of `total` bytes.
fn header_length(file: &str, head: &[u8], total: u64) -> Result<u64> {
    let truncated = |start: u64, message: &str, expected: u64| {
        let site = Site::file(file).at(Place::Bytes(start..total));
        let diagnostic = Diagnostic::new("safetensors-truncated", site, message).expected(format!("at least {expected} bytes"));
        Error::malformed(diagnostic.found(format!("{total} bytes")).hint("fetch or save the file again"))
    };
    let Some(length) = head.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk)) else {
        return Err(truncated(0, "the file is too short for a safetensors header", LENGTH_BYTES));
    };
    if length > MAX_HEADER_BYTES {
        let site = Site::file(file).at(Place::Bytes(0..LENGTH_BYTES));
        let diagnostic = Diagnostic::new("safetensors-header-length", site, "the header is longer than the limit")
            .expected(format!("at most {MAX_HEADER_BYTES} bytes"))
            .found(format!("{length} bytes"))
            .hint("the file is not safetensors, or damaged; fetch or save it again");
        return Err(Error::limit(diagnostic));
    }
    let data_start = length.saturating_add(LENGTH_BYTES);
    if total < data_start {
        return Err(truncated(LENGTH_BYTES, "the file ends inside its header", data_start));
    }
    Ok(length)
}

/// The header's JSON; an error of its syntax names the byte of the file.
fn parse_json(file: &str, json: &[u8]) -> Result<Json> {
    Json::parse(file, json).map_err(|error| {
        let mut diagnostic = error.diagnostic().clone();
        if diagnostic.code == "json-duplicate-key" {
            diagnostic.code = "safetensors-duplicate-name";
        }
        if let Place::Line(line, column) = diagnostic.site.place {
            let start = byte_of(json, line, column).saturating_add(LENGTH_BYTES);
            diagnostic.site.place = Place::Bytes(start..start.saturating_add(1));
        }
        Error::malformed(diagnostic.hint("fetch or save the file again"))
    })
}

fn byte_of(json: &[u8], line: u64, column: u64) -> u64 {
    let (mut at_line, mut at_column) = (1_u64, 1_u64);
    let before = json.iter().take_while(|&&byte| {
        let reached = (at_line, at_column) >= (line, column) && byte & 0xc0 != 0x80;
        if byte == b'\n' {
            (at_line, at_column) = (at_line.saturating_add(1), 1);
        } else if byte & 0xc0 != 0x80 {
            at_column = at_column.saturating_add(1);
        }
        !reached
    });
    u64::try_from(before.count()).unwrap_or(u64::MAX)
}

/// Whether a minus sign stands outside of the strings: no header has one, and `-0` is a whole number to Python but none to the crate.
fn has_minus(json: &[u8]) -> bool {
    let (mut in_string, mut escaped) = (false, false);
    json.iter().any(|&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ => {}
        }
        byte == b'-' && !in_string
    })
}

fn header_error(file: &str, data_start: u64, message: &str) -> Error {
    let site = Site::file(file).at(Place::Bytes(LENGTH_BYTES..data_start));
    Error::malformed(Diagnostic::new("safetensors-header", site, message).hint("fetch or save the file again"))
}

//! The safetensors container: a strict reader and the canonical writer.
//!
//! Stricter than the `safetensors` crate, which this project tests against: duplicate keys, unknown fields and odd names are errors here.
//! All offsets are 64 bits wide, also where a pointer is not.
//!
//! # Source
//! safetensors 0.8.0, `safetensors/src/tensor.rs`.

use super::json::Json;
use super::python_json::{Layout, dumps};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use std::borrow::Cow;

/// Longest header that is read, in bytes: the limit of the safetensors crate.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Element types, in the order in which the writer sorts them (last first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
#[rustfmt::skip]
pub enum Dtype { Bool, U8, I8, I16, U16, F16, Bf16, I32, U32, F32, F64, I64, U64 }

const DTYPES: [(Dtype, &str, u64); 13] = [
    (Dtype::Bool, "BOOL", 1),
    (Dtype::U8, "U8", 1),
    (Dtype::I8, "I8", 1),
    (Dtype::I16, "I16", 2),
    (Dtype::U16, "U16", 2),
    (Dtype::F16, "F16", 2),
    (Dtype::Bf16, "BF16", 2),
    (Dtype::I32, "I32", 4),
    (Dtype::U32, "U32", 4),
    (Dtype::F32, "F32", 4),
    (Dtype::F64, "F64", 8),
    (Dtype::I64, "I64", 8),
    (Dtype::U64, "U64", 8),
];

impl Dtype {
    /// The name in a safetensors header.
    pub fn name(self) -> &'static str {
        DTYPES.iter().find(|(dtype, _, _)| *dtype == self).map_or("", |(_, name, _)| name)
    }

    /// Bytes of one element.
    pub fn bytes(self) -> u64 {
        DTYPES.iter().find(|(dtype, _, _)| *dtype == self).map_or(0, |(_, _, bytes)| *bytes)
    }

    /// The name that transformers puts into `config.json`, for the types that a model is trained or stored in.
    pub fn config_name(self) -> Option<&'static str> {
        match self {
            Dtype::F32 => Some("float32"),
            Dtype::F16 => Some("float16"),
            Dtype::Bf16 => Some("bfloat16"),
            Dtype::F64 => Some("float64"),
            _ => None,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        DTYPES.iter().find(|(_, known, _)| *known == name).map(|(dtype, _, _)| *dtype)
    }
}

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
    /// Reads and checks the header of a file of which `bytes` holds at least the header.
    ///
    /// # Errors
    /// Everything that makes the file something else than one canonical run of tensors without holes.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Header> {
        let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let length = bytes.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk));
        let Some(length) = length else {
            return Err(malformed(
                file,
                0..total,
                "the file is too short for a safetensors header",
                "at least 8 bytes",
                format!("{total} bytes"),
            ));
        };
        if length > MAX_HEADER_BYTES {
            let diagnostic = Diagnostic::new(
                "safetensors-header-length",
                Site::file(file).at(Place::Bytes(0..8)),
                "the header is longer than the limit",
            )
            .expected(format!("at most {MAX_HEADER_BYTES} bytes"))
            .found(format!("{length} bytes"))
            .hint("the file is not safetensors, or damaged; fetch or save it again");
            return Err(Error::limit(diagnostic));
        }
        let data_start = length.saturating_add(8);
        let json = usize::try_from(data_start).ok().and_then(|end| bytes.get(8..end));
        let Some(json) = json else {
            return Err(malformed(
                file,
                8..total,
                "the file ends inside its header",
                format!("{data_start} bytes"),
                format!("{total} bytes"),
            ));
        };
        let json = Json::parse(&format!("{file} (header)"), json.trim_ascii_end())?;
        let mut header = Header { data_start, ..Header::default() };
        for (name, value) in json.entries().ok_or_else(|| entry_error(file, "", "the header is not a JSON object"))? {
            if name == "__metadata__" {
                header.metadata = metadata(file, value)?;
            } else {
                header.tensors.push(tensor_info(file, name, value)?);
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
                let diagnostic = tensor_diagnostic(file, &tensor.name, "the data of the tensors overlap or leave a hole");
                return Err(Error::malformed(diagnostic.expected(format!("a start at {expected}")).found(tensor.start)));
            }
            expected = tensor.end;
        }
        let expected = self.data_start.saturating_add(expected);
        if total != expected {
            let what = if total < expected { "the file is cut short" } else { "bytes follow after the last tensor" };
            let diagnostic = Diagnostic::new("safetensors-length", Site::file(file), what)
                .expected(format!("{expected} bytes"))
                .found(format!("{total} bytes"))
                .hint("fetch or save the file again");
            return Err(Error::malformed(diagnostic));
        }
        Ok(())
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The bytes of a tensor of this file.
    pub fn data<'a>(&self, tensor: &TensorInfo, bytes: &'a [u8]) -> &'a [u8] {
        let range = |offset: u64| usize::try_from(self.data_start.saturating_add(offset)).unwrap_or(usize::MAX);
        bytes.get(range(tensor.start)..range(tensor.end)).unwrap_or(&[])
    }

    /// The header as the safetensors crate writes it: `__metadata__` first, compact, padded with blanks to a multiple of 8.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries = Vec::with_capacity(self.tensors.len().saturating_add(1));
        if !self.metadata.is_empty() {
            let metadata = self.metadata.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect();
            entries.push(("__metadata__".to_owned(), Json::Object(metadata)));
        }
        for tensor in &self.tensors {
            let entry = vec![
                ("dtype".to_owned(), Json::from(tensor.dtype.name())),
                ("shape".to_owned(), Json::Array(tensor.shape.iter().map(|&size| Json::from(size)).collect())),
                ("data_offsets".to_owned(), Json::Array(vec![Json::from(tensor.start), Json::from(tensor.end)])),
            ];
            entries.push((tensor.name.clone(), Json::Object(entry)));
        }
        let mut json = dumps(&Json::Object(entries), Layout::Compact).into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut bytes = u64::try_from(json.len()).unwrap_or(u64::MAX).to_le_bytes().to_vec();
        bytes.extend(json);
        bytes
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
pub fn pieces<'a>(tensors: &'a [Tensor<'_>], metadata: &[(String, String)]) -> Vec<Cow<'a, [u8]>> {
    let mut order: Vec<&Tensor<'_>> = tensors.iter().collect();
    order.sort_by(|left, right| right.dtype.cmp(&left.dtype).then_with(|| left.name.cmp(&right.name)));
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

/// The values of a float tensor as `f32`, half precision widened; `None` for other element types.
pub fn to_f32(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    match dtype {
        Dtype::F32 => Some(data.as_chunks::<4>().0.iter().copied().map(f32::from_le_bytes).collect()),
        Dtype::F16 => Some(data.as_chunks::<2>().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect()),
        Dtype::Bf16 => Some(data.as_chunks::<2>().0.iter().map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32()).collect()),
        #[expect(clippy::as_conversions, reason = "rounds to the nearest float")]
        Dtype::F64 => Some(data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()),
        _ => None,
    }
}

/// The little-endian bytes of `f32` values; where the machine is little-endian too, their own memory.
pub fn from_f32(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        return Cow::Borrowed(bytemuck::cast_slice(values));
    }
    Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn tensor_diagnostic(file: &str, name: &str, message: &str) -> Diagnostic {
    Diagnostic::new("safetensors-tensor", Site::file(file).at(Place::Tensor(name.to_owned())), message)
}

fn entry_error(file: &str, name: &str, message: &str) -> Error {
    Error::malformed(tensor_diagnostic(file, name, message))
}

fn malformed(
    file: &str,
    bytes: std::ops::Range<u64>,
    message: &str,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
) -> Error {
    let diagnostic = Diagnostic::new("safetensors-truncated", Site::file(file).at(Place::Bytes(bytes)), message);
    Error::malformed(diagnostic.expected(expected).found(found).hint("fetch or save the file again"))
}

fn metadata(file: &str, value: &Json) -> Result<Vec<(String, String)>> {
    let entries = value.entries().ok_or_else(|| entry_error(file, "__metadata__", "the metadata is not a JSON object"))?;
    let text = |(key, value): &(String, Json)| Some((key.clone(), value.as_str()?.to_owned()));
    entries.iter().map(|entry| text(entry).ok_or_else(|| entry_error(file, "__metadata__", "a metadata value is not a string"))).collect()
}

fn tensor_info(file: &str, name: &str, value: &Json) -> Result<TensorInfo> {
    let error = |message: &str| entry_error(file, name, message);
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(error("a tensor without a printable name"));
    }
    let entries = value.entries().ok_or_else(|| error("the entry is not a JSON object"))?;
    if let Some((key, _)) = entries.iter().find(|(key, _)| !matches!(key.as_str(), "dtype" | "shape" | "data_offsets")) {
        return Err(error(&format!("the entry has an unknown field {key:?}")));
    }
    let dtype = value.get("dtype").and_then(Json::as_str).ok_or_else(|| error("the entry has no dtype"))?;
    let dtype = Dtype::parse(dtype).ok_or_else(|| {
        let diagnostic = tensor_diagnostic(file, name, "this element type is not supported").found(dtype);
        Error::unsupported(diagnostic.expected(DTYPES.map(|(_, name, _)| name).join(", ")))
    })?;
    let numbers = |key: &str| -> Option<Vec<u64>> { value.get(key)?.as_array()?.iter().map(Json::as_u64).collect() };
    let shape = numbers("shape").ok_or_else(|| error("the shape is not a list of whole numbers"))?;
    let offsets = numbers("data_offsets");
    let Some(&[start, end]) = offsets.as_deref() else {
        return Err(error("data_offsets is not a pair of whole numbers"));
    };
    let size = shape.iter().try_fold(dtype.bytes(), |size, &next| size.checked_mul(next));
    if size.is_none() || end.checked_sub(start) != size {
        let expected = size.map_or("a size below 2^64".to_owned(), |size| format!("{size} bytes for {} {shape:?}", dtype.name()));
        let diagnostic = tensor_diagnostic(file, name, "the data do not fit the shape");
        return Err(Error::malformed(diagnostic.expected(expected).found(format!("bytes {start}..{end}"))));
    }
    Ok(TensorInfo { name: name.to_owned(), dtype, shape, start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tensors() -> impl Strategy<Value = Vec<Tensor<'static>>> {
        let tensor = (0_usize..DTYPES.len(), prop::collection::vec(0_u64..4, 0..4));
        prop::collection::btree_map("[a-z.0-9é\"]{1,12}", tensor, 0..8).prop_map(|map| {
            let build = |(name, (dtype, shape)): (String, (usize, Vec<u64>))| {
                let (dtype, _, bytes) = DTYPES[dtype];
                let size = shape.iter().product::<u64>() * bytes;
                Tensor { name, dtype, shape, data: (0..size).map(|byte| byte as u8).collect() }
            };
            map.into_iter().map(build).collect()
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_safetensors_crate(tensors in tensors()) {
            let ours = serialize(&tensors, &[("format".to_owned(), "pt".to_owned())]);
            let header = Header::parse("f", &ours).unwrap();
            prop_assert_eq!(header.to_bytes(), &ours[..header.data_start as usize]);
            let theirs = safetensors::SafeTensors::deserialize(&ours).unwrap();
            let views: Vec<_> = theirs.iter().collect();
            let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
            prop_assert_eq!(&safetensors::serialize(views, Some(metadata)).unwrap(), &ours);
            for tensor in &tensors {
                let info = header.find(&tensor.name).unwrap();
                prop_assert_eq!(header.data(info, &serialize(std::slice::from_ref(tensor), &[])).len() <= tensor.data.len(), true);
                prop_assert_eq!(theirs.tensor(&tensor.name).unwrap().data(), &tensor.data[..]);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), length in 0_u64..90) {
            let _ = Header::parse("f", &bytes);
            if bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&length.to_le_bytes());
                let _ = Header::parse("f", &bytes);
            }
        }
    }

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    #[test]
    fn what_must_fail_fails() {
        let entry = |shape: &str, offsets: &str| format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}");
        assert!(Header::parse("f", &file(&entry("[2]", "[0,8]"), 8)).is_ok());
        for (header, data) in [
            (entry("[2]", "[0,8]"), 7),
            (entry("[2]", "[0,8]"), 9),
            (entry("[2]", "[4,12]"), 12),
            (entry("[2]", "[0,4]"), 4),
            (entry("[0]", "[18446744073709551615,0]"), 0),
            (entry("[18446744073709551615,2]", "[0,8]"), 8),
            (entry("[2.0]", "[0,8]"), 8),
            ("{\"\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}".to_owned(), 4),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}".to_owned(), 4),
            ("{\"__metadata__\":null}".to_owned(), 0),
            ("[]".to_owned(), 0),
        ] {
            assert!(Header::parse("f", &file(&header, data)).is_err(), "{header} with {data} bytes was read");
        }
        assert!(matches!(Header::parse("f", &100_000_000_000_u64.to_le_bytes()), Err(Error::Limit(_))));
    }
}

//! What a header holds: the entry of one tensor, and the metadata.

use super::{Dtype, TensorInfo};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::dtype::DTYPES;
use crate::format::json::Json;
use crate::nearest::nearest;

const FIELDS: [&str; 3] = ["dtype", "shape", "data_offsets"];

/// `__metadata__`: an object of strings.
pub(super) fn metadata(file: &str, value: &Json) -> Result<Vec<(String, String)>> {
    let error = |message: String, found: &Json| {
        let diagnostic = fault("safetensors-metadata", file, "__metadata__", message);
        Error::malformed(diagnostic.expected("an object of strings, such as {\"format\": \"pt\"}").found(found.kind()))
    };
    let entries = value.entries().ok_or_else(|| error("the metadata are no JSON object".to_owned(), value))?;
    let text = |(key, value): &(String, Json)| {
        let text = value.as_str().ok_or_else(|| error(format!("the value of {key:?} in the metadata is no string"), value))?;
        Ok((key.clone(), text.to_owned()))
    };
    entries.iter().map(text).collect()
}

/// One tensor. Where its data lie is checked against its shape, and not yet against the other tensors.
pub(super) fn tensor(file: &str, name: &str, value: &Json) -> Result<TensorInfo> {
    check_name(file, name)?;
    let error = |code: &'static str, message: &str| Error::malformed(fault(code, file, name, message));
    let entries = value.entries().ok_or_else(|| error("safetensors-entry", "the tensor's entry is no JSON object"))?;
    if let Some((key, _)) = entries.iter().find(|(key, _)| !FIELDS.contains(&key.as_str())) {
        let diagnostic = fault("safetensors-unknown-field", file, name, format!("the tensor's entry has an unknown field {key:?}"));
        return Err(Error::malformed(diagnostic.expected(FIELDS.join(", "))));
    }
    let field = |key: &str| value.get(key).ok_or_else(|| error("safetensors-entry", &format!("the tensor's entry has no {key}")));
    let dtype = dtype(file, name, field("dtype")?)?;
    let numbers = |value: &Json| -> Option<Vec<u64>> { value.as_array()?.iter().map(Json::as_u64).collect() };
    let shape = numbers(field("shape")?).ok_or_else(|| error("safetensors-shape", "the shape is no list of whole numbers below 2^64"))?;
    let offsets = numbers(field("data_offsets")?);
    let Some(&[start, end]) = offsets.as_deref() else {
        return Err(error("safetensors-offsets", "data_offsets is no pair of whole numbers below 2^64"));
    };
    let info = TensorInfo { name: name.to_owned(), dtype, shape, start, end };
    check_size(file, &info)?;
    Ok(info)
}

/// Names that print, and that cannot lead out of a directory where somebody makes files of them.
fn check_name(file: &str, name: &str) -> Result<()> {
    let is_unprintable = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let message = if name.is_empty() {
        "a tensor without a name"
    } else if name.chars().any(is_unprintable) {
        "a tensor's name has characters that do not print"
    } else if name.split(['/', '\\']).any(|part| part == "..") {
        "a tensor's name leads out of its directory"
    } else if name.trim() != name {
        "a tensor's name begins or ends with a blank"
    } else {
        return Ok(());
    };
    Err(Error::malformed(fault("safetensors-name", file, name, message).found(format!("{name:?}"))))
}

fn dtype(file: &str, name: &str, value: &Json) -> Result<Dtype> {
    let Some(text) = value.as_str() else {
        return Err(Error::malformed(fault("safetensors-dtype", file, name, "the dtype is no string").found(value.kind())));
    };
    Dtype::parse(text).ok_or_else(|| {
        let names = DTYPES.map(|(_, name, _)| name);
        let diagnostic = fault("safetensors-dtype", file, name, "safetensors 0.8 has no such element type").found(format!("{text:?}"));
        let diagnostic = diagnostic.expected(format!("one of {}", names.join(", ")));
        Error::unsupported(match nearest(text, names) {
            Some(name) => diagnostic.hint(format!("did the writer mean {name}?")),
            None => diagnostic,
        })
    })
}

fn check_size(file: &str, info: &TensorInfo) -> Result<()> {
    let error = |code: &'static str, message: &str, expected: String| {
        let diagnostic = fault(code, file, &info.name, message).expected(expected);
        Err(Error::malformed(diagnostic.found(format!("bytes {}..{}", info.start, info.end))))
    };
    let bits = info.shape.iter().try_fold(1_u64, |numel, &size| numel.checked_mul(size));
    let Some(bits) = bits.and_then(|numel| numel.checked_mul(info.dtype.bits())) else {
        let diagnostic = fault("safetensors-shape", file, &info.name, "the tensor's size has no 64 bits");
        return Err(Error::malformed(diagnostic.expected("less than 2^64 bits").found(format!("{} {:?}", info.dtype.name(), info.shape))));
    };
    let Some(bytes) = info.end.checked_sub(info.start) else {
        return error("safetensors-offsets", "the tensor's data end before they begin", "an end after the start".to_owned());
    };
    if !bits.is_multiple_of(8) {
        return error("safetensors-size", "the tensor's data do not end with a byte", format!("{bits} bits to be a multiple of 8"));
    }
    if bits / 8 != bytes {
        return error(
            "safetensors-size",
            "the data do not fit the shape",
            format!("{} bytes for {} {:?}", bits / 8, info.dtype.name(), info.shape),
        );
    }
    Ok(())
}

fn fault(code: &'static str, file: &str, name: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(code, Site::file(file).at(Place::Tensor(name.to_owned())), message)
}

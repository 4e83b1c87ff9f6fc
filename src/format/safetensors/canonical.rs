//! The one spelling that the safetensors crate gives to a header.

use super::{Dtype, Header, LENGTH_BYTES};
use crate::diagnostic::{Diagnostic, Place, Site};
use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};
use std::cmp::Ordering;

/// How the writer sorts tensors: element type descending, then name.
pub(super) fn order(left: (Dtype, &str), right: (Dtype, &str)) -> Ordering {
    right.0.cmp(&left.0).then_with(|| left.1.cmp(right.1))
}

impl Header {
    /// The header as the safetensors crate writes it: `__metadata__` first, compact, padded with blanks to a multiple of 8.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json = self.to_json().into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut bytes = u64::try_from(json.len()).unwrap_or(u64::MAX).to_le_bytes().to_vec();
        bytes.extend(json);
        bytes
    }

    fn to_json(&self) -> String {
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
        dumps(&Json::Object(entries), Layout::Compact)
    }

    /// Why the safetensors crate would write other bytes for these tensors; nothing where it would write these. `head` is the file up to
    /// its data.
    ///
    /// The codes are `safetensors-order`, `safetensors-padding` and `safetensors-spelling`. Where there is nothing to say, the data need no
    /// comparison: they lie where the writer puts them.
    pub fn not_canonical(&self, file: &str, head: &[u8]) -> Option<Diagnostic> {
        let key = |index: usize| self.tensors.get(index).map(|tensor| (tensor.dtype, tensor.name.as_str()));
        let hint = "load the tensors and save them again with safetensors 0.8";
        for (index, tensor) in self.tensors.iter().enumerate().skip(1) {
            let before = key(index.saturating_sub(1)).unwrap_or((tensor.dtype, ""));
            if order(before, (tensor.dtype, &tensor.name)).is_gt() {
                let site = Site::file(file).at(Place::Tensor(tensor.name.clone()));
                let diagnostic = Diagnostic::new("safetensors-order", site, "the writer sorts tensors by element type, then by name");
                let after = format!("{} {} after {} {}", before.0.name(), before.1, tensor.dtype.name(), tensor.name);
                return Some(diagnostic.expected(after).found("before it").hint(hint));
            }
        }
        let written = self.to_bytes();
        if written == head {
            return None;
        }
        let (json, canonical) = (head.get(8..).unwrap_or(&[]), self.to_json());
        if json.strip_prefix(canonical.as_bytes()).is_some_and(|padding| padding.trim_ascii().is_empty()) {
            let start = LENGTH_BYTES.saturating_add(u64::try_from(canonical.len()).unwrap_or(u64::MAX));
            let site = Site::file(file).at(Place::Bytes(start..self.data_start));
            let diagnostic =
                Diagnostic::new("safetensors-padding", site, "the writer pads the header with as few blanks as make it a multiple of 8");
            let blanks = written.len().saturating_sub(canonical.len()).saturating_sub(8);
            let found = json.len().saturating_sub(canonical.len());
            return Some(diagnostic.expected(format!("{blanks} blanks")).found(format!("{found} bytes of white space")).hint(hint));
        }
        let offset = json.iter().zip(canonical.as_bytes()).take_while(|(left, right)| left == right).count();
        let start = LENGTH_BYTES.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
        let site = Site::file(file).at(Place::Bytes(start..start.saturating_add(1)));
        let excerpt = |bytes: &[u8]| {
            format!("{:?}", String::from_utf8_lossy(bytes.get(offset..).unwrap_or(&[])).chars().take(24).collect::<String>())
        };
        let diagnostic = Diagnostic::new("safetensors-spelling", site, "the writer spells this header in other bytes");
        Some(diagnostic.expected(excerpt(canonical.as_bytes())).found(excerpt(json)).hint(hint))
    }
}

//! The layouts that HuggingFace's libraries give their JSON files.

use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};

/// How a JSON file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonFile {
    /// Who serializes it, with which indent and which escapes.
    pub layout: Layout,
    /// Whether the keys of each object are sorted.
    pub sort_keys: bool,
    /// Whether the file ends in a newline.
    pub final_newline: bool,
}

/// Configs, the trainer's state, indices: `json.dumps(indent=2, sort_keys=True)` and a newline.
pub const SORTED: JsonFile = JsonFile { layout: Layout::Python { indent: 2 }, sort_keys: true, final_newline: true };
/// Files of a tokenizer that transformers writes: the same with `ensure_ascii=False`.
pub const SORTED_UNICODE: JsonFile = JsonFile { layout: Layout::PythonUnicode { indent: 2 }, sort_keys: true, final_newline: true };
/// `adapter_config.json` of PEFT: `json.dumps(indent=2, sort_keys=True)` without a newline.
pub const SORTED_OPEN_END: JsonFile = JsonFile { layout: Layout::Python { indent: 2 }, sort_keys: true, final_newline: false };
/// Metrics: `json.dump(indent=4, sort_keys=True)` without a newline.
pub const METRICS: JsonFile = JsonFile { layout: Layout::Python { indent: 4 }, sort_keys: true, final_newline: false };
/// `tokenizer.json`: serde_json's pretty form without a newline.
pub const SERDE_PRETTY: JsonFile = JsonFile { layout: Layout::SerdePretty, sort_keys: false, final_newline: false };
/// `vocab.json`: one line.
pub const COMPACT: JsonFile = JsonFile { layout: Layout::Compact, sort_keys: false, final_newline: false };

impl JsonFile {
    /// The file that holds a value.
    pub fn bytes(&self, value: Json) -> Vec<u8> {
        let value = if self.sort_keys { value.sorted() } else { value };
        let mut text = dumps(&value, self.layout);
        if self.final_newline {
            text.push('\n');
        }
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let value = || Json::Object(vec![("b".to_owned(), Json::from("é")), ("a".to_owned(), Json::Integer(1))]);
        for (file, text) in [
            (SORTED, "{\n  \"a\": 1,\n  \"b\": \"\\u00e9\"\n}\n"),
            (SORTED_UNICODE, "{\n  \"a\": 1,\n  \"b\": \"é\"\n}\n"),
            (SORTED_OPEN_END, "{\n  \"a\": 1,\n  \"b\": \"\\u00e9\"\n}"),
            (METRICS, "{\n    \"a\": 1,\n    \"b\": \"\\u00e9\"\n}"),
            (SERDE_PRETTY, "{\n  \"b\": \"é\",\n  \"a\": 1\n}"),
            (COMPACT, "{\"b\":\"é\",\"a\":1}"),
        ] {
            assert_eq!(String::from_utf8(file.bytes(value())).unwrap(), text);
        }
    }
}

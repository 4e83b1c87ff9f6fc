//! The parts of which `tokenizer.json` puts a tokenizer together, and the types that they may have.
//!
//! # Source
//! tokenizers 0.23 (`normalizers/mod.rs`, `pre_tokenizers/mod.rs`, `processors/mod.rs`, `decoders/mod.rs`, `models/mod.rs`).

use crate::format::json::Json;

/// The first part whose type does not exist, by the pointer to it.
pub(super) fn unknown_type(tokenizer: &Json) -> Option<String> {
    TYPES.iter().find_map(|(key, types)| Some(format!("/{key}{}", unknown_in(tokenizer.get(key)?, types)?)))
}

/// Looks into a part, and into those in the lists of sequences; they lie inside each other no deeper than the reader of JSON allows.
fn unknown_in(part: &Json, types: &[&str]) -> Option<String> {
    if part.get("type").is_some_and(|name| !name.as_str().is_some_and(|name| types.contains(&name))) {
        return Some("/type".to_owned());
    }
    let unknown = |key: &str, (index, inner): (usize, &Json)| Some(format!("/{key}/{index}{}", unknown_in(inner, types)?));
    let lists = ["normalizers", "pretokenizers", "processors", "decoders"];
    lists.into_iter().find_map(|key| part.get(key)?.as_array()?.iter().enumerate().find_map(|entry| unknown(key, entry)))
}

/// The types that each part may have.
const TYPES: [(&str, &[&str]); 5] = [
    ("normalizer", &NORMALIZERS),
    ("pre_tokenizer", &PRE_TOKENIZERS),
    ("post_processor", &["RobertaProcessing", "BertProcessing", "ByteLevel", "TemplateProcessing", "Sequence"]),
    ("decoder", &DECODERS),
    ("model", &["BPE", "WordPiece", "WordLevel", "Unigram"]),
];

const NORMALIZERS: [&str; 14] = [
    "BertNormalizer",
    "Strip",
    "StripAccents",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Sequence",
    "Lowercase",
    "Nmt",
    "Precompiled",
    "Replace",
    "Prepend",
    "ByteLevel",
];

const PRE_TOKENIZERS: [&str; 12] = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Metaspace",
    "Whitespace",
    "Sequence",
    "Split",
    "Punctuation",
    "WhitespaceSplit",
    "Digits",
    "UnicodeScripts",
    "FixedLength",
];

const DECODERS: [&str; 10] =
    ["BPEDecoder", "ByteLevel", "WordPiece", "Metaspace", "CTC", "Sequence", "Replace", "Fuse", "Strip", "ByteFallback"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_types_that_exist() {
        let unknown = |normalizer: &str| unknown_type(&Json::parse("f", format!(r#"{{"normalizer": {normalizer}}}"#).as_bytes()).unwrap());
        assert_eq!(unknown(r#"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}"#), None);
        let inner = unknown(r#"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercased"}]}"#);
        assert_eq!(inner.as_deref(), Some("/normalizer/normalizers/1/type"));
        assert_eq!(unknown(r#"{"type": "ByteFallback"}"#).as_deref(), Some("/normalizer/type"));
        assert_eq!(unknown("null"), None);
    }
}

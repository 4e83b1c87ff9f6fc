//! `special_tokens_map.json` of transformers 4.57.6: which token plays which part.
//!
//! # Source
//! transformers 4.57.6, `tokenization_utils_base.py` (`save_pretrained`, `special_tokens_map_extended`).

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::layout::SORTED_UNICODE;
use crate::format::tokenizer::config::is_setting;
use crate::format::tokenizer::json::AddedToken;

/// A special token: its text alone, or how it is matched as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecialToken {
    /// The text.
    Text(String),
    /// The text and its flags.
    Added(AddedToken),
}

/// What one key of the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecialTokens {
    /// `cls_token` and the like.
    One(SpecialToken),
    /// `additional_special_tokens`.
    Many(Vec<SpecialToken>),
}

/// The special tokens of a tokenizer by their parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecialTokensMap {
    /// Parts (`cls_token`, …) and tokens, in the order of the file.
    pub tokens: Vec<(String, SpecialTokens)>,
}

impl SpecialTokensMap {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, a key that is a setting of `tokenizer_config.json`, or a value that is no token and no list of tokens.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<SpecialTokensMap> {
        let fields = Fields::parse("special-tokens-map", path, bytes)?;
        let tokens = |(part, value): &(String, Json)| match SpecialTokens::from_json(value) {
            _ if is_setting(part) => Err(fields.error(part, "a key for a special token", "a setting of tokenizer_config.json")),
            Some(tokens) => Ok((part.clone(), tokens)),
            None => Err(fields.error(part, "a token, or a list of tokens", value.kind())),
        };
        Ok(SpecialTokensMap { tokens: fields.clone().rest().iter().map(tokens).collect::<Result<_>>()? })
    }

    /// The file: `json.dumps(indent=2, sort_keys=True, ensure_ascii=False)` and a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        SORTED_UNICODE.bytes(Json::Object(self.tokens.iter().map(|(part, tokens)| (part.clone(), tokens.to_json())).collect()))
    }
}

impl SpecialTokens {
    fn from_json(value: &Json) -> Option<SpecialTokens> {
        match value.as_array() {
            Some(items) => items.iter().map(SpecialToken::from_json).collect::<Option<_>>().map(SpecialTokens::Many),
            None => SpecialToken::from_json(value).map(SpecialTokens::One),
        }
    }

    /// The value as the file has it.
    pub fn to_json(&self) -> Json {
        match self {
            SpecialTokens::One(token) => token.to_json(),
            SpecialTokens::Many(tokens) => Json::Array(tokens.iter().map(SpecialToken::to_json).collect()),
        }
    }
}

impl SpecialToken {
    /// The text of the token.
    pub fn content(&self) -> &str {
        match self {
            SpecialToken::Text(text) => text,
            SpecialToken::Added(token) => &token.content,
        }
    }

    fn from_json(value: &Json) -> Option<SpecialToken> {
        match value {
            Json::String(text) => Some(SpecialToken::Text(text.clone())),
            Json::Object(_) => Some(SpecialToken::Added(AddedToken { special: true, ..AddedToken::from_json(0, value)? })),
            _ => None,
        }
    }

    fn to_json(&self) -> Json {
        match self {
            SpecialToken::Text(text) => Json::from(text.as_str()),
            SpecialToken::Added(token) => Json::Object(token.flags_json()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_part_without_a_token_is_named() {
        let error = SpecialTokensMap::parse("m.json", b"{\"cls_token\": 1}").unwrap_err();
        assert_eq!(error.diagnostic().site.to_string(), "m.json, at /cls_token");
    }

    #[test]
    fn a_setting_is_no_special_token() {
        let error = SpecialTokensMap::parse("m.json", br#"{"max_length": "[MASK]"}"#).unwrap_err();
        assert_eq!(error.diagnostic().site.to_string(), "m.json, at /max_length");
        SpecialTokensMap::parse("m.json", br#"{"additional_special_tokens": ["<a>"]}"#).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(text in any::<String>(), flags in any::<[bool; 4]>(), others in prop::collection::vec(any::<String>(), 0..4)) {
            let [single_word, lstrip, rstrip, normalized] = flags;
            let added = AddedToken { single_word, lstrip, rstrip, normalized, ..AddedToken::special(0, &text) };
            let many = others.into_iter().map(SpecialToken::Text).chain([SpecialToken::Added(added.clone())]).collect();
            let map = SpecialTokensMap { tokens: vec![
                ("additional_special_tokens".to_owned(), SpecialTokens::Many(many)),
                ("cls_token".to_owned(), SpecialTokens::One(SpecialToken::Added(added))),
                ("sep_token".to_owned(), SpecialTokens::One(SpecialToken::Text(text))),
            ] };
            prop_assert_eq!(SpecialTokensMap::parse("f", &map.to_bytes()).unwrap(), map);
        }
    }
}

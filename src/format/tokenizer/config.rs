//! `tokenizer_config.json`: the settings of a tokenizer.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `tokenization_utils_base.py` (`save_pretrained`): `json.dumps(indent=2, sort_keys=True, ensure_ascii=False)`
//! and a newline.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::json::layout::{JsonFile, SORTED_UNICODE};
use crate::format::json::settings::{Kind, Schema, Settings};
use crate::format::tokenizer::ADDITIONAL;
use crate::format::tokenizer::json::AddedToken;

const CODE: &str = "tokenizer-config";
/// Key of the tokens that release 4 lists with their ids.
const ADDED_TOKENS_DECODER: &str = "added_tokens_decoder";

/// Keys of both releases. A special token is a text or an object, and a limit may be Python's `1e30`, so these are not here.
const SCHEMA: Schema = &[
    ("add_bos_token", Kind::Flag),
    ("add_prefix_space", Kind::Flag),
    (ADDED_TOKENS_DECODER, Kind::Object),
    (ADDITIONAL, Kind::List),
    ("backend", Kind::Text),
    ("clean_up_tokenization_spaces", Kind::Flag),
    ("do_basic_tokenize", Kind::Flag),
    ("do_lower_case", Kind::Flag),
    ("errors", Kind::Text),
    ("is_local", Kind::Flag),
    ("local_files_only", Kind::Flag),
    ("max_length", Kind::Whole),
    ("model_max_length", Kind::Number),
    ("pad_to_multiple_of", Kind::Whole),
    ("pad_token_type_id", Kind::Whole),
    ("padding_side", Kind::Text),
    ("stride", Kind::Whole),
    ("strip_accents", Kind::Flag),
    ("tokenize_chinese_chars", Kind::Flag),
    ("tokenizer_class", Kind::Text),
    ("trim_offsets", Kind::Flag),
    ("truncation_side", Kind::Text),
    ("truncation_strategy", Kind::Text),
];

/// Whether a key holds a setting rather than special tokens.
pub(super) fn is_setting(key: &str) -> bool {
    key != ADDITIONAL && SCHEMA.iter().any(|(name, _)| *name == key)
}

/// The values of a `tokenizer_config.json`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenizerConfig {
    /// Keys and values but for the added tokens, in the order of the file.
    pub settings: Settings,
    /// Added tokens by id, where the file lists them (release 4).
    pub added_tokens: Option<Vec<AddedToken>>,
}

impl TokenizerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, a known key with another type, or an entry of `added_tokens_decoder` that is no token.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<TokenizerConfig> {
        let mut settings = Settings::parse(CODE, SCHEMA, file, bytes)?;
        let number = |id: &str| id.parse().ok().filter(|number: &u32| number.to_string() == id);
        let token = |(id, value): &(String, Json)| match number(id).and_then(|id| AddedToken::from_json(id, value)) {
            Some(token) => Ok(token),
            None => {
                let site = Site::file(file).at(Place::Pointer(format!("/{ADDED_TOKENS_DECODER}/{id}")));
                Err(Error::malformed(Diagnostic::new(CODE, site, "this is not an added token with its id")))
            }
        };
        let added_tokens = match settings.remove(ADDED_TOKENS_DECODER) {
            Some(Json::Object(entries)) => {
                let mut tokens = entries.iter().map(token).collect::<Result<Vec<_>>>()?;
                tokens.sort_by_key(|token| token.id);
                Some(tokens)
            }
            _ => None,
        };
        Ok(TokenizerConfig { settings, added_tokens })
    }

    /// The file as transformers writes it; the added tokens are in the order of their ids, which are numbers in Python.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries: Vec<_> = self.settings.values.iter().map(|(key, value)| (key.clone(), value.clone().sorted())).collect();
        if let Some(tokens) = &self.added_tokens {
            let entry = |token: &AddedToken| {
                let mut flags = token.flags_json();
                flags.push(("special".to_owned(), token.special.into()));
                (token.id.to_string(), Json::Object(flags))
            };
            entries.push((ADDED_TOKENS_DECODER.to_owned(), Json::Object(tokens.iter().map(entry).collect())));
        }
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        JsonFile { sort_keys: false, ..SORTED_UNICODE }.bytes(Json::Object(entries))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.settings.get(key)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: Json) {
        self.settings.set(key, value);
    }

    /// Sets a key that is not there yet.
    pub fn set_default(&mut self, key: &str, value: Json) {
        self.settings.set_default(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_is_named() {
        for (bad, site) in [
            ("{\"do_lower_case\": 1}", "t, at /do_lower_case"),
            ("{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}", "t, at /added_tokens_decoder/x"),
            ("{\"added_tokens_decoder\": {\"3\": {}}}", "t, at /added_tokens_decoder/3"),
            ("{\"added_tokens_decoder\": {\"03\": {\"content\": \"a\"}}}", "t, at /added_tokens_decoder/03"),
        ] {
            assert_eq!(TokenizerConfig::parse("t", bad.as_bytes()).unwrap_err().diagnostic().site.to_string(), site);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(
            tokens in prop::option::of(prop::collection::btree_map(any::<u32>(), (any::<String>(), any::<[bool; 5]>()), 0..6)),
            unknown in any::<String>(),
        ) {
            let token = |(id, (content, [single_word, lstrip, rstrip, normalized, special])): (u32, (String, [bool; 5]))| {
                AddedToken { id, content, single_word, lstrip, rstrip, normalized, special }
            };
            let mut config = TokenizerConfig { added_tokens: tokens.map(|tokens| tokens.into_iter().map(token).collect()), ..TokenizerConfig::default() };
            config.set("do_lower_case", true.into());
            config.set(&format!("z{unknown}"), Json::Null);
            prop_assert_eq!(TokenizerConfig::parse("f", &config.to_bytes()).unwrap(), config);
        }
    }
}

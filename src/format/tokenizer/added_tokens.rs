//! `added_tokens.json`: tokens whose ids lie beyond the vocabulary file.
//!
//! # Source
//! transformers 4.57.6, `tokenization_utils_base.py` and `tokenization_utils_fast.py` (`_save_pretrained`).

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::layout::SORTED_UNICODE;

/// Added tokens and their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddedTokens {
    /// Texts and ids, in the order of the file.
    pub tokens: Vec<(String, u32)>,
}

impl AddedTokens {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a value that is no id.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<AddedTokens> {
        let fields = Fields::parse("added-tokens", path, bytes)?;
        let id = |(token, value): &(String, Json)| match value.as_u64().and_then(|id| u32::try_from(id).ok()) {
            Some(id) => Ok((token.clone(), id)),
            None => Err(fields.error(token, "an id", value.kind())),
        };
        Ok(AddedTokens { tokens: fields.clone().rest().iter().map(id).collect::<Result<_>>()? })
    }

    /// The file: `json.dumps(indent=2, sort_keys=True, ensure_ascii=False)` and a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        SORTED_UNICODE.bytes(Json::Object(self.tokens.iter().map(|(token, id)| (token.clone(), Json::from(*id))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_a_whole_number() {
        for bad in ["{\"a\": 1.0}", "{\"a\": -1}", "{\"a\": 4294967296}", "{\"a\": null}", "[]"] {
            assert!(AddedTokens::parse("f", bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(tokens in prop::collection::btree_map("\\PC*[a-z]", any::<u32>(), 0..6)) {
            let tokens = AddedTokens { tokens: tokens.into_iter().collect() };
            prop_assert_eq!(AddedTokens::parse("f", &tokens.to_bytes()).unwrap(), tokens);
        }
    }
}

//! The files that a tokenizer is saved as.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `tokenization_utils_base.py` (`save_pretrained`); 4.57.6, `tokenization_utils_fast.py`
//! (`_save_pretrained`).

use crate::format::json::Json;
use crate::format::tokenizer::added_tokens::AddedTokens;
use crate::format::tokenizer::config::TokenizerConfig;
use crate::format::tokenizer::json::AddedToken;
use crate::format::tokenizer::special_tokens_map::{SpecialToken, SpecialTokens, SpecialTokensMap};
use crate::format::tokenizer::vocabulary::VocabTxt;
use crate::format::tokenizer::{ADDITIONAL, SPECIAL_TOKENS, Tokenizer, token_text};

impl Tokenizer {
    /// `tokenizer.json` as transformers writes it.
    pub fn tokenizer_json(&self) -> Vec<u8> {
        self.json.to_bytes()
    }

    /// `tokenizer_config.json` as transformers writes it; release 4 lists the added tokens in it.
    pub fn tokenizer_config_json(&self) -> Vec<u8> {
        let added_tokens = self.release.tokenizer_side_files.then(|| self.json.added_tokens.clone());
        TokenizerConfig { settings: self.config.settings.clone(), added_tokens }.to_bytes()
    }

    /// Every file that `save_pretrained` writes, with its name.
    pub fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut files = vec![("tokenizer.json", self.tokenizer_json()), ("tokenizer_config.json", self.tokenizer_config_json())];
        if self.release.tokenizer_side_files {
            let vocab: Vec<&(String, u32)> = self.json.model.vocab.iter().flatten().collect();
            let beyond = |token: &&AddedToken| usize::try_from(token.id).is_ok_and(|id| id >= vocab.len());
            let added: Vec<_> = self.json.added_tokens.iter().filter(beyond).map(|token| (token.content.clone(), token.id)).collect();
            files.push(("special_tokens_map.json", self.special_tokens_map().to_bytes()));
            files.push(("vocab.txt", VocabTxt { tokens: vocab.iter().map(|(token, _)| token.clone()).collect() }.to_bytes()));
            if !added.is_empty() {
                files.push(("added_tokens.json", AddedTokens { tokens: added }.to_bytes()));
            }
        }
        files
    }

    fn special_tokens_map(&self) -> SpecialTokensMap {
        let token = |text: &str| match self.json.added_tokens.iter().find(|added| added.content == text) {
            Some(added) if self.flags_in_map => SpecialToken::Added(added.clone()),
            _ => SpecialToken::Text(text.to_owned()),
        };
        let one = |(part, _): (&str, &str)| Some((part.to_owned(), SpecialTokens::One(token(self.config.get(part)?.as_str()?))));
        let mut tokens: Vec<_> = SPECIAL_TOKENS.into_iter().filter_map(one).collect();
        if let Some(additional) = self.config.get(ADDITIONAL).and_then(Json::as_array).filter(|additional| !additional.is_empty()) {
            let one = |given: &Json| match given {
                Json::String(text) => Some(SpecialToken::Text(text.clone())),
                given => token_text(given).map(token),
            };
            tokens.push((ADDITIONAL.to_owned(), SpecialTokens::Many(additional.iter().filter_map(one).collect())));
        }
        SpecialTokensMap { tokens }
    }
}

//! Texts to token ids, by the `tokenizers` crate that transformers uses too.

use tokenizers::utils::truncation::truncate_encodings;
use tokenizers::{Encoding, PaddingParams, PostProcessor, TruncationDirection, TruncationParams, TruncationStrategy};

use crate::diagnostic::{Diagnostic, Error, Result, Site};

/// Rows encoded at once: an encoding holds far more than the ids that are kept of it.
const ROWS_AT_ONCE: usize = 4096;

/// The tokens of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The ids of the tokens, special tokens among them.
    pub token_ids: Vec<u32>,
    /// 0 for tokens of the first text, 1 for those of the second.
    pub token_type_ids: Vec<u32>,
}

/// A fast tokenizer as `tokenizer.json` describes it.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    truncation_direction: TruncationDirection,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Its padding is ignored, and of its truncation only the side is kept, as transformers does.
    ///
    /// # Errors
    /// `tokenizer-json` where the bytes are no tokenizer that the `tokenizers` crate knows.
    ///
    /// # Source
    /// transformers 5.23.0, `tokenization_utils_tokenizers.py`: `truncation_side` comes from the file's truncation.
    pub fn from_json(bytes: &[u8]) -> Result<Tokenizer> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| {
            let diagnostic = Diagnostic::new("tokenizer-json", Site::file("tokenizer.json"), format!("not a tokenizer: {error}"));
            Error::malformed(diagnostic.hint("save it with transformers: tokenizer.save_pretrained(...)"))
        })?;
        let truncation_direction = inner.get_truncation().map_or(TruncationDirection::Right, |truncation| truncation.direction);
        inner.with_padding(None::<PaddingParams>);
        inner.with_truncation(None).map_err(|error| failed(&error.to_string()))?;
        Ok(Tokenizer { inner, truncation_direction })
    }

    /// The number of tokens, added ones among them: Python's `len(tokenizer)`.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The number of special tokens that a row gets.
    pub fn num_special_tokens(&self, is_pair: bool) -> usize {
        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(is_pair))
    }

    /// Encodes texts, or pairs of texts, as `tokenizer(texts, pairs, truncation=True, max_length=max_length)` does in Python: special tokens
    /// are added, the longer text is cut first, nothing is padded.
    ///
    /// # Errors
    /// `encode-pairs` where there are not as many second texts as first ones, `max-length` where `max_length` has no room for the special
    /// tokens, `tokenizer-encode` where the tokenizer refuses a text.
    ///
    /// # Source
    /// `tokenizers` 0.22.2 and 0.23.3, with which transformers 4.57.6 and 5.23.0 run. The crate in between (0.23.1, 0.23.2) stops tokenizing
    /// near `max_length` where its truncation is set, and so mistakes which text of a pair is the longer one: here it tokenizes whole texts,
    /// which are cut afterwards.
    pub fn encode(&self, texts: &[&str], pairs: Option<&[&str]>, max_length: usize) -> Result<Vec<Example>> {
        self.check_arguments(texts.len(), pairs.map(<[&str]>::len), max_length)?;
        let mut examples = Vec::with_capacity(texts.len());
        for start in (0..texts.len()).step_by(ROWS_AT_ONCE) {
            let end = (start + ROWS_AT_ONCE).min(texts.len());
            let firsts = self.encode_whole(&texts[start..end])?;
            let mut seconds = pairs.map(|pairs| self.encode_whole(&pairs[start..end])).transpose()?.unwrap_or_default().into_iter();
            for first in firsts {
                examples.push(self.combine(first, seconds.next(), max_length)?);
            }
        }
        Ok(examples)
    }

    /// The tokens of each text, neither cut nor with special tokens.
    fn encode_whole(&self, texts: &[&str]) -> Result<Vec<Encoding>> {
        self.inner.encode_batch_fast(texts.to_vec(), false).map_err(|error| failed(&error.to_string()))
    }

    fn combine(&self, first: Encoding, mut second: Option<Encoding>, max_length: usize) -> Result<Example> {
        if let Some(second) = &mut second {
            // What tokenizers without a post-processor keep; all others give type ids of their own.
            second.set_type_ids(vec![1; second.len()]);
        }
        let truncation = TruncationParams {
            max_length: max_length.saturating_sub(self.num_special_tokens(second.is_some())),
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: self.truncation_direction,
        };
        let (mut first, mut second) = truncate_encodings(first, second, &truncation).map_err(|error| failed(&error.to_string()))?;
        // The post-processor would build every pair of pieces that were cut off.
        first.take_overflowing();
        second.as_mut().map(Encoding::take_overflowing);
        let encoding = self.inner.post_process(first, second, true).map_err(|error| failed(&error.to_string()))?;
        Ok(Example { token_ids: encoding.get_ids().to_vec(), token_type_ids: encoding.get_type_ids().to_vec() })
    }

    fn check_arguments(&self, texts: usize, pairs: Option<usize>, max_length: usize) -> Result<()> {
        if let Some(pairs) = pairs.filter(|pairs| *pairs != texts) {
            let diagnostic = Diagnostic::new("encode-pairs", Site::default(), "every text must have a second one");
            return Err(Error::misuse(diagnostic.expected(texts).found(pairs)));
        }
        let special = self.num_special_tokens(pairs.is_some());
        if max_length < special.max(1) {
            let diagnostic = Diagnostic::new("max-length", Site::default(), "the maximum length has no room for the special tokens");
            return Err(Error::misuse(diagnostic.expected(format!("at least {}", special.max(1))).found(max_length)));
        }
        Ok(())
    }
}

fn failed(message: &str) -> Error {
    let site = Site::file("tokenizer.json");
    Error::malformed(Diagnostic::new("tokenizer-encode", site, format!("the tokenizer failed: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENIZER: &[u8] = include_bytes!("../../tests/golden/data/tokenizer.json");

    /// The golden tokenizer with other truncation and padding than it was saved with.
    fn with_settings(truncation: &str, padding: &str) -> Tokenizer {
        let mut json: serde_json::Value = serde_json::from_slice(TOKENIZER).unwrap();
        json["truncation"] = serde_json::from_str(truncation).unwrap();
        json["padding"] = serde_json::from_str(padding).unwrap();
        Tokenizer::from_json(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_padding_and_truncation_of_the_file_are_ignored() {
        let truncation = r#"{"max_length": 4, "strategy": "OnlyFirst", "stride": 1, "direction": "Right"}"#;
        let padding = r#"{"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}"#;
        let plain = Tokenizer::from_json(TOKENIZER).unwrap();
        let texts = ["one film", "a much longer text about a film, this one is"];
        assert_eq!(with_settings(truncation, padding).encode(&texts, None, 9).unwrap(), plain.encode(&texts, None, 9).unwrap());
    }

    #[test]
    fn the_side_of_the_truncation_is_kept() {
        let left = with_settings(r#"{"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Left"}"#, "null");
        let whole = left.encode(&["the film is good"], None, 64).unwrap();
        let cut = left.encode(&["the film is good"], None, 4).unwrap();
        let ids = &whole[0].token_ids;
        assert_eq!(cut[0].token_ids, [&ids[..1], &ids[ids.len() - 3..]].concat());
    }

    #[test]
    fn rows_beyond_one_portion_are_encoded_too() {
        let tokenizer = Tokenizer::from_json(TOKENIZER).unwrap();
        let texts = vec!["film"; ROWS_AT_ONCE + 1];
        let examples = tokenizer.encode(&texts, Some(&texts), 16).unwrap();
        assert_eq!(examples.len(), texts.len());
        assert_eq!(examples.first(), examples.last());
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused() {
        let tokenizer = Tokenizer::from_json(TOKENIZER).unwrap();
        let code = |pairs: Option<&[&str]>, max_length| tokenizer.encode(&["a"], pairs, max_length).unwrap_err().diagnostic().code;
        assert_eq!(code(Some(&[]), 16), "encode-pairs");
        assert_eq!((code(None, 1), code(None, 0), code(Some(&["b"]), 2)), ("max-length", "max-length", "max-length"));
        assert_eq!((tokenizer.num_special_tokens(false), tokenizer.num_special_tokens(true)), (2, 3));
        assert_eq!(Tokenizer::from_json(b"{}").unwrap_err().diagnostic().code, "tokenizer-json");
    }
}

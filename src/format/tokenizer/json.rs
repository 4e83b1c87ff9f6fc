//! `tokenizer.json`, the file of the tokenizers library.
//!
//! # Source
//! tokenizers 0.23 (`tokenizer/serialization.rs`, `models/wordpiece/serialization.rs`, `models/bpe/serialization.rs`); serde_json's pretty form, no newline at the end.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::json::layout::SERDE_PRETTY;
use crate::format::tokenizer::parts;

/// A token that is matched before the model sees the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// The text.
    pub content: String,
    /// Match whole words only.
    pub single_word: bool,
    /// Swallow blanks on the left.
    pub lstrip: bool,
    /// Swallow blanks on the right.
    pub rstrip: bool,
    /// Match in the normalized text.
    pub normalized: bool,
    /// Skipped when decoding.
    pub special: bool,
}

impl AddedToken {
    /// A special token as transformers adds it: matched as it stands.
    pub fn special(id: u32, content: &str) -> Self {
        AddedToken { id, content: content.to_owned(), single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
    }

    /// Reads the flags of an object of `added_tokens` or `added_tokens_decoder`.
    pub fn from_json(id: u32, value: &Json) -> Option<Self> {
        let flag = |key: &str| value.get(key).and_then(Json::as_bool);
        let special = flag("special").unwrap_or(false);
        Some(AddedToken {
            id,
            content: value.get("content")?.as_str()?.to_owned(),
            single_word: flag("single_word").unwrap_or(false),
            lstrip: flag("lstrip").unwrap_or(false),
            rstrip: flag("rstrip").unwrap_or(false),
            normalized: flag("normalized").unwrap_or(!special),
            special,
        })
    }

    fn to_json(&self) -> Json {
        object([
            ("id", self.id.into()),
            ("content", self.content.as_str().into()),
            ("single_word", self.single_word.into()),
            ("lstrip", self.lstrip.into()),
            ("rstrip", self.rstrip.into()),
            ("normalized", self.normalized.into()),
            ("special", self.special.into()),
        ])
    }

    /// Text and flags as the other files of a tokenizer have them, without `special`.
    pub(super) fn flags_json(&self) -> Vec<(String, Json)> {
        let flags = [("lstrip", self.lstrip), ("normalized", self.normalized), ("rstrip", self.rstrip), ("single_word", self.single_word)];
        let content = ("content".to_owned(), Json::from(self.content.as_str()));
        std::iter::once(content).chain(flags.map(|(key, flag)| (key.to_owned(), flag.into()))).collect()
    }
}

/// How long texts are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncation {
    /// `Right` or `Left`.
    pub direction: String,
    /// Longest sequence, special tokens included.
    pub max_length: u64,
    /// `LongestFirst`, `OnlyFirst` or `OnlySecond`.
    pub strategy: String,
    /// Tokens that overflowing pieces share.
    pub stride: u64,
}

/// How short texts are filled up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Padding {
    /// A fixed length, or the longest of a batch.
    pub fixed: Option<u64>,
    /// `Right` or `Left`.
    pub direction: String,
    /// Round up to a multiple of this.
    pub pad_to_multiple_of: Option<u64>,
    /// Id of the padding token.
    pub pad_id: u64,
    /// Segment of the padding token.
    pub pad_type_id: u64,
    /// The padding token.
    pub pad_token: String,
}

/// The model part: its settings around the vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Settings in the order of the file, `type` first; `vocab` and `merges` are null here and hold their places.
    pub settings: Vec<(String, Json)>,
    /// Tokens by id, for models whose vocabulary is a map: WordPiece, BPE, WordLevel.
    pub vocab: Option<Vec<(String, u32)>>,
    /// Pairs of tokens, the first to be merged first: BPE.
    pub merges: Option<Vec<(String, String)>>,
}

/// A whole `tokenizer.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenizerJson {
    /// Version of the file format.
    pub version: String,
    /// Truncation, if it is switched on.
    pub truncation: Option<Truncation>,
    /// Padding, if it is switched on.
    pub padding: Option<Padding>,
    /// Added tokens, by id.
    pub added_tokens: Vec<AddedToken>,
    /// Normalizer, pre-tokenizer, post-processor and decoder, as the file has them.
    pub pipeline: [Json; 4],
    /// The model.
    pub model: Model,
}

const PIPELINE: [&str; 4] = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];

/// The place in the pipeline of what adds the special tokens.
pub(super) const POST_PROCESSOR: usize = 2;

/// An object with keys in the given order.
pub(in crate::format) fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl TokenizerJson {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not JSON, or a part that is missing or has another type.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<TokenizerJson> {
        let json = Json::parse(file, bytes)?;
        let missing = |pointer: &str| {
            let site = Site::file(file).at(Place::Pointer(pointer.to_owned()));
            Error::malformed(Diagnostic::new("tokenizer-json", site, "this part of the tokenizer is missing or has another type"))
        };
        let known = |key: &str| matches!(key, "version" | "truncation" | "padding" | "added_tokens" | "model") || PIPELINE.contains(&key);
        if let Some((key, _)) = json.entries().ok_or_else(|| missing(""))?.iter().find(|(key, _)| !known(key)) {
            let site = Site::file(file).at(Place::Pointer(format!("/{key}")));
            return Err(Error::unsupported(Diagnostic::new("tokenizer-json", site, "the tokenizers library has no such part")));
        }
        if let Some(pointer) = parts::unknown_type(&json) {
            let site = Site::file(file).at(Place::Pointer(pointer));
            return Err(Error::unsupported(Diagnostic::new("tokenizer-json", site, "the tokenizers library has no part of this type")));
        }
        let part = |key: &str| json.get(key).filter(|value| **value != Json::Null);
        let tokenizer = TokenizerJson {
            version: json.get("version").and_then(Json::as_str).unwrap_or("1.0").to_owned(),
            truncation: part("truncation").map(|value| truncation(value).ok_or_else(|| missing("/truncation"))).transpose()?,
            padding: part("padding").map(|value| padding(value).ok_or_else(|| missing("/padding"))).transpose()?,
            added_tokens: json.get("added_tokens").map_or(Some(Vec::new()), added_tokens).ok_or_else(|| missing("/added_tokens"))?,
            pipeline: PIPELINE.map(|key| json.get(key).cloned().unwrap_or(Json::Null)),
            model: json.get("model").and_then(model).ok_or_else(|| missing("/model"))?,
        };
        tokenizer.check_ids(file)?;
        Ok(tokenizer)
    }

    /// Each added token, and they are in the order of their ids, has an id of its own.
    pub(super) fn check_ids(&self, file: &str) -> Result<()> {
        match self.added_tokens.iter().zip(self.added_tokens.iter().skip(1)).find(|(token, next)| token.id == next.id) {
            None => Ok(()),
            Some((token, next)) => {
                let site = Site::file(file).at(Place::Pointer("/added_tokens".to_owned()));
                let diagnostic = Diagnostic::new("tokenizer-json", site, "two added tokens have the same id");
                let found = format!("{:?} and {:?} with id {}", token.content, next.content, token.id);
                Err(Error::malformed(diagnostic.expected("one token of each id").found(found)))
            }
        }
    }

    /// The file as `Tokenizer.save(pretty=True)` writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries = vec![
            ("version".to_owned(), Json::from(self.version.as_str())),
            ("truncation".to_owned(), self.truncation.as_ref().map_or(Json::Null, truncation_json)),
            ("padding".to_owned(), self.padding.as_ref().map_or(Json::Null, padding_json)),
            ("added_tokens".to_owned(), Json::Array(self.added_tokens.iter().map(AddedToken::to_json).collect())),
        ];
        entries.extend(PIPELINE.iter().zip(&self.pipeline).map(|(key, value)| ((*key).to_owned(), value.clone())));
        entries.push(("model".to_owned(), self.model.to_json()));
        SERDE_PRETTY.bytes(Json::Object(entries))
    }
}

impl Model {
    fn to_json(&self) -> Json {
        let pair = |(left, right): &(String, String)| Json::Array(vec![left.as_str().into(), right.as_str().into()]);
        let setting = |(key, value): &(String, Json)| {
            let value = match (key.as_str(), &self.vocab, &self.merges) {
                ("vocab", Some(vocab), _) => Json::Object(vocab.iter().map(|(token, id)| (token.clone(), Json::from(*id))).collect()),
                ("merges", _, Some(merges)) => Json::Array(merges.iter().map(pair).collect()),
                _ => value.clone(),
            };
            (key.clone(), value)
        };
        Json::Object(self.settings.iter().map(setting).collect())
    }
}

fn truncation(value: &Json) -> Option<Truncation> {
    Some(Truncation {
        direction: value.get("direction").and_then(Json::as_str).unwrap_or("Right").to_owned(),
        max_length: value.get("max_length")?.as_u64()?,
        strategy: value.get("strategy")?.as_str()?.to_owned(),
        stride: value.get("stride")?.as_u64()?,
    })
}

fn truncation_json(truncation: &Truncation) -> Json {
    object([
        ("direction", truncation.direction.as_str().into()),
        ("max_length", truncation.max_length.into()),
        ("strategy", truncation.strategy.as_str().into()),
        ("stride", truncation.stride.into()),
    ])
}

fn padding(value: &Json) -> Option<Padding> {
    let strategy = value.get("strategy")?;
    let fixed = match strategy.as_str() {
        Some("BatchLongest") => None,
        _ => Some(strategy.get("Fixed")?.as_u64()?),
    };
    Some(Padding {
        fixed,
        direction: value.get("direction")?.as_str()?.to_owned(),
        pad_to_multiple_of: value.get("pad_to_multiple_of").and_then(Json::as_u64),
        pad_id: value.get("pad_id")?.as_u64()?,
        pad_type_id: value.get("pad_type_id")?.as_u64()?,
        pad_token: value.get("pad_token")?.as_str()?.to_owned(),
    })
}

fn padding_json(padding: &Padding) -> Json {
    object([
        ("strategy", padding.fixed.map_or(Json::from("BatchLongest"), |length| object([("Fixed", length.into())]))),
        ("direction", padding.direction.as_str().into()),
        ("pad_to_multiple_of", padding.pad_to_multiple_of.into()),
        ("pad_id", padding.pad_id.into()),
        ("pad_type_id", padding.pad_type_id.into()),
        ("pad_token", padding.pad_token.as_str().into()),
    ])
}

fn added_tokens(value: &Json) -> Option<Vec<AddedToken>> {
    let token = |value: &Json| AddedToken::from_json(u32::try_from(value.get("id")?.as_u64()?).ok()?, value);
    let mut tokens: Vec<AddedToken> = value.as_array()?.iter().map(token).collect::<Option<_>>()?;
    tokens.sort_by_key(|token| token.id);
    Some(tokens)
}

fn model(value: &Json) -> Option<Model> {
    let mut settings = value.entries()?.to_vec();
    let mut vocab = None;
    if let Some((_, place)) = settings.iter_mut().find(|(key, value)| key == "vocab" && value.entries().is_some()) {
        let entry = |(token, id): &(String, Json)| Some((token.clone(), u32::try_from(id.as_u64()?).ok()?));
        let mut tokens: Vec<(String, u32)> = place.entries()?.iter().map(entry).collect::<Option<_>>()?;
        tokens.sort_by_key(|(_, id)| *id);
        vocab = Some(tokens);
        *place = Json::Null;
    }
    let mut merges = None;
    if let Some((_, place)) = settings.iter_mut().find(|(key, value)| key == "merges" && value.as_array().is_some()) {
        merges = Some(place.as_array()?.iter().map(merge).collect::<Option<_>>()?);
        *place = Json::Null;
    }
    Some(Model { settings, vocab, merges })
}

/// A pair of tokens; releases of tokenizers before 0.20 wrote it as one text.
fn merge(value: &Json) -> Option<(String, String)> {
    let pair = match value {
        Json::String(text) => text.split_once(' ')?,
        Json::Array(pair) => match pair.as_slice() {
            [Json::String(left), Json::String(right)] => (left.as_str(), right.as_str()),
            _ => return None,
        },
        _ => return None,
    };
    Some((pair.0.to_owned(), pair.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> impl Strategy<Value = (String, [bool; 5])> {
        (any::<String>(), any::<[bool; 5]>())
    }

    #[test]
    fn two_added_tokens_of_one_id_are_refused() {
        let token = |content: &str, id: u32| format!(r#"{{"id": {id}, "content": "{content}"}}"#);
        let file = |second: u32| format!(r#"{{"added_tokens": [{}, {}], "model": {{"type": "BPE"}}}}"#, token("a", 7), token("b", second));
        assert!(TokenizerJson::parse("f", file(8).as_bytes()).is_ok());
        let error = TokenizerJson::parse("f", file(7).as_bytes()).unwrap_err().to_string();
        assert_eq!(
            error,
            "f, at /added_tokens: two added tokens have the same id (expected one token of each id, found \"a\" and \"b\" with id 7)"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(
            truncation in prop::option::of((any::<bool>(), any::<u64>(), any::<u64>())),
            padding in prop::option::of((any::<Option<u64>>(), any::<Option<u64>>(), any::<u64>(), any::<String>())),
            added in prop::collection::btree_map(any::<u32>(), token(), 0..4),
            vocab in prop::collection::btree_set(any::<String>(), 0..6),
            merges in prop::option::of(prop::collection::vec(any::<(String, String)>(), 0..4)),
        ) {
            let mut settings = vec![("type".to_owned(), "BPE".into()), ("vocab".to_owned(), Json::Null)];
            settings.extend(merges.as_ref().map(|_| ("merges".to_owned(), Json::Null)));
            let json = TokenizerJson {
                version: "1.0".to_owned(),
                truncation: truncation.map(|(left, max_length, stride)| Truncation {
                    direction: if left { "Left" } else { "Right" }.to_owned(),
                    max_length,
                    strategy: "OnlyFirst".to_owned(),
                    stride,
                }),
                padding: padding.map(|(fixed, pad_to_multiple_of, pad_id, pad_token)| Padding {
                    fixed,
                    direction: "Right".to_owned(),
                    pad_to_multiple_of,
                    pad_id,
                    pad_type_id: 0,
                    pad_token,
                }),
                added_tokens: added.into_iter().map(|(id, (content, [single_word, lstrip, rstrip, normalized, special]))| {
                    AddedToken { id, content, single_word, lstrip, rstrip, normalized, special }
                }).collect(),
                pipeline: [Json::Null, object([("type", "ByteLevel".into())]), Json::Null, Json::Null],
                model: Model { settings, vocab: Some(vocab.into_iter().zip(0..).collect()), merges },
            };
            prop_assert_eq!(TokenizerJson::parse("f", &json.to_bytes()).unwrap(), json);
        }
    }
}

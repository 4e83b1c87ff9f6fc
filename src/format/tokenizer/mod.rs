//! The tokenizer of a BERT directory as a release of transformers holds it: built anew from vocabulary and settings, whatever files it came
//! in.
//!
//! # Source
//! transformers 5.23.0, `tokenization_utils_base.py` (`_from_pretrained`, `save_pretrained`), `tokenization_utils_tokenizers.py`
//! (`TokenizersBackend.__init__`) and `models/bert/tokenization_bert.py`; transformers 4.57.6, `tokenization_utils_base.py`,
//! `tokenization_utils_fast.py` and `models/bert/tokenization_bert_fast.py`.
pub mod added_tokens;
pub mod chat_template;
pub mod config;
pub mod json;
mod parts;
mod saving;
pub mod special_tokens_map;
pub mod vocabulary;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::release::{DEFAULT, Release};
use crate::format::tokenizer::config::TokenizerConfig;
use crate::format::tokenizer::json::{AddedToken, Model, POST_PROCESSOR, Padding, TokenizerJson, Truncation, object};
use crate::format::tokenizer::special_tokens_map::SpecialTokensMap;
use crate::format::tokenizer::vocabulary::VocabTxt;
use crate::storage::Source;

/// `model_max_length` of a tokenizer that has none: Python's `int(1e30)`.
const VERY_LARGE_INTEGER: i128 = 1_000_000_000_000_000_019_884_624_838_656;

/// Special tokens of BERT in the order in which transformers adds them.
pub(super) const SPECIAL_TOKENS: [(&str, &str); 5] =
    [("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"), ("mask_token", "[MASK]")];

/// Tokenizer classes that transformers loads as `BertTokenizer`.
const CLASSES: [&str; 2] = ["BertTokenizer", "BertTokenizerFast"];

/// Key of further special tokens in release 4.
pub(super) const ADDITIONAL: &str = "additional_special_tokens";

/// Key of further special tokens in release 5.
const EXTRA: &str = "extra_special_tokens";

/// Keys that saving leaves out.
const NOT_SAVED: [&str; 14] = [
    "tokenizer_class",
    "init_inputs",
    "add_bos_token",
    "add_eos_token",
    "added_tokens_decoder",
    ADDITIONAL,
    "files_loaded",
    "name_or_path",
    "special_tokens_map_file",
    "tokenizer_file",
    "vocab_file",
    "vocab",
    "device_map",
    "slow_tokenizer_class",
];

/// A BERT tokenizer: what `tokenizer.json` and `tokenizer_config.json` are written from, and the files beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokenizer {
    pub(super) config: TokenizerConfig,
    pub(super) json: TokenizerJson,
    pub(super) release: &'static Release,
    /// Whether `special_tokens_map.json` says how each token is matched: it does if the files did from which the tokenizer was loaded.
    pub(super) flags_in_map: bool,
}

impl Tokenizer {
    /// Loads it from `tokenizer.json`, or from `vocab.txt`, with `tokenizer_config.json` and `special_tokens_map.json` where they are.
    ///
    /// `offline` says whether `HF_HUB_OFFLINE` is set: transformers records that in `tokenizer_config.json`.
    ///
    /// # Errors
    /// No vocabulary, a malformed file, or a tokenizer class other than BERT's.
    pub fn load(source: &dyn Source, offline: bool) -> Result<Tokenizer> {
        Tokenizer::load_for(DEFAULT, source, offline)
    }

    /// The same, as another release holds it.
    ///
    /// # Errors
    /// As for [`Tokenizer::load`].
    pub fn load_for(release: &'static Release, source: &dyn Source, offline: bool) -> Result<Tokenizer> {
        let path = source.path("tokenizer_config.json");
        let config = source.read("tokenizer_config.json")?.map(|bytes| TokenizerConfig::parse(&path, &bytes));
        let mut config = config.transpose()?.unwrap_or_default();
        check_class(source, &config)?;
        let path = source.path("tokenizer.json");
        let saved = source.read("tokenizer.json")?.map(|bytes| TokenizerJson::parse(&path, &bytes)).transpose()?;
        let vocab = match &saved {
            Some(json) => json.model.vocab.clone().ok_or_else(|| {
                let site = Site::file(path).at(Place::Pointer("/model/vocab".to_owned()));
                Error::unsupported(Diagnostic::new("tokenizer-vocabulary", site, "the vocabulary is not a WordPiece vocabulary"))
            })?,
            None => read_vocab_txt(source)?,
        };
        let flags_in_map = saved.is_some() || config.added_tokens.is_some();
        let added = added_tokens(source, &mut config, saved.as_ref())?;
        name_further_special_tokens(&mut config, release);
        let dropped = |key: &str| NOT_SAVED.contains(&key) && !(release.tokenizer_side_files && key == ADDITIONAL);
        config.settings.values.retain(|(key, value)| !dropped(key) && (key != EXTRA || !is_empty(value)));
        for (key, default) in
            [("do_lower_case", Json::Bool(true)), ("tokenize_chinese_chars", Json::Bool(true)), ("strip_accents", Json::Null)]
        {
            config.set_default(key, default);
        }
        let mut names = Vec::new();
        for (key, default) in SPECIAL_TOKENS {
            let token = config.get(key).and_then(token_text).unwrap_or(default).to_owned();
            config.set(key, Json::from(token.as_str()));
            names.push(token);
        }
        config.set_default("model_max_length", Json::Integer(VERY_LARGE_INTEGER));
        if release.tokenizer_side_files {
            record_slow_settings(&mut config, saved.is_some());
        } else {
            config.set("is_local", Json::Bool(true));
            config.set("local_files_only", Json::Bool(offline));
            config.set_default("backend", Json::from("tokenizers"));
        }
        // Release 4 builds the rest of the pipeline anew, and not this.
        let template = saved.as_ref().filter(|_| release.tokenizer_side_files).map(|json| json.pipeline[POST_PROCESSOR].clone());
        let (truncation, padding) = saved.map_or((None, None), |json| (json.truncation, json.padding));
        record_truncation_and_padding(&mut config, truncation.as_ref(), padding.as_ref());
        config.set("tokenizer_class", Json::from("BertTokenizer"));
        let mut json = build(&config, vocab, added, &names, truncation, padding);
        if let Some(template) = template {
            json.pipeline[POST_PROCESSOR] = template;
        }
        json.check_ids(&source.path("tokenizer.json"))?;
        Ok(Tokenizer { config, json, release, flags_in_map })
    }

    /// What a call `tokenizer(texts, truncation=True, max_length=n, padding=…)` leaves behind: `padding` is the length that
    /// `padding="max_length"` fills up to, or nothing for `padding=False`.
    pub fn set_truncation_and_padding(&mut self, max_length: u64, padding: bool) {
        let direction = |key: &str| match self.config.get(key).and_then(Json::as_str) {
            Some("left") => "Left".to_owned(),
            _ => "Right".to_owned(),
        };
        self.json.truncation =
            Some(Truncation { direction: direction("truncation_side"), max_length, strategy: "LongestFirst".to_owned(), stride: 0 });
        let pad_token = self.config.get("pad_token").and_then(Json::as_str).unwrap_or("[PAD]").to_owned();
        let pad_id = self.id(&pad_token).map_or(0, u64::from);
        let pad_type_id = self.config.get("pad_token_type_id").and_then(Json::as_u64).unwrap_or(0);
        self.json.padding = padding.then(|| Padding {
            fixed: Some(max_length),
            direction: direction("padding_side"),
            pad_to_multiple_of: None,
            pad_id,
            pad_type_id,
            pad_token,
        });
    }

    /// `model_max_length`, the longest sequence the tokenizer was made for.
    pub fn model_max_length(&self) -> u64 {
        self.config.get("model_max_length").and_then(Json::as_u64).unwrap_or(u64::MAX)
    }

    /// The length that texts were cut to when the tokenizer was saved.
    pub fn truncation_length(&self) -> Option<u64> {
        self.json.truncation.as_ref().map(|truncation| truncation.max_length)
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        let added = self.json.added_tokens.iter().find(|added| added.content == token).map(|added| added.id);
        added.or_else(|| self.json.model.vocab.as_ref()?.iter().find(|(known, _)| known == token).map(|(_, id)| *id))
    }

    /// The id of the padding token.
    pub fn pad_id(&self) -> Option<u32> {
        self.id(self.config.get("pad_token")?.as_str()?)
    }

    /// One more than the highest id: the rows that an embedding needs.
    pub fn id_limit(&self) -> u64 {
        id_limit(&self.json)
    }
}

/// One more than the highest id of a tokenizer.
pub fn id_limit(json: &TokenizerJson) -> u64 {
    let vocab = json.model.vocab.iter().flatten().map(|(_, id)| *id);
    vocab.chain(json.added_tokens.iter().map(|token| token.id)).max().map_or(0, |id| u64::from(id).saturating_add(1))
}

fn is_empty(value: &Json) -> bool {
    *value == Json::Null || value.entries().is_some_and(<[_]>::is_empty) || value.as_array().is_some_and(<[_]>::is_empty)
}

/// A special token is a text, or an object with a `content`.
pub(super) fn token_text(value: &Json) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

fn check_class(source: &dyn Source, config: &TokenizerConfig) -> Result<()> {
    match config.get("tokenizer_class").and_then(Json::as_str) {
        Some(class) if !CLASSES.contains(&class) => {
            let site = Site::file(source.path("tokenizer_config.json")).at(Place::Pointer("/tokenizer_class".to_owned()));
            let diagnostic = Diagnostic::new("unsupported-tokenizer", site, "this tokenizer class is not supported");
            Err(Error::unsupported(diagnostic.expected(CLASSES.join(" or ")).found(class)))
        }
        _ => Ok(()),
    }
}

fn read_vocab_txt(source: &dyn Source) -> Result<Vec<(String, u32)>> {
    let path = source.path("vocab.txt");
    let Some(bytes) = source.read("vocab.txt")? else {
        let diagnostic = Diagnostic::new("tokenizer-missing", Site::file(source.path("")), "the directory has no tokenizer");
        return Err(Error::malformed(
            diagnostic.expected("tokenizer.json, or vocab.txt").hint("name a directory that has one with --tokenizer_name"),
        ));
    };
    let tokens = VocabTxt::parse(&path, &bytes)?.tokens;
    let vocab: indexmap::IndexMap<String, u32> = tokens.into_iter().zip(0_u32..).collect();
    let mut vocab: Vec<_> = vocab.into_iter().collect();
    vocab.sort_by_key(|(_, id)| *id);
    Ok(vocab)
}

/// Special tokens beyond BERT's own: release 5 has a list of them under another key, under which release 4 has an object.
fn name_further_special_tokens(config: &mut TokenizerConfig, release: &Release) {
    let (from, to) = if release.tokenizer_side_files { (EXTRA, ADDITIONAL) } else { (ADDITIONAL, EXTRA) };
    let given = config.get(from).and_then(Json::as_array).filter(|tokens| !tokens.is_empty());
    let Some(tokens) = given.map(|tokens| tokens.iter().filter_map(token_text).map(Json::from).collect()) else { return };
    config.settings.remove(from);
    if config.get(to).is_none_or(is_empty) {
        config.set(to, Json::Array(tokens));
    }
}

/// The added tokens that the files name; special tokens of `special_tokens_map.json` go into `config`.
fn added_tokens(source: &dyn Source, config: &mut TokenizerConfig, saved: Option<&TokenizerJson>) -> Result<Vec<AddedToken>> {
    if let Some(tokens) = config.added_tokens.take() {
        return Ok(tokens);
    }
    let path = source.path("special_tokens_map.json");
    if let Some(bytes) = source.read("special_tokens_map.json")? {
        for (part, tokens) in SpecialTokensMap::parse(&path, &bytes)?.tokens {
            config.set(&part, tokens.to_json());
        }
    }
    Ok(saved.map(|json| json.added_tokens.clone()).unwrap_or_default())
}

/// Settings of release 4: some come from the tokenizer in Python from which a vocabulary alone is converted.
fn record_slow_settings(config: &mut TokenizerConfig, has_tokenizer_json: bool) {
    config.set_default("clean_up_tokenization_spaces", Json::Bool(!has_tokenizer_json));
    config.set_default(EXTRA, Json::Object(Vec::new()));
    if !has_tokenizer_json {
        config.set_default("do_basic_tokenize", Json::Bool(true));
        config.set_default("never_split", Json::Null);
    }
}

/// A tokenizer that was saved with truncation or padding gets settings that tell of them when it is loaded.
fn record_truncation_and_padding(config: &mut TokenizerConfig, truncation: Option<&Truncation>, padding: Option<&Padding>) {
    if let Some(truncation) = truncation {
        let strategy = match truncation.strategy.as_str() {
            "OnlyFirst" => "only_first",
            "OnlySecond" => "only_second",
            _ => "longest_first",
        };
        config.set_default("max_length", truncation.max_length.into());
        config.set_default("truncation_side", truncation.direction.to_lowercase().into());
        config.set_default("stride", truncation.stride.into());
        config.set_default("truncation_strategy", strategy.into());
    }
    if let Some(padding) = padding {
        config.set_default("pad_token", padding.pad_token.as_str().into());
        config.set_default("pad_token_type_id", padding.pad_type_id.into());
        config.set_default("padding_side", padding.direction.to_lowercase().into());
        config.set_default("max_length", padding.fixed.into());
        config.set_default("pad_to_multiple_of", padding.pad_to_multiple_of.into());
    }
}

/// `BertTokenizer.__init__`: the pipeline depends on the settings alone.
fn build(
    config: &TokenizerConfig,
    vocab: Vec<(String, u32)>,
    mut added_tokens: Vec<AddedToken>,
    names: &[String],
    truncation: Option<Truncation>,
    padding: Option<Padding>,
) -> TokenizerJson {
    let id = |token: &str| vocab.iter().find(|(known, _)| known == token).map(|(_, id)| *id);
    for name in names {
        match added_tokens.iter_mut().find(|added| added.content == *name) {
            Some(added) => added.special = true,
            None => {
                let highest = vocab.iter().map(|(_, id)| *id).chain(added_tokens.iter().map(|added| added.id)).max();
                let next = highest.map_or(0, |highest| highest.saturating_add(1));
                added_tokens.push(AddedToken::special(id(name).unwrap_or(next), name));
            }
        }
    }
    added_tokens.sort_by_key(|added| added.id);
    let setting = |key: &str| config.get(key).cloned().unwrap_or(Json::Null);
    let name = |key: &str| config.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let (cls, sep) = (name("cls_token"), name("sep_token"));
    let token_id = |token: &str| added_tokens.iter().find(|added| added.content == token).map_or(0, |added| added.id);
    let normalizer = object([
        ("type", "BertNormalizer".into()),
        ("clean_text", true.into()),
        ("handle_chinese_chars", setting("tokenize_chinese_chars")),
        ("strip_accents", setting("strip_accents")),
        ("lowercase", setting("do_lower_case")),
    ]);
    let decoder = object([("type", "WordPiece".into()), ("prefix", "##".into()), ("cleanup", true.into())]);
    let model = vec![
        ("type".to_owned(), "WordPiece".into()),
        ("unk_token".to_owned(), name("unk_token").into()),
        ("continuing_subword_prefix".to_owned(), "##".into()),
        ("max_input_chars_per_word".to_owned(), 100_u32.into()),
        ("vocab".to_owned(), Json::Null),
    ];
    TokenizerJson {
        version: "1.0".to_owned(),
        truncation,
        padding,
        pipeline: [
            normalizer,
            object([("type", "BertPreTokenizer".into())]),
            template(&cls, token_id(&cls), &sep, token_id(&sep)),
            decoder,
        ],
        added_tokens,
        model: Model { settings: model, vocab: Some(vocab), merges: None },
    }
}

/// `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.
fn template(cls: &str, cls_id: u32, sep: &str, sep_id: u32) -> Json {
    let piece = |kind: &str, id: &str, type_id: u32| object([(kind, object([("id", id.into()), ("type_id", type_id.into())]))]);
    let single = vec![piece("SpecialToken", cls, 0), piece("Sequence", "A", 0), piece("SpecialToken", sep, 0)];
    let mut pair = single.clone();
    pair.extend([piece("Sequence", "B", 1), piece("SpecialToken", sep, 1)]);
    let special = |token: &str, id: u32| {
        let value = object([("id", token.into()), ("ids", Json::Array(vec![id.into()])), ("tokens", Json::Array(vec![token.into()]))]);
        (token.to_owned(), value)
    };
    let mut special_tokens = vec![special(cls, cls_id), special(sep, sep_id)];
    special_tokens.sort_by(|(left, _), (right, _)| left.cmp(right));
    object([
        ("type", "TemplateProcessing".into()),
        ("single", Json::Array(single)),
        ("pair", Json::Array(pair)),
        ("special_tokens", Json::Object(special_tokens)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::release::RELEASES;
    use crate::storage::MemoryDirectory;

    /// The added token has the id that the vocabulary gives to a special token.
    #[test]
    fn an_added_token_in_the_place_of_a_special_one_is_refused() {
        let load = |release, id: u32| {
            let json = format!(
                r#"{{"added_tokens": [{{"id": {id}, "content": "[X]"}}], "model": {{"type": "WordPiece", "vocab": {{"[MASK]": 4}}}}}}"#
            );
            let files = [("tokenizer.json".to_owned(), json.into_bytes())].into();
            Tokenizer::load_for(release, &MemoryDirectory { files, ..MemoryDirectory::default() }, true)
        };
        for release in RELEASES {
            assert!(load(release, 5).is_ok());
            let error = load(release, 4).unwrap_err().to_string();
            assert!(error.contains("\"[X]\" and \"[MASK]\" with id 4"), "{error}");
        }
    }
}

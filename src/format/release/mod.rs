//! The release table: what each release of transformers writes.
//!
//! A new release is a new row: its version, the fields of its configs, its files. Readers, writers and the verifier take from here what
//! differs from one release to the next.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0: `configuration_utils.py`, `modeling_utils.py` (`save_pretrained`), `trainer.py` (`_save_checkpoint`),
//! `tokenization_utils_base.py` (`save_pretrained`).
pub mod config_fields;
pub mod files;
pub mod trainer;

use crate::format::json::Json;
use crate::format::release::config_fields::{
    BASE_4, BASE_5, GENERATION_4, GENERATION_5, GENERATION_KEYS_5, MODELS_4, MODELS_5, ModelFields,
};
use crate::format::release::files::{FILES, FileRow, PICKLED_WEIGHTS, TOKENIZER_SIDE_FILES};
use crate::format::release::trainer::{TRAINER_4, TRAINER_5, Trainer};

/// One release of transformers.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// `transformers_version` as it stands in the files.
    pub version: &'static str,
    /// Version of the tokenizers library that goes with it.
    pub tokenizers_version: &'static str,
    /// `max_shard_size` where none is given. Tensors fill a shard in their order until the next would make it larger; a tensor that is
    /// larger by itself has a shard of its own, before the one that is being filled.
    pub max_shard_bytes: u64,
    /// Whether tensors that were renamed when they were loaded (`LayerNorm.gamma`) are saved under their old names, and then in the order
    /// of their names with numbers in them compared as numbers.
    pub restores_legacy_names: bool,
    /// Fields of `PretrainedConfig` with their defaults, as JSON: a config has them only where they differ.
    pub base_fields: &'static str,
    /// Fields of the config of each model type.
    pub models: &'static [ModelFields],
    /// Fields of `GenerationConfig` with their defaults, as JSON: a generation config has them only where they differ.
    pub generation_fields: &'static str,
    /// Keys of `GenerationConfig` that a model config must not hold; they are dropped when a config is loaded.
    pub generation_keys: &'static [&'static str],
    /// Whether numbers that JSON cannot write stand as `{"__float__": "NaN"}` in a config.
    pub wraps_special_floats: bool,
    /// Whether a tokenizer is saved with its vocabulary and its special tokens in files of their own, and `tokenizer_config.json` lists the
    /// added tokens.
    pub tokenizer_side_files: bool,
    /// Its `Trainer`.
    pub trainer: Trainer,
    /// Whether the decoder of masked words shares its bias even where `tie_word_embeddings` is false.
    pub always_ties_decoder_bias: bool,
    /// Files that it writes.
    pub files: &'static [&'static [FileRow]],
}

/// transformers 4.57.6, the last of the fourth release.
pub const V4_57_6: Release = Release {
    version: "4.57.6",
    tokenizers_version: "0.22.2",
    max_shard_bytes: 5_000_000_000,
    restores_legacy_names: false,
    base_fields: BASE_4,
    models: MODELS_4,
    generation_fields: GENERATION_4,
    generation_keys: &[],
    wraps_special_floats: false,
    tokenizer_side_files: true,
    trainer: TRAINER_4,
    always_ties_decoder_bias: true,
    files: &[FILES, TOKENIZER_SIDE_FILES, PICKLED_WEIGHTS],
};

/// transformers 5.23.0, the release whose files rtrain writes if no other is asked for.
pub const V5_23_0: Release = Release {
    version: "5.23.0",
    tokenizers_version: "0.23.3",
    max_shard_bytes: 50_000_000_000,
    restores_legacy_names: true,
    base_fields: BASE_5,
    models: MODELS_5,
    generation_fields: GENERATION_5,
    generation_keys: GENERATION_KEYS_5,
    wraps_special_floats: true,
    tokenizer_side_files: false,
    trainer: TRAINER_5,
    always_ties_decoder_bias: false,
    files: &[FILES],
};

/// Every release that is known here, the oldest first.
pub const RELEASES: [&Release; 2] = [&V4_57_6, &V5_23_0];

/// The release that is written, and taken for granted where a directory does not say.
pub const DEFAULT: &Release = &V5_23_0;

impl Release {
    /// The release with exactly this `transformers_version`.
    pub fn find(version: &str) -> Option<&'static Release> {
        RELEASES.into_iter().find(|release| release.version == version)
    }

    /// The release with exactly this `transformers_version`, or else the one of the same major version, or else the default.
    pub fn nearest(version: &str) -> &'static Release {
        let major = |version: &'_ str| version.split('.').next().map(str::to_owned);
        let same_major = || RELEASES.into_iter().find(|release| major(release.version) == major(version));
        Release::find(version).or_else(same_major).unwrap_or(DEFAULT)
    }

    /// The newest release that writes files of all these names: for a directory without `transformers_version`, such as that of an adapter.
    pub fn newest_writing(names: &[&str]) -> Option<&'static Release> {
        RELEASES.into_iter().rev().find(|release| names.iter().all(|name| release.file(name).is_some()))
    }

    /// The fields of the config of a model type.
    pub fn model(&self, model_type: &str) -> Option<&'static ModelFields> {
        self.models.iter().find(|model| model.model_type == model_type)
    }

    /// The fields of one of the tables above, in their order.
    pub(super) fn defaults(fields: &str) -> Vec<(String, Json)> {
        match Json::parse("the release table", fields.as_bytes()) {
            Ok(Json::Object(entries)) => entries,
            _ => Vec::new(),
        }
    }

    /// The row of a file by its path inside the directory, `/` between names; a checkpoint's folder is not part of it.
    pub fn file(&self, name: &str) -> Option<&'static FileRow> {
        self.files.iter().copied().flatten().find(|row| row.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_their_exact_version() {
        assert_eq!(Release::find("4.57.6"), Some(&V4_57_6));
        assert_eq!(Release::find("5.23.0"), Some(DEFAULT));
        assert_eq!(Release::find("5.23"), None);
        assert_eq!(
            ["4.30.0", "5.0.0", "6.1.0", ""].map(|version| Release::nearest(version).version),
            ["4.57.6", "5.23.0", "5.23.0", "5.23.0"]
        );
        assert!(V4_57_6.model("gpt2").is_some() && V4_57_6.model("t5").is_none());
    }

    #[test]
    fn a_directory_without_a_version_is_of_the_newest_release_that_fits() {
        assert_eq!(Release::newest_writing(&["adapter_config.json", "tokenizer.json"]), Some(&V5_23_0));
        assert_eq!(Release::newest_writing(&["adapter_config.json", "vocab.txt"]), Some(&V4_57_6));
        assert_eq!(Release::newest_writing(&["adapter_config.json", "notes.txt"]), None);
    }

    #[test]
    fn the_tables_are_json() {
        for release in RELEASES {
            for (fields, least) in [(release.base_fields, 8), (release.generation_fields, 50)] {
                assert!(Release::defaults(fields).len() >= least, "{}", release.version);
            }
            for model in release.models {
                assert!(Release::defaults(model.fields).len() > 10, "{} {}", release.version, model.model_type);
            }
        }
    }

    #[test]
    fn files_are_found_by_their_names() {
        assert!(V4_57_6.file("vocab.txt").is_some() && V5_23_0.file("vocab.txt").is_none());
        assert!(V4_57_6.file("pytorch_model-00001-of-00002.bin").is_some() && V5_23_0.file("pytorch_model.bin").is_none());
        assert!(V5_23_0.file("model.safetensors").is_some() && V5_23_0.file("notes.txt").is_none());
    }
}

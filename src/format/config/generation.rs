//! `generation_config.json`: how a model that generates text does it.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `generation/configuration_utils.py` (`GenerationConfig`, `to_json_string`): the values that differ from the
//! defaults of the release.

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::layout::SORTED;
use crate::format::json::settings::{Kind, Schema, Settings};
use crate::format::release::Release;

/// Keys of both releases that have one type.
const SCHEMA: Schema = &[
    ("_from_model_config", Kind::Flag),
    ("assistant_confidence_threshold", Kind::Number),
    ("assistant_early_exit", Kind::Whole),
    ("assistant_lookbehind", Kind::Whole),
    ("bad_words_ids", Kind::List),
    ("begin_suppress_tokens", Kind::List),
    ("bos_token_id", Kind::Whole),
    ("cache_config", Kind::Object),
    ("cache_implementation", Kind::Text),
    ("decoder_start_token_id", Kind::Any),
    ("disable_compile", Kind::Flag),
    ("diversity_penalty", Kind::Number),
    ("do_sample", Kind::Flag),
    ("encoder_no_repeat_ngram_size", Kind::Whole),
    ("encoder_repetition_penalty", Kind::Number),
    ("eos_token_id", Kind::Any),
    ("epsilon_cutoff", Kind::Number),
    ("eta_cutoff", Kind::Number),
    ("forced_bos_token_id", Kind::Whole),
    ("guidance_scale", Kind::Number),
    ("is_assistant", Kind::Flag),
    ("length_penalty", Kind::Number),
    ("max_length", Kind::Whole),
    ("max_matching_ngram_size", Kind::Whole),
    ("max_new_tokens", Kind::Whole),
    ("max_time", Kind::Number),
    ("min_length", Kind::Whole),
    ("min_new_tokens", Kind::Whole),
    ("min_p", Kind::Number),
    ("no_repeat_ngram_size", Kind::Whole),
    ("num_assistant_tokens", Kind::Whole),
    ("num_assistant_tokens_schedule", Kind::Text),
    ("num_beam_groups", Kind::Whole),
    ("num_beams", Kind::Whole),
    ("num_return_sequences", Kind::Whole),
    ("output_attentions", Kind::Flag),
    ("output_hidden_states", Kind::Flag),
    ("output_logits", Kind::Flag),
    ("output_scores", Kind::Flag),
    ("pad_token_id", Kind::Whole),
    ("penalty_alpha", Kind::Number),
    ("prefill_chunk_size", Kind::Whole),
    ("prompt_lookup_num_tokens", Kind::Whole),
    ("remove_invalid_values", Kind::Flag),
    ("renormalize_logits", Kind::Flag),
    ("repetition_penalty", Kind::Number),
    ("return_dict_in_generate", Kind::Flag),
    ("suppress_tokens", Kind::List),
    ("target_lookbehind", Kind::Whole),
    ("temperature", Kind::Number),
    ("token_healing", Kind::Flag),
    ("top_h", Kind::Number),
    ("top_k", Kind::Whole),
    ("top_p", Kind::Number),
    ("transformers_version", Kind::Text),
    ("typical_p", Kind::Number),
    ("use_cache", Kind::Flag),
];

/// The values of a `generation_config.json`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GenerationConfig {
    /// Keys and values, in the order of the file.
    pub settings: Settings,
}

impl GenerationConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a known key whose value has another type.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<GenerationConfig> {
        Ok(GenerationConfig { settings: Settings::parse("generation-config", SCHEMA, path, bytes)? })
    }

    /// The file: `json.dumps(indent=2, sort_keys=True)` and a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        SORTED.bytes(self.settings.to_json())
    }

    /// The config that a release holds after loading this one, ready to be written: without the values that are its defaults.
    #[must_use]
    pub fn loaded_by(&self, release: &Release) -> GenerationConfig {
        let defaults = Release::defaults(release.generation_fields);
        let is_default = |(key, value): &(String, Json)| defaults.iter().any(|(known, default)| known == key && equal(value, default));
        let mut settings = self.settings.clone();
        settings.values.retain(|field| !is_default(field) && field.0 != "_commit_hash");
        settings.set("transformers_version", Json::from(release.version));
        GenerationConfig { settings }
    }

    /// `transformers_version`.
    pub fn transformers_version(&self) -> Option<&str> {
        self.settings.text("transformers_version")
    }

    /// The tokens that end a text: `eos_token_id` is one id or a list of them.
    pub fn eos_token_ids(&self) -> Vec<u64> {
        match self.settings.get("eos_token_id") {
            Some(Json::Array(ids)) => ids.iter().filter_map(Json::as_u64).collect(),
            Some(id) => id.as_u64().into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// Whether Python holds two values for equal: 1 and 1.0 are.
fn equal(left: &Json, right: &Json) -> bool {
    left == right || left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| left == right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::release::RELEASES;
    use proptest::prelude::*;

    #[test]
    fn one_end_or_several() {
        let ids = |text: &str| GenerationConfig::parse("g", text.as_bytes()).unwrap().eos_token_ids();
        assert_eq!((ids("{\"eos_token_id\": 3}"), ids("{\"eos_token_id\": [3, 4]}"), ids("{}")), (vec![3], vec![3, 4], vec![]));
        let error = GenerationConfig::parse("g", b"{\"do_sample\": \"yes\"}").unwrap_err();
        assert_eq!(error.to_string(), "g, at /do_sample: do_sample does not fit (expected true, false or null, found a string)");
    }

    #[test]
    fn saved_as_each_release_saves_it() {
        let golden = Json::parse("golden", include_bytes!("../../../tests/golden/generation_configs.json")).unwrap();
        for release in RELEASES {
            let saved = golden.get("saved").unwrap().get(release.version).unwrap().entries().unwrap();
            assert_eq!(saved.len(), 7);
            for (name, text) in saved {
                let source = golden.get("sources").unwrap().get(name).unwrap().as_str().unwrap();
                let written = GenerationConfig::parse(name, source.as_bytes()).unwrap().loaded_by(release).to_bytes();
                assert_eq!(String::from_utf8(written).unwrap(), text.as_str().unwrap(), "{} {name}", release.version);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(temperature in prop::num::f64::NORMAL, length in any::<u32>(), unknown in any::<String>()) {
            let mut config = GenerationConfig::default();
            config.settings.set("max_new_tokens", length.into());
            config.settings.set("temperature", temperature.into());
            config.settings.set(&format!("z{unknown}"), Json::Array(vec![unknown.as_str().into()]));
            prop_assert_eq!(GenerationConfig::parse("f", &config.to_bytes()).unwrap(), config);
        }
    }
}

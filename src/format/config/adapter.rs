//! `adapter_config.json`: what a PEFT adapter changes in which model.
//!
//! # Source
//! PEFT 0.18.1 and 0.21.2, `config.py` (`save_pretrained`) and `tuners/lora/config.py`.

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::layout::SORTED_OPEN_END;
use crate::format::json::settings::{Kind, Schema, Settings};

/// Keys of LoRA adapters that have one type; `target_modules` and `init_lora_weights`, among others, have several.
const SCHEMA: Schema = &[
    ("alpha_pattern", Kind::Object),
    ("auto_mapping", Kind::Object),
    ("base_model_name_or_path", Kind::Text),
    ("bias", Kind::Text),
    ("ensure_weight_tying", Kind::Flag),
    ("fan_in_fan_out", Kind::Flag),
    ("inference_mode", Kind::Flag),
    ("lora_alpha", Kind::Number),
    ("lora_bias", Kind::Flag),
    ("lora_dropout", Kind::Number),
    ("modules_to_save", Kind::List),
    ("peft_type", Kind::Text),
    ("peft_version", Kind::Text),
    ("r", Kind::Whole),
    ("rank_pattern", Kind::Object),
    ("revision", Kind::Text),
    ("task_type", Kind::Text),
    ("use_dora", Kind::Flag),
    ("use_rslora", Kind::Flag),
];

/// The values of an `adapter_config.json`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AdapterConfig {
    /// Keys and values, in the order of the file.
    pub settings: Settings,
}

impl AdapterConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a known key whose value has another type.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<AdapterConfig> {
        Ok(AdapterConfig { settings: Settings::parse("adapter-config", SCHEMA, path, bytes)? })
    }

    /// The file: `json.dumps(indent=2, sort_keys=True)` without a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        SORTED_OPEN_END.bytes(self.settings.to_json())
    }

    /// `peft_type`: `LORA` and the like.
    pub fn peft_type(&self) -> Option<&str> {
        self.settings.text("peft_type")
    }

    /// Rank of a LoRA adapter, where `rank_pattern` names no other for a module.
    pub fn rank(&self) -> Option<u64> {
        self.settings.whole("r")
    }

    /// The modules that the adapter changes: a list of names, or one pattern.
    pub fn target_modules(&self) -> Vec<&str> {
        match self.settings.get("target_modules") {
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
            Some(Json::String(pattern)) => vec![pattern],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_are_a_list_or_a_pattern() {
        let config = AdapterConfig::parse("a", br#"{"r": 8, "peft_type": "LORA", "target_modules": ["query", "value"]}"#).unwrap();
        assert_eq!((config.rank(), config.peft_type(), config.target_modules()), (Some(8), Some("LORA"), vec!["query", "value"]));
        assert_eq!(AdapterConfig::parse("a", br#"{"target_modules": "all-linear"}"#).unwrap().target_modules(), ["all-linear"]);
        assert!(AdapterConfig::parse("a", br#"{"r": 1.5}"#).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(rank in any::<u32>(), dropout in 0.0..1.0_f64, unknown in any::<String>()) {
            let mut config = AdapterConfig::default();
            config.settings.set("lora_dropout", dropout.into());
            config.settings.set("r", rank.into());
            config.settings.set(&format!("z{unknown}"), Json::Null);
            prop_assert_eq!(AdapterConfig::parse("f", &config.to_bytes()).unwrap(), config);
        }
    }
}

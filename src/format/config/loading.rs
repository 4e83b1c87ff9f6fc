//! What a release of transformers holds after it has loaded a `config.json`, whatever release wrote that.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `configuration_utils.py` (`__init__` and `__post_init__`, `from_dict`, `to_diff_dict`).

use crate::format::config::Config;
use crate::format::json::Json;
use crate::format::release::{DEFAULT, Release};

/// Keys that loading drops.
const DROPPED: [&str; 7] = [
    "_name_or_path",
    "name_or_path",
    "_commit_hash",
    "attn_implementation",
    "_attn_implementation_internal",
    "_experts_implementation_internal",
    "transformers_weights",
];

impl Config {
    /// The config that transformers 5.23.0 holds after loading this one, ready to be written.
    #[must_use]
    pub fn loaded(&self) -> Config {
        self.loaded_by(DEFAULT)
    }

    /// The config that a release holds after loading this one, ready to be written. A model type that the release table does not have keeps
    /// the fields that it has.
    #[must_use]
    pub fn loaded_by(&self, release: &Release) -> Config {
        let mut config = self.clone();
        if let Some(dtype) = config.remove("torch_dtype")
            && config.get("dtype").is_none_or(|dtype| *dtype == Json::Null)
        {
            config.set("dtype", dtype);
        }
        let num_labels = config.remove("num_labels");
        if config.id2label.is_none() {
            let count = num_labels.and_then(|count| count.as_u64()).unwrap_or(2);
            config.set_default_labels(usize::try_from(count).unwrap_or(usize::MAX).min(1 << 20));
        } else if config.get("label2id").is_none() {
            config.set("label2id", Json::Null);
        }
        config.values.retain(|(key, _)| !DROPPED.contains(&key.as_str()) && !release.generation_keys.contains(&key.as_str()));
        let declared = release.model(self.model_type().unwrap_or("bert")).map_or(Vec::new(), |model| Release::defaults(model.fields));
        for (key, default) in &declared {
            if config.get(key).is_none() {
                config.set(key, default.clone());
            }
        }
        let base = Release::defaults(release.base_fields);
        config.values.retain(|field| !base.contains(field) || declared.iter().any(|(key, _)| *key == field.0));
        if release.wraps_special_floats {
            config.values = config.values.into_iter().map(|(key, value)| (key, wrap_special_floats(value))).collect();
        }
        config.set("transformers_version", Json::from(release.version));
        if config.has_default_labels() {
            config.id2label = None;
            config.remove("label2id");
        }
        config
    }

    /// The release that wrote the config, if it is one of the release table.
    pub fn release(&self) -> Option<&'static Release> {
        Release::find(self.transformers_version()?)
    }

    /// The same, where the release table also has the fields of the model type: then the config can be loaded and saved as the release does.
    pub fn known_release(&self) -> Option<&'static Release> {
        self.release().filter(|release| self.model_type().is_some_and(|model_type| release.model(model_type).is_some()))
    }
}

/// Numbers that JSON cannot write, as objects.
fn wrap_special_floats(value: Json) -> Json {
    let wrapped = |name: &str| Json::Object(vec![("__float__".to_owned(), Json::from(name))]);
    match value {
        Json::Float(number) if number.is_nan() => wrapped("NaN"),
        Json::Float(f64::INFINITY) => wrapped("Infinity"),
        Json::Float(f64::NEG_INFINITY) => wrapped("-Infinity"),
        Json::Array(items) => Json::Array(items.into_iter().map(wrap_special_floats).collect()),
        Json::Object(entries) => Json::Object(entries.into_iter().map(|(key, value)| (key, wrap_special_floats(value))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_config_becomes_what_transformers_5_holds() {
        let source = br#"{"_name_or_path": "x", "architectures": ["BertModel"], "model_type": "bert", "gradient_checkpointing": false, "torch_dtype": "float32", "hidden_size": 384, "num_beams": 1}"#;
        let text = String::from_utf8(Config::parse("config.json", source).unwrap().loaded().to_bytes()).unwrap();
        assert!(text.starts_with("{\n  \"add_cross_attention\": false,\n  \"architectures\": [\n    \"BertModel\"\n  ],"));
        assert!(text.contains("\"dtype\": \"float32\"") && text.contains("\"gradient_checkpointing\": false"));
        for gone in ["_name_or_path", "torch_dtype", "num_beams", "label2id", "return_dict"] {
            assert!(!text.contains(gone), "{gone} is still there");
        }
    }

    #[test]
    fn saved_as_each_release_saves_it() {
        let golden = Json::parse("configs.json", include_bytes!("../../../tests/golden/configs.json")).unwrap();
        let mut checked = 0;
        for release in crate::format::release::RELEASES {
            for (name, saved) in golden.get("saved").unwrap().get(release.version).unwrap().entries().unwrap() {
                let source = golden.get("sources").unwrap().get(name).unwrap().as_str().unwrap();
                let config = Config::parse(name, source.as_bytes()).unwrap().loaded_by(release);
                assert_eq!(String::from_utf8(config.to_bytes()).unwrap(), saved.as_str().unwrap(), "{} {name}", release.version);
                checked += 1;
            }
        }
        assert_eq!(checked, 88);
    }
}

//! The parameter table of the class that a config names.

use super::bert::BERT;
use super::distilbert::DISTILBERT;
use super::gpt2::GPT2;
use super::roberta::ROBERTA;
use super::table::{Architecture, Class};
use super::{ParameterTable, bert};
use crate::diagnostic::Result;
use crate::format::config::Config;
use crate::format::json::Json;
use crate::format::release::{DEFAULT, Release};

/// Every architecture that has a table.
pub const ARCHITECTURES: [&Architecture; 4] = [&BERT, &DISTILBERT, &GPT2, &ROBERTA];

/// The architecture and the class that a config names; nothing where there is no table.
pub fn class_of(config: &Config) -> Option<(&'static Architecture, &'static Class)> {
    let name = config.get("architectures").and_then(Json::as_array).and_then(<[_]>::first).and_then(Json::as_str)?;
    ARCHITECTURES.into_iter().find_map(|architecture| Some((architecture, architecture.class(name)?)))
}

/// The parameters under the names that the config's class gives them, in the order of its state dict; nothing for a class without a table.
///
/// # Errors
/// The config lacks a size that the class needs.
pub fn inventory(config: &Config) -> Option<Result<ParameterTable>> {
    inventory_of(config, config.release().unwrap_or(DEFAULT))
}

/// The same, as the classes of a release have it.
///
/// # Errors
/// The config lacks a size that the class needs.
pub fn inventory_of(config: &Config, release: &Release) -> Option<Result<ParameterTable>> {
    class_of(config).map(|(architecture, class)| architecture.parameters(class, config, release))
}

/// Names under which a file may hold a parameter, best first: LayerNorms of old checkpoints have `gamma` and `beta`.
pub fn names_in_files(parameter: &str) -> impl Iterator<Item = String> {
    let is_prefixed = parameter.starts_with("bert.");
    bert::checkpoint_names(parameter).into_iter().filter(move |name| name.starts_with("bert.") == is_prefixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json::python::{Layout, dumps};
    use crate::format::release::RELEASES;
    use std::path::Path;

    /// Names, shapes, order, weight decay and ties, as transformers itself tells them.
    #[test]
    fn tables_are_those_of_transformers() {
        let mut classes = std::collections::BTreeSet::new();
        for release in RELEASES {
            let name = format!("parameters_{}.json", release.version);
            let golden = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(&name)).unwrap();
            let golden = Json::parse(&name, &golden).unwrap();
            for case in golden.get("cases").unwrap().as_array().unwrap() {
                let text = dumps(case.get("config").unwrap(), Layout::Compact);
                let mut config = Config::parse("config.json", text.as_bytes()).unwrap();
                if config.label_ids().is_none() {
                    config.set_default_labels(2);
                }
                let (architecture, class) = class_of(&config).unwrap();
                assert_eq!(Some(architecture.model_type), config.model_type());
                assert_eq!(Some(class.generates), case.get("generates").unwrap().as_bool(), "{}", class.name);
                let table = architecture.parameters(class, &config, release).unwrap();
                let (tied, own): (Vec<_>, Vec<_>) = table.parameters.iter().partition(|parameter| parameter.tied_to.is_some());
                let own: Vec<Json> = own
                    .iter()
                    .map(|parameter| {
                        let shape = Json::Array(parameter.shape.iter().map(|&size| size.into()).collect());
                        Json::Array(vec![parameter.name.as_str().into(), shape, parameter.weight_decay.into()])
                    })
                    .collect();
                assert_eq!(Json::Array(own), *case.get("parameters").unwrap(), "{} {}", release.version, class.name);
                let tied = tied.iter().map(|parameter| (parameter.name.clone(), parameter.tied_to.clone().unwrap().into()));
                assert_eq!(Json::Object(tied.collect()), *case.get("tied").unwrap(), "{} {}", release.version, class.name);
                classes.insert(class.name);
            }
        }
        assert_eq!(classes.len(), ARCHITECTURES.iter().map(|architecture| architecture.classes.len()).sum::<usize>());
    }

    #[test]
    fn an_empty_or_huge_config_is_refused_or_stays_small() {
        let config = |text: &str| Config::parse("config.json", text.as_bytes()).unwrap();
        assert!(inventory(&config("{}")).is_none());
        assert!(inventory(&config(r#"{"architectures": ["BertModel"]}"#)).unwrap().is_err());
        let heads = r#"{"architectures": ["GPT2Model"], "n_embd": 4, "n_head": 3, "n_layer": 1}"#;
        assert_eq!(inventory(&config(heads)).unwrap().unwrap_err().diagnostic().code, "config-heads");
        let huge = r#"{"architectures": ["GPT2Model"], "n_embd": 268435456, "n_head": 1, "n_layer": 4096, "n_positions": 9, "vocab_size": 9, "n_inner": 268435456}"#;
        assert!(inventory(&config(huge)).unwrap().unwrap().numel() > 1 << 60);
    }
}

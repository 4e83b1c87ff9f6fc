//! The parameter table of the class that a config names.

use super::{BertConfig, ParameterTable};
use crate::diagnostic::Result;
use crate::format::config::Config;
use crate::format::json::Json;

/// The classes that have a table.
pub const CLASSES: &str = "BertForSequenceClassification or BertModel";

/// The parameters under the names that the config's class gives them, in the order of its state dict; nothing for a class without a table.
///
/// # Errors
/// The config lacks a size that the class needs.
pub fn inventory(config: &Config) -> Option<Result<ParameterTable>> {
    let architecture = config.get("architectures").and_then(Json::as_array).and_then(<[_]>::first).and_then(Json::as_str)?;
    let table = || BertConfig::from_config(config).map(|bert| bert.sequence_classification());
    match architecture {
        "BertForSequenceClassification" => Some(table()),
        "BertModel" => Some(table().map(|mut table| {
            table.parameters.retain(|parameter| parameter.name.starts_with("bert."));
            for parameter in &mut table.parameters {
                parameter.name = parameter.name.replacen("bert.", "", 1);
            }
            table
        })),
        _ => None,
    }
}

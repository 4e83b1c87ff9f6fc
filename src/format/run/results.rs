//! `train_results.json`, `eval_results.json`, `all_results.json`, …: the metrics of a split.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `trainer_pt_utils.py` (`save_metrics`).

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::layout::METRICS;

/// Metrics by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Results {
    /// Names and values; a value is a number, a text, a flag or null.
    pub metrics: Vec<(String, Json)>,
}

impl Results {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a metric that is a list or an object.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Results> {
        let fields = Fields::parse("results", path, bytes)?;
        let compound = |value: &Json| matches!(value, Json::Array(_) | Json::Object(_));
        match fields.clone().rest().iter().find(|(_, value)| compound(value)) {
            Some((name, value)) => Err(fields.error(name, "a number", value.kind())),
            None => Ok(Results { metrics: fields.rest() }),
        }
    }

    /// The file: `json.dump(indent=4, sort_keys=True)` without a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        results_bytes(&self.metrics)
    }
}

/// The file that holds these metrics.
pub fn results_bytes(metrics: &[(String, Json)]) -> Vec<u8> {
    METRICS.bytes(Json::Object(metrics.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_metric_is_no_list() {
        let error = Results::parse("all_results.json", b"{\"loss\": [1]}").unwrap_err();
        assert_eq!(error.to_string(), "all_results.json, at /loss: loss does not fit (expected a number, found an array)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(metrics in prop::collection::btree_map(any::<String>(), prop::num::f64::NORMAL, 0..6)) {
            let results = Results { metrics: metrics.into_iter().map(|(name, value)| (name, value.into())).collect() };
            prop_assert_eq!(Results::parse("f", &results.to_bytes()).unwrap().to_bytes(), results.to_bytes());
        }
    }
}

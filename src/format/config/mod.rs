//! `config.json`: what a model is made of, and the names of its labels.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `configuration_utils.py` (`to_json_string`).
pub mod adapter;
pub mod generation;
mod loading;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::json::layout::{JsonFile, SORTED};
use crate::format::json::python::{Layout, dumps};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// The values of a `config.json`, in the order of the file, with the label maps read into names.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    file: String,
    pub(super) values: Vec<(String, Json)>,
    pub(super) id2label: Option<Vec<(i128, Json)>>,
}

impl Config {
    /// Reads a `config.json`; `file` is its path as the user knows it.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a label map whose keys are not whole numbers, each once.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Config> {
        let error = |place: &str, message: &str| {
            Error::malformed(Diagnostic::new("config", Site::file(file).at(Place::Pointer(place.to_owned())), message))
        };
        let Json::Object(mut values) = Json::parse(file, bytes)? else {
            return Err(error("", "the config is not a JSON object"));
        };
        let mut id2label = None;
        if let Some(position) = values.iter().position(|(key, value)| key == "id2label" && *value != Json::Null) {
            let (_, map) = values.remove(position);
            let entries = map.entries().ok_or_else(|| error("/id2label", "id2label is not an object"))?;
            let entry = |(key, label): &(String, Json)| key.parse::<i128>().ok().map(|id| (id, label.clone()));
            let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
            let entries = entries.ok_or_else(|| error("/id2label", "a key of id2label is not a whole number"))?;
            if entries.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len() < entries.len() {
                return Err(error("/id2label", "two keys of id2label are the same number"));
            }
            id2label = Some(entries);
        }
        Ok(Config { file: file.to_owned(), values, id2label })
    }

    /// The file as `json.dumps(config, indent=2, sort_keys=True)` and a newline; the keys of `id2label` are numbers in Python.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut values = self.values.clone();
        if let Some(id2label) = &self.id2label {
            let mut entries = id2label.clone();
            entries.sort_by_key(|(id, _)| *id);
            values.push(("id2label".to_owned(), Json::Object(entries.into_iter().map(|(id, label)| (id.to_string(), label)).collect())));
        }
        values.sort_by(|(left, _), (right, _)| left.cmp(right));
        let sorted = |(key, value): (String, Json)| match key.as_str() {
            "id2label" => (key, value),
            "label2id" => (key, value.sorted()),
            _ => (key, value.sorted_but_numbers()),
        };
        JsonFile { sort_keys: false, ..SORTED }.bytes(Json::Object(values.into_iter().map(sorted).collect()))
    }

    /// Path of the file as the user knows it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The place of a key.
    pub fn site(&self, key: &str) -> Site {
        Site::file(self.file.as_str()).at(Place::Pointer(format!("/{key}")))
    }

    /// The value of a key; `id2label` has [`Config::labels`].
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets a key, keeping its place if it is there.
    pub fn set(&mut self, key: &str, value: Json) {
        match self.values.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.values.push((key.to_owned(), value)),
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Json> {
        let position = self.values.iter().position(|(name, _)| name == key)?;
        Some(self.values.remove(position).1)
    }

    /// `model_type`.
    pub fn model_type(&self) -> Option<&str> {
        self.text("model_type")
    }

    /// `transformers_version`.
    pub fn transformers_version(&self) -> Option<&str> {
        self.text("transformers_version")
    }

    /// A text, if the key has one.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Json::as_str)
    }

    /// A flag, if the key has one.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Json::as_bool)
    }

    /// The names of the labels in the order of their ids; `LABEL_0`, `LABEL_1` where the file has none.
    pub fn labels(&self) -> Vec<String> {
        let Some(id2label) = &self.id2label else {
            return vec!["LABEL_0".to_owned(), "LABEL_1".to_owned()];
        };
        let mut entries = id2label.clone();
        entries.sort_by_key(|(id, _)| *id);
        entries.into_iter().map(|(id, label)| label.as_str().map_or_else(|| format!("LABEL_{id}"), str::to_owned)).collect()
    }

    /// Number of labels, as transformers derives it from `id2label`.
    pub fn num_labels(&self) -> usize {
        self.id2label.as_ref().map_or(2, Vec::len)
    }

    /// The ids of the label map, in the order of the file, where it has one.
    pub fn label_ids(&self) -> Option<Vec<i128>> {
        self.id2label.as_ref().map(|entries| entries.iter().map(|(id, _)| *id).collect())
    }

    /// Sets `id2label` and `label2id`.
    pub fn set_labels(&mut self, names: &[String]) {
        self.id2label = Some((0..).zip(names).map(|(id, name)| (id, Json::from(name.as_str()))).collect());
        self.set("label2id", Json::Object(names.iter().zip(0..).map(|(name, id)| (name.clone(), Json::Integer(id))).collect()));
    }

    /// Sets the labels `LABEL_0`, `LABEL_1`, ….
    pub fn set_default_labels(&mut self, count: usize) {
        self.set_labels(&(0..count).map(|id| format!("LABEL_{id}")).collect::<Vec<_>>());
    }

    pub(super) fn has_default_labels(&self) -> bool {
        let mut default = self.clone();
        default.set_default_labels(2);
        default.id2label == self.id2label && default.get("label2id") == self.get("label2id")
    }

    /// A whole number that must be there and lie in `range`.
    ///
    /// # Errors
    /// The key is missing, is no whole number, or lies outside.
    pub fn size(&self, key: &str, range: RangeInclusive<usize>) -> Result<usize> {
        let found = self.get(key).and_then(Json::as_u64).and_then(|size| usize::try_from(size).ok());
        match found {
            Some(size) if range.contains(&size) => Ok(size),
            _ => Err(self.wrong(key, &format!("a whole number from {} to {}", range.start(), range.end()))),
        }
    }

    /// A whole number, or nothing where the key is missing or null.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_size(&self, key: &str) -> Result<Option<usize>> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => match value.as_u64().and_then(|size| usize::try_from(size).ok()) {
                Some(size) => Ok(Some(size)),
                None => Err(self.wrong(key, "a whole number or null")),
            },
        }
    }

    /// A finite number that must be there.
    ///
    /// # Errors
    /// The key is missing or holds something else.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.get(key).and_then(Json::as_f64).filter(|number| number.is_finite()).ok_or_else(|| self.wrong(key, "a number"))
    }

    /// A number from 0 up to but not including 1.
    ///
    /// # Errors
    /// The key is missing or holds something else.
    pub fn probability(&self, key: &str) -> Result<f64> {
        self.number(key).ok().filter(|number| (0.0..1.0).contains(number)).ok_or_else(|| self.wrong(key, "a number from 0 up to 1"))
    }

    /// A probability, or nothing where the key is missing or null.
    ///
    /// # Errors
    /// The key holds something else.
    pub fn optional_probability(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(_) => self.probability(key).map(Some),
        }
    }

    fn wrong(&self, key: &str, expected: &str) -> Error {
        let found = self.get(key).map_or("nothing".to_owned(), |value| dumps(value, Layout::Compact));
        Error::malformed(Diagnostic::new("config-value", self.site(key), format!("{key} does not fit")).expected(expected).found(found))
    }

    /// Applies `key=value,key=value`, as `run_clm.py --config_overrides` does: the key must be there, the value takes the type of the old one.
    ///
    /// # Errors
    /// An unknown key, or a value of another type.
    pub fn apply_overrides(&mut self, overrides: &str) -> Result<()> {
        for pair in overrides.split(',') {
            let misuse =
                |message: String| Error::misuse(Diagnostic::new("config-overrides", Site::default(), message).found(format!("{pair:?}")));
            let Some((key, text)) = pair.split_once('=') else {
                return Err(misuse("config_overrides is not a list of key=value".to_owned()));
            };
            let old = self.get(key).ok_or_else(|| misuse(format!("the config has no key {key:?} to override")))?;
            let value = match (old, text.to_lowercase().as_str()) {
                (Json::Bool(_), "true" | "1" | "y" | "yes") => Some(Json::Bool(true)),
                (Json::Bool(_), "false" | "0" | "n" | "no") => Some(Json::Bool(false)),
                (Json::Integer(_), _) => text.parse().ok().map(Json::Integer),
                (Json::Float(_), _) => text.parse().ok().map(Json::Float),
                (Json::String(_), _) => Some(Json::from(text)),
                _ => None,
            };
            let value = value.ok_or_else(|| misuse(format!("{key} takes {}", old.kind())))?;
            self.set(key, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_that_are_numbers_are_sorted_as_text() {
        let mut config = Config::parse("config.json", b"{}").unwrap();
        config.set_labels(&(1..11).map(|stars| stars.to_string()).collect::<Vec<_>>());
        let text = String::from_utf8(config.to_bytes()).unwrap();
        assert!(text.contains("\"1\": 0,\n    \"10\": 9,\n    \"2\": 1"), "{text}");
    }

    #[test]
    fn two_spellings_of_one_label_id_are_refused() {
        let parse = |text: &str| Config::parse("config.json", text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(parse(r#"{"id2label": {"05": "a"}}"#).unwrap().label_ids(), Some(vec![5]));
        let error = parse(r#"{"id2label": {"5": "a", "05": "b"}}"#).unwrap_err();
        assert_eq!(error, "config.json, at /id2label: two keys of id2label are the same number");
    }

    #[test]
    fn label_ids_are_sorted_as_numbers() {
        let mut config = Config::parse("config.json", b"{}").unwrap();
        config.set_labels(&(0..11).map(|id| format!("l{id:02}")).collect::<Vec<_>>());
        let text = String::from_utf8(config.to_bytes()).unwrap();
        assert!(text.find("\"2\": \"l02\"").unwrap() < text.find("\"10\": \"l10\"").unwrap());
    }

    #[test]
    fn overrides_keep_the_type() {
        let mut config = Config::parse("config.json", b"{\"hidden_dropout_prob\": 0.1, \"n\": 3, \"b\": true}").unwrap();
        config.apply_overrides("hidden_dropout_prob=0,n=4,b=no").unwrap();
        assert_eq!(config.to_bytes(), b"{\n  \"b\": false,\n  \"hidden_dropout_prob\": 0.0,\n  \"n\": 4\n}\n");
        assert!(config.apply_overrides("n=x").is_err() && config.apply_overrides("m=1").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(
            labels in prop::option::of(prop::collection::btree_set(any::<String>(), 0..14)),
            size in any::<u32>(),
            dropout in prop::num::f64::NORMAL,
            unknown in any::<String>(),
        ) {
            let mut config = Config::parse("f", b"{}").unwrap();
            config.set("hidden_dropout_prob", dropout.into());
            config.set("hidden_size", size.into());
            config.set(&format!("z{unknown}"), Json::Array(vec![unknown.as_str().into(), Json::Null]));
            if let Some(labels) = labels {
                config.set_labels(&labels.into_iter().collect::<Vec<_>>());
            }
            let read = Config::parse("f", &config.to_bytes()).unwrap();
            prop_assert_eq!(read.labels(), config.labels());
            prop_assert_eq!(read.size("hidden_size", 0..=usize::MAX).unwrap(), size as usize);
            prop_assert_eq!(read.to_bytes(), config.to_bytes());
        }
    }
}

//! Arguments: the table of them as data, and values as a page gives them.

use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::train::arguments::{ARGUMENTS, Argument, Kind, Origin, RawValue, TrainingArguments, Values};
use serde_json::{Map, Value, json};
use std::ops::Bound;

use crate::diagnostic::unreadable;

/// Arguments that name files and directories of a machine: in a page it is what was loaded.
const OF_FILES: [&str; 7] =
    ["model_name_or_path", "config_name", "tokenizer_name", "train_file", "validation_file", "test_file", "resume_from_checkpoint"];

/// What a session has one of for itself.
const OF_SESSION: &str = "device";

/// What a run's directory is called where the page does not say.
pub const OUTPUT_DIR: &str = "model";

/// All arguments that a page can set, each with what a form needs to know of it.
pub fn table() -> Value {
    ARGUMENTS.iter().filter(|argument| !OF_FILES.contains(&argument.name) && argument.name != OF_SESSION).map(row).collect()
}

fn row(argument: &Argument) -> Value {
    let end = |bound: &Bound<f64>| match bound {
        Bound::Included(end) | Bound::Excluded(end) => Value::from(*end),
        Bound::Unbounded => Value::Null,
    };
    let (kind, choices, min, max) = match &argument.kind {
        Kind::Text | Kind::Path | Kind::Files | Kind::DirectoryOrFlag | Kind::Mapping => ("text", Value::Null, Value::Null, Value::Null),
        Kind::Names => ("names", Value::Null, Value::Null, Value::Null),
        Kind::Integer { min, max } => ("integer", Value::Null, (*min).into(), if *max == i64::MAX { Value::Null } else { (*max).into() }),
        Kind::Float { min, max } => ("float", Value::Null, end(min), end(max)),
        Kind::Steps => ("steps", Value::Null, 0.into(), Value::Null),
        Kind::Flag => ("flag", Value::Null, Value::Null, Value::Null),
        Kind::Choice { supported, .. } => ("choice", supported.to_vec().into(), Value::Null, Value::Null),
    };
    json!({
        "name": argument.name,
        "group": argument.group.title(),
        "help": argument.help,
        "kind": kind,
        "choices": choices,
        "min": min,
        "max": max,
        "default": argument.default,
    })
}

/// What was loaded, as far as arguments name it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The name of the model, and whether it has weights.
    pub model: Option<(String, bool)>,
    /// The names of the tables.
    pub tables: [(&'static str, Option<String>); 3],
    /// Columns that were guessed, for where the page names none.
    pub columns: Vec<(&'static str, Value)>,
}

/// The arguments of a run with these values, of which some may still be missing that loading will bring.
///
/// # Errors
/// As [`TrainingArguments::resolve`].
pub fn resolve(given: &Map<String, Value>, loaded: &Loaded) -> Result<TrainingArguments> {
    let mut values = Values::new();
    let mut set = |name: &str, value: Value| values.insert(name.to_owned(), RawValue { value, origin: Origin::File(Site::default()) });
    let (name, has_weights) = loaded.model.clone().unwrap_or_else(|| ("model".to_owned(), true));
    set(if has_weights { "model_name_or_path" } else { "config_name" }, name.into());
    set("output_dir", OUTPUT_DIR.into());
    for (argument, name) in &loaded.tables {
        if let Some(name) = name {
            set(argument, name.as_str().into());
        }
    }
    for (name, value) in &loaded.columns {
        set(name, value.clone());
    }
    for (name, value) in given {
        set(name, value.clone());
    }
    TrainingArguments::resolve(&values)
}

/// What was given, changed by an object of JSON, in which null stands for the default.
///
/// # Errors
/// `argument-value` where it is no object, `unsupported-argument` where it names a file.
pub fn merged(given: &Map<String, Value>, values: &str) -> Result<Map<String, Value>> {
    let values: Map<String, Value> =
        serde_json::from_str(values).map_err(|error| unreadable("the arguments", "an object of names and values", &error))?;
    let mut merged = given.clone();
    for (name, value) in values {
        if OF_FILES.contains(&name.as_str()) {
            let diagnostic = Diagnostic::new("unsupported-argument", Site::default(), format!("{name} cannot be set in a browser"));
            return Err(Error::unsupported(diagnostic.hint("load the model or the table instead")));
        }
        if name == OF_SESSION {
            let diagnostic =
                Diagnostic::new("unsupported-argument", Site::default(), "the device cannot be set as an argument in a browser");
            return Err(Error::unsupported(diagnostic.hint("create the trainer on it")));
        }
        if value.is_null() {
            merged.shift_remove(&name);
        } else {
            merged.insert(name, value);
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded() -> Loaded {
        Loaded { tables: [("train_file", Some("t.csv".to_owned())), ("validation_file", None), ("test_file", None)], ..Loaded::default() }
    }

    #[test]
    fn the_table_has_what_a_form_needs() {
        let table = table();
        let find = |name: &str| table.as_array().unwrap().iter().find(|row| row["name"] == name).cloned();
        let rate = find("learning_rate").unwrap();
        assert_eq!((&rate["kind"], &rate["min"], &rate["default"]), (&"float".into(), &0.0.into(), &"5e-5".into()));
        assert_eq!(find("lr_scheduler_type").unwrap()["choices"][0], "linear");
        assert_eq!(find("seed").unwrap()["max"], 4_294_967_295_u32);
        assert_eq!(find("train_file"), None);
    }

    #[test]
    fn every_default_is_accepted_as_a_value() {
        for row in table().as_array().unwrap() {
            let (Some(name), Some(default)) = (row["name"].as_str(), row["default"].as_str()) else { continue };
            // Release 4.57.6 has every name.
            let given = Map::from_iter([(name.to_owned(), default.into()), ("release".to_owned(), "4.57.6".into())]);
            resolve(&given, &loaded()).unwrap_or_else(|error| panic!("{name} {default}: {error}"));
        }
    }

    #[test]
    fn null_takes_a_value_back() {
        let given = merged(&Map::new(), r#"{"seed": 7, "max_steps": 3}"#).unwrap();
        assert_eq!(resolve(&given, &loaded()).unwrap().seed, 7);
        let given = merged(&given, r#"{"seed": null}"#).unwrap();
        let arguments = resolve(&given, &loaded()).unwrap();
        assert_eq!((arguments.seed, arguments.max_steps), (42, Some(3)));
    }

    #[test]
    fn wrong_values_are_diagnosed() {
        let code = |values: &str| {
            let given = merged(&Map::new(), values);
            given.and_then(|given| resolve(&given, &loaded())).unwrap_err().diagnostic().code
        };
        assert_eq!(code(r#"{"learning_rate": "fast"}"#), "argument-value");
        assert_eq!(code(r#"{"learning_rat": 1}"#), "unknown-argument");
        assert_eq!(code(r#"{"train_file": "/etc/passwd"}"#), "unsupported-argument");
        assert_eq!(code("[]"), "argument-value");
    }
}

//! What transformers says of the same arguments: `tests/golden/arguments.json`, written by `tests/golden/arguments.py`.

use serde_json::Value;

use super::raw::{RawValue, Typed, Values, read, read_default};
use super::*;

const GOLDEN: &str = include_str!("../../../tests/golden/arguments.json");

/// Defaults that rtrain tells by the files that are given.
const FOLLOW_FILES: [&str; 3] = ["do_train", "do_eval", "do_predict"];

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn resolve(given: &[(&str, &Value)]) -> TrainingArguments {
    let mut values: Values = ["model_name_or_path", "train_file", "output_dir"]
        .map(|name| (name.to_owned(), RawValue::command_line(name)))
        .into_iter()
        .collect();
    for (name, value) in given {
        values.insert((*name).to_owned(), RawValue { value: (*value).clone(), origin: Origin::CommandLine });
    }
    TrainingArguments::resolve(&values).unwrap()
}

#[test]
fn every_field_is_supported_or_known_to_be_not() {
    let golden = golden();
    let fields = golden["defaults"].as_object().unwrap();
    for name in fields.keys() {
        assert!(argument(name).is_some() != NOT_YET.contains(&name.as_str()), "{name}");
    }
    for name in NOT_YET {
        assert!(fields.contains_key(*name), "{name}");
    }
    for (name, _) in REMOVED {
        assert!(!fields.contains_key(*name), "{name}");
    }
}

#[test]
fn defaults_agree() {
    let golden = golden();
    let mut compared = 0;
    for (name, default) in golden["defaults"].as_object().unwrap() {
        let Some(argument) = argument(name).filter(|_| !FOLLOW_FILES.contains(&name.as_str())) else { continue };
        let raw = RawValue { value: default.clone(), origin: Origin::CommandLine };
        assert_eq!(read_default(argument), read(argument, &raw).unwrap(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 51);
    assert_eq!(read_default(argument("learning_rate").unwrap()), Some(Typed::Float(5e-5)));
}

#[test]
fn warmup_agrees() {
    for case in golden()["warmup"].as_array().unwrap() {
        let total_steps = case["total_steps"].as_u64().unwrap() as usize;
        let arguments = resolve(&[("warmup_steps", &case["warmup_steps"])]);
        assert_eq!(arguments.warmup_steps(total_steps) as u64, case["expected"].as_u64().unwrap(), "{case}");
    }
}

#[test]
fn lengths_agree() {
    let golden = golden();
    let cases = golden["lengths"].as_array().unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let given: Vec<(&str, &Value)> =
            case["arguments"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value)).collect();
        let length = resolve(&given).length(case["rows"].as_u64().unwrap() as usize);
        let expected = |name: &str| case["expected"][name].as_u64().unwrap() as usize;
        assert_eq!(length.batches_per_epoch, expected("batches_per_epoch"), "{case}");
        assert_eq!(length.steps_per_epoch, expected("steps_per_epoch"), "{case}");
        assert_eq!(length.total_steps, expected("total_steps"), "{case}");
        assert_eq!(length.num_epochs, expected("num_epochs"), "{case}");
    }
}

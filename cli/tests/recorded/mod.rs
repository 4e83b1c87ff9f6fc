//! What a run leaves as JSON, against what the Trainer left of the same run.

use std::path::Path;

use serde_json::{Map, Value};

/// Ends of the names of floating-point sums, whose last digits two programs do not share.
const SUMS: [&str; 3] = ["loss", "grad_norm", "best_metric"];
/// Ends of the names of what a clock says.
const CLOCKS: [&str; 2] = ["_runtime", "_per_second"];
/// Ends of the names of metrics that rtrain has and run_classification.py has not.
const MORE_METRICS: [&str; 3] = ["_f1", "_f1_macro", "_matthews_correlation"];

/// Reads a JSON file.
pub fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Without what a clock says, of which the names stay, and with the switches of the control that are on, as the goldens have it; and without
/// the metrics that only rtrain has.
pub fn reduced(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reduced).collect(),
        Value::Object(entries) => reduced_object(entries),
        other => other.clone(),
    }
}

fn reduced_object(entries: &Map<String, Value>) -> Value {
    let ends = |name: &str, ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let (clocks, rest): (Vec<_>, Vec<_>) = entries.iter().partition(|(name, _)| ends(name, &CLOCKS));
    let rest = rest.into_iter().filter(|(name, _)| !ends(name, &MORE_METRICS));
    let mut reduced: Map<String, Value> = rest
        .map(|(name, value)| {
            let control = name == "TrainerControl";
            (name.clone(), if control { switched_on(&value["args"]) } else { reduced(value) })
        })
        .collect();
    if !clocks.is_empty() {
        let names = clocks.into_iter().map(|(name, _)| name.as_str()).collect();
        reduced.insert("clocks".to_owned(), shortened(names));
    }
    Value::Object(reduced)
}

fn switched_on(switches: &Value) -> Value {
    let switches = switches.as_object().unwrap();
    assert_eq!(switches.len(), 5);
    switches.iter().filter(|(_, on)| on.as_bool().unwrap()).map(|(name, _)| name.as_str()).collect()
}

/// `eval` for eval_runtime, eval_samples_per_second and eval_steps_per_second.
fn shortened(names: Vec<&str>) -> Value {
    let split = names[0].trim_end_matches("_runtime");
    let usual = ["runtime", "samples_per_second", "steps_per_second"].map(|name| format!("{split}_{name}"));
    if names == usual { split.into() } else { names.into() }
}

/// Each place where `found` is not `expected`, with both values. Floating-point sums may differ by `tolerance` of themselves, or of 1 where
/// they are smaller; all else is the same to the last bit.
pub fn differences(place: &str, expected: &Value, found: &Value, tolerance: f64) -> Vec<String> {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            let parts = |name: &String| (left.get(name).unwrap_or(&ABSENT), right.get(name).unwrap_or(&ABSENT));
            names.flat_map(|name| differences(&format!("{place}/{name}"), parts(name).0, parts(name).1, tolerance)).collect()
        }
        (Value::Array(left), Value::Array(right)) if left.iter().chain(right).any(Value::is_object) => {
            let pairs = left.iter().zip(right).enumerate();
            let each = |(index, (left, right))| differences(&format!("{place}/{index}"), left, right, tolerance);
            if left.len() == right.len() {
                return pairs.flat_map(each).collect();
            }
            // After an item too many or too few all others are out of place.
            let first = pairs.map(each).find(|found| !found.is_empty()).unwrap_or_default();
            [vec![format!("{place}: {} items became {}", left.len(), right.len())], first].concat()
        }
        _ if is_same(place, expected, found, tolerance) => Vec::new(),
        _ => vec![format!("{place}: {expected} became {found}")],
    }
}

static ABSENT: Value = Value::Null;

fn is_same(place: &str, expected: &Value, found: &Value, tolerance: f64) -> bool {
    match (expected.as_f64(), found.as_f64()) {
        (Some(left), Some(right)) if SUMS.iter().any(|end| place.ends_with(end)) => (left - right).abs() <= tolerance * left.abs().max(1.0),
        (Some(left), Some(right)) => left.to_bits() == right.to_bits() && expected.is_f64() == found.is_f64(),
        _ => expected == found,
    }
}

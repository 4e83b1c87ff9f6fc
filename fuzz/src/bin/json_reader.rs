//! JSON that is read is JSON to serde_json too, with the same values, and every layout of it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain_fuzz::{assert_same, bounded};
use serde_json::Value;

const LAYOUTS: [Layout; 4] = [Layout::Python { indent: 2 }, Layout::PythonUnicode { indent: 4 }, Layout::Compact, Layout::SerdePretty];

/// Python's own words, overflow to infinity and one more level of nesting: what serde_json does not read.
fn only_python_reads(value: &Json, depth: usize) -> bool {
    match value {
        Json::Float(number) => !number.is_finite(),
        Json::Integer(number) => !(*number as f64).is_finite(),
        Json::Array(items) => depth >= 127 || items.iter().any(|item| only_python_reads(item, depth + 1)),
        Json::Object(entries) => depth >= 127 || entries.iter().any(|(_, value)| only_python_reads(value, depth + 1)),
        _ => false,
    }
}

fn same(ours: &Json, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(left), Value::Bool(right)) => left == right,
        (Json::Integer(_) | Json::Float(_), Value::Number(right)) => ours.as_f64() == right.as_f64(),
        (Json::String(left), Value::String(right)) => left == right,
        (Json::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Value::Object(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|((name, left), (key, right))| name == key && same(left, right))
        }
        _ => false,
    }
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let Ok(value) = Json::parse("file.json", bytes) else { return };
    let only_here = only_python_reads(&value, 0);
    if !only_here {
        let theirs: Value = serde_json::from_slice(bytes).expect("serde_json refuses it");
        assert!(same(&value, &theirs), "{value:?}\n{theirs:?}");
    }
    // serde_json writes null for what is not finite.
    for layout in LAYOUTS.into_iter().filter(|&layout| layout != Layout::SerdePretty || !only_here) {
        assert_same(&Json::parse("file.json", dumps(&value, layout).as_bytes()).expect("what was written is read"), &value);
    }
}));

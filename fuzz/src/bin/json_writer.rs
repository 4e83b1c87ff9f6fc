//! Any JSON value is written so that it reads the same, and each float so that it is the same float.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps, float_repr};
use rtrain_fuzz::{assert_same, bounded};

fn value(source: &mut Unstructured<'_>, depth: usize) -> Result<Json> {
    Ok(match source.int_in_range(0..=if depth < 20 { 6 } else { 4 })? {
        0 => Json::Null,
        1 => Json::Bool(source.arbitrary()?),
        2 => Json::Integer(source.arbitrary()?),
        3 => Json::Float(source.arbitrary()?),
        4 => Json::String(source.arbitrary()?),
        5 => Json::Array((0..source.int_in_range(0..=5)?).map(|_| value(source, depth + 1)).collect::<Result<_>>()?),
        _ => {
            let mut entries: Vec<(String, Json)> = Vec::new();
            for _ in 0..source.int_in_range(0..=5)? {
                let entry = (source.arbitrary()?, value(source, depth + 1)?);
                if entries.iter().all(|(key, _)| *key != entry.0) {
                    entries.push(entry);
                }
            }
            Json::Object(entries)
        }
    })
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let mut source = Unstructured::new(bytes);
    let Ok(value) = value(&mut source, 0) else { return };
    for layout in [Layout::Python { indent: 2 }, Layout::PythonUnicode { indent: 1 }, Layout::Compact] {
        let written = dumps(&value, layout);
        assert!(written.is_ascii() || !matches!(layout, Layout::Python { .. }));
        assert_same(&Json::parse("file.json", written.as_bytes()).expect("what was written is read"), &value);
    }
    assert_same(&value.clone().sorted().sorted(), &value.sorted());
    if let Ok(number) = source.arbitrary::<f64>() {
        let again: f64 = float_repr(number).parse().expect("a float");
        assert!(again.to_bits() == number.to_bits() || again.is_nan() && number.is_nan(), "{number:?}");
    }
}));

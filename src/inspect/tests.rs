//! The golden directory, described.

use super::*;
use crate::format::safetensors::{Dtype, Tensor, serialize};
use crate::storage::{DiskDirectory, MemoryDirectory};
use proptest::prelude::*;
use std::path::Path;

fn golden() -> DiskDirectory {
    DiskDirectory::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert/classifier")).unwrap()
}

fn fact<'a>(description: &'a Description, key: &str) -> &'a Json {
    let fact = description.contents.facts.iter().find(|(name, _)| name == key);
    &fact.unwrap_or_else(|| panic!("no {key} in {description:?}")).1
}

#[test]
fn a_directory_is_described_file_by_file() {
    let descriptions = inspect_directory(&golden(), Detail::Overview).unwrap();
    let kinds: Vec<_> = descriptions.iter().map(|description| (description.name.as_str(), description.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("config.json", Some("config")),
            ("model.safetensors", Some("safetensors")),
            ("tokenizer.json", Some("tokenizer")),
            ("tokenizer_config.json", Some("settings")),
        ]
    );
    assert!(descriptions.iter().all(|description| description.error.is_none() && description.contents.tables.is_empty()));
    assert_eq!(fact(&descriptions[0], "labels"), &Json::Array(vec!["negative".into(), "neutral".into(), "positive".into()]));
    assert_eq!(fact(&descriptions[0], "parameters"), fact(&descriptions[1], "elements"));
    assert_eq!((fact(&descriptions[1], "tensors"), fact(&descriptions[1], "canonical")), (&Json::Integer(41), &Json::Bool(true)));
    assert_eq!(fact(&descriptions[2], "model"), &Json::from("WordPiece"));
}

#[test]
fn values_are_summed_up() {
    let floats: Vec<u8> = [1.5_f32, f32::NAN, -2.0, f32::INFINITY, 0.5].iter().flat_map(|value| value.to_le_bytes()).collect();
    let large: Vec<u8> = (0..3_000_000_i32).flat_map(|value| (value % 1000).to_le_bytes()).collect();
    let tensor = |name: &str, dtype: Dtype, shape: &[u64], data: &[u8]| Tensor {
        name: name.to_owned(),
        dtype,
        shape: shape.to_vec(),
        data: data.to_vec().into(),
    };
    let tensors = [
        tensor("floats", Dtype::F32, &[5], &floats),
        tensor("large", Dtype::I32, &[3_000_000], &large),
        tensor("packed", Dtype::F4, &[2], &[7]),
        tensor("empty", Dtype::F32, &[0], &[]),
    ];
    let bytes = serialize(&tensors, &[]);
    let description = inspect_file("m.safetensors", "m.safetensors", &bytes.as_slice(), Detail::Statistics).unwrap();
    let [table] = &description.contents.tables[..] else { panic!("{description:?}") };
    let row = |name: &str| table.rows.iter().find(|row| row[0] == Json::from(name)).unwrap()[4..].to_vec();
    let (float, whole) = (Json::Float, Json::Integer);
    assert_eq!(row("floats"), [float(-2.0), float(1.5), float(0.0), whole(1), whole(1)]);
    assert_eq!(row("large"), [float(0.0), float(999.0), float(499.5), whole(0), whole(0)]);
    assert_eq!(row("packed"), vec![Json::Null; 5]);
    assert_eq!(row("empty"), vec![Json::Null; 5]);
}

#[test]
fn a_broken_file_says_why() {
    let files = [("model.safetensors".to_owned(), vec![0; 4]), ("notes.txt".to_owned(), b"mine".to_vec())];
    let directory = MemoryDirectory { name: "d".to_owned(), files: files.into_iter().collect() };
    let [weights, notes] = &inspect_directory(&directory, Detail::Full).unwrap()[..] else { panic!() };
    assert_eq!(weights.error.as_ref().map(|error| error.code), Some("safetensors-truncated"));
    assert_eq!((notes.kind, notes.bytes, &notes.error), (None, 4, &None));
}

proptest! {
    #[test]
    fn any_bytes_are_described_without_a_panic(name in prop::sample::select(vec!["config.json", "tokenizer.json", "m.safetensors", "a.index.json", "x.json"]), text in "[\\[\\]{}\":,a0-9.]{0,60}") {
        let bytes = text.as_bytes();
        let _ = inspect_file(name, name, &bytes, Detail::Statistics).unwrap();
    }
}

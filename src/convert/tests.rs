//! Against what transformers wrote: `tests/golden/shards.py`.

use super::*;
use crate::format::safetensors::{Header, pieces};
use crate::format::shards::split::{StateDictEntry, parse_max_shard_size, shard_name, split};
use crate::storage::{DiskDirectory, MemoryDirectory};
use crate::verify::verify;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const RELEASES: [&str; 2] = ["5.23.0", "4.57.6"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(release: &str) -> Json {
    let path = folder().join("shards").join(format!("{release}.json"));
    Json::parse(release, &std::fs::read(path).unwrap()).unwrap()
}

fn items<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).unwrap().as_array().unwrap()
}

fn classifier() -> MemoryDirectory {
    let disk = DiskDirectory::open(folder().join("bert/classifier")).unwrap();
    let files = disk.names().unwrap().into_iter().map(|name| (name.clone(), disk.read(&name).unwrap().unwrap()));
    MemoryDirectory { name: "classifier".to_owned(), files: files.collect() }
}

/// The classifier with the names that LayerNorm's parameters had in the first checkpoints.
fn legacy() -> MemoryDirectory {
    let mut directory = classifier();
    let bytes = directory.files[shards::SINGLE].clone();
    let header = Header::parse("f", &bytes).unwrap();
    let renamed = |name: &str| name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    let tensor = |info: &crate::format::safetensors::TensorInfo| Tensor {
        name: renamed(&info.name),
        dtype: info.dtype,
        shape: info.shape.clone(),
        data: header.data(info, &bytes).into(),
    };
    let tensors: Vec<Tensor<'_>> = header.tensors.iter().map(tensor).collect();
    directory.files.insert(shards::SINGLE.to_owned(), pieces(&tensors, &header.metadata).concat());
    directory
}

fn written(source: &MemoryDirectory, conversion: Conversion) -> MemoryDirectory {
    let converted = convert(source, conversion).unwrap();
    let files = converted.files().into_iter().map(|(name, pieces)| (name, pieces.concat()));
    MemoryDirectory { name: "converted".to_owned(), files: files.collect() }
}

fn dtype(name: Option<&str>) -> Option<Dtype> {
    name.map(|name| [Dtype::F32, Dtype::F16, Dtype::Bf16].into_iter().find(|dtype| dtype.config_name() == Some(name)).unwrap())
}

#[test]
fn sizes_are_read_as_transformers_reads_them() {
    for release in RELEASES {
        let golden = golden(release);
        for (text, bytes) in golden.get("sizes").unwrap().entries().unwrap() {
            assert_eq!(Some(parse_max_shard_size(text).unwrap()), bytes.as_u64(), "{text:?}");
        }
        // A number without a unit is no text in Python.
        for text in items(&golden, "wrong_sizes").iter().filter_map(Json::as_str).filter(|text| *text != "5") {
            assert_eq!(parse_max_shard_size(text).unwrap_err().diagnostic().code, "max-shard-size", "{text:?}");
        }
        let default = golden.get("default_max_shard_size").unwrap().as_str().unwrap();
        assert_eq!(default_max_shard_size(release), parse_max_shard_size(default).unwrap());
    }
    assert_eq!(parse_max_shard_size("5").unwrap(), 5);
}

#[test]
fn state_dicts_are_split_as_transformers_splits_them() {
    for release in RELEASES {
        let golden = golden(release);
        let splits = items(&golden, "splits");
        assert_eq!(splits.len(), 43);
        for case in splits {
            let entry = |entry: &'_ Json| -> (String, u64, Option<String>) {
                let row = entry.as_array().unwrap();
                (row[0].as_str().unwrap().to_owned(), row[1].as_u64().unwrap(), row[2].as_str().map(str::to_owned))
            };
            let rows: Vec<_> = items(case, "entries").iter().map(entry).collect();
            let entries: Vec<StateDictEntry<'_>> =
                rows.iter().map(|(name, bytes, shares)| StateDictEntry { name, bytes: *bytes, shares: shares.as_deref() }).collect();
            let shards = split(&entries, case.get("limit").unwrap().as_u64().unwrap());
            let expected = items(case, "shards");
            assert_eq!(shards.len(), expected.len(), "{case:?}");
            for (number, (names, expected)) in (1..).zip(shards.iter().zip(expected)) {
                let [file, tensors] = expected.as_array().unwrap() else { panic!("{expected:?}") };
                let tensors: Vec<&str> = tensors.as_array().unwrap().iter().filter_map(Json::as_str).collect();
                let stem = if file.as_str().unwrap().ends_with(".bin") { "pytorch_model.bin" } else { shards::SINGLE };
                assert_eq!((Some(shard_name(stem, number, shards.len()).as_str()), names), (file.as_str(), &tensors));
            }
        }
    }
}

/// Every file of every conversion by its checksum.
#[test]
fn directories_are_converted_as_transformers_converts_them() {
    let mut compared = 0;
    for release in RELEASES {
        for case in items(&golden(release), "saved") {
            let is_legacy = case.get("legacy").unwrap().as_bool().unwrap();
            let max_shard_size = case.get("max_shard_size").unwrap().as_str().map(|text| parse_max_shard_size(text).unwrap());
            let conversion = Conversion { max_shard_size, dtype: dtype(case.get("dtype").unwrap().as_str()), ..Conversion::default() };
            let mut source = if is_legacy { legacy() } else { classifier() };
            let config = String::from_utf8(source.files["config.json"].clone()).unwrap().replace("5.23.0", release);
            source.files.insert("config.json".to_owned(), config.into_bytes());
            let directory = written(&source, conversion);
            let expected = case.get("sha256").unwrap().entries().unwrap();
            assert_eq!(directory.files.keys().filter(|name| !name.starts_with("tokenizer")).count(), expected.len());
            for (name, sum) in expected {
                let bytes = directory.files.get(name).unwrap_or_else(|| panic!("{name} is missing: {conversion:?}"));
                let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(Some(found.as_str()), sum.as_str(), "{name}: {conversion:?}, legacy {is_legacy}, {release}");
                compared += 1;
            }
            if let Some(index) = case.get("index").unwrap().as_str() {
                assert_eq!(directory.files[shards::INDEX], index.as_bytes());
            }
            let report = verify(&directory).unwrap();
            assert_eq!(report.findings, [], "{conversion:?}");
        }
    }
    assert!(compared > 100, "{compared} files");
}

#[test]
fn values_are_rounded_as_torch_rounds_them() {
    let golden = golden("5.23.0");
    let rows = golden.get("conversions").unwrap();
    let bits = |key: &str| items(rows, key).iter().map(|value| value.as_u64().unwrap()).collect::<Vec<u64>>();
    let data: Vec<u8> = bits("float32").iter().flat_map(|bits| (*bits as u32).to_le_bytes()).collect();
    for (name, to) in [("bfloat16", Dtype::Bf16), ("float16", Dtype::F16)] {
        let converted = convert_values(&data, Dtype::F32, to).unwrap();
        let converted: Vec<u64> = converted.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes).into()).collect();
        assert_eq!(converted, bits(name));
    }
}

#[test]
fn back_and_forth_changes_nothing() {
    let sharded = written(&classifier(), Conversion { max_shard_size: Some(20_000), ..Conversion::default() });
    assert!(sharded.files.len() > 6);
    let single = written(&sharded, Conversion::default());
    assert_eq!(single.files, classifier().files);
    let half = written(&classifier(), Conversion { dtype: Some(Dtype::Bf16), ..Conversion::default() });
    let wide = written(&half, Conversion { dtype: Some(Dtype::F32), ..Conversion::default() });
    assert_eq!(written(&wide, Conversion { dtype: Some(Dtype::Bf16), ..Conversion::default() }).files, half.files);
}

#[test]
fn what_does_not_belong_to_the_new_weights_stays_behind() {
    let mut directory = classifier();
    for name in ["optimizer.pt", "rng_state.pth", "pytorch_model.bin", "training_args.bin", "README.md", "model-00001-of-00002.safetensors"]
    {
        directory.files.insert(name.to_owned(), name.as_bytes().to_vec());
    }
    let names: Vec<String> = written(&directory, Conversion::default()).files.into_keys().collect();
    assert_eq!(names, ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "training_args.bin"]);
}

//! The golden directory is clean; no change of it goes unseen, and none makes the verifier panic.

use super::*;
use crate::diagnostic::Place;
use crate::format::json::Json;
use crate::format::shards::INDEX;
use crate::storage::{DiskDirectory, MemoryDirectory};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn golden() -> MemoryDirectory {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert/classifier");
    MemoryDirectory { name: "golden".to_owned(), files: in_memory(path) }
}

fn in_memory(path: PathBuf) -> BTreeMap<String, Vec<u8>> {
    let disk = DiskDirectory::open(path).unwrap();
    let file = |name: String| {
        let bytes = disk.read(&name).unwrap().unwrap();
        (name, bytes)
    };
    disk.names().unwrap().into_iter().map(file).collect()
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code).collect()
}

fn replaced(directory: &MemoryDirectory, file: &str, old: &str, new: &str) -> MemoryDirectory {
    let mut changed = directory.clone();
    let bytes = changed.files.get_mut(file).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(old), "{file} has no {old:?}");
    *bytes = text.replacen(old, new, 1).into_bytes();
    changed
}

#[test]
fn what_transformers_wrote_is_clean() {
    let mut report = verify(&golden()).unwrap();
    assert_eq!(report.findings, []);
    assert!(report.files.iter().all(|file| file.status == FileStatus::Identical));
    assert_eq!((report.files.len(), report.tensors), (4, 41));
    report.compare_with(&golden(), &golden()).unwrap();
    assert_eq!(report.findings, []);
    assert!(report.comparisons.iter().all(|(_, comparison)| *comparison == Comparison::Identical));
}

#[test]
fn a_directory_without_config_is_an_error() {
    let mut directory = golden();
    directory.files.remove("config.json");
    assert_eq!(verify(&directory).unwrap_err().diagnostic().code, "not-a-model-directory");
}

#[test]
fn findings_show_json_rather_than_its_debug_form() {
    let wrong_id = replaced(&golden(), "config.json", "\"neutral\": 1", "\"neutral\": 2");
    let report = verify(&wrong_id).unwrap();
    assert_eq!(codes(&report), ["label-maps"]);
    assert_eq!((report.findings[0].expected.as_deref(), report.findings[0].found.as_deref()), (Some("1"), Some("2")));
    let other_class = replaced(&golden(), "config.json", "BertForSequenceClassification", "BertForNothing");
    assert_eq!(verify(&other_class).unwrap().findings[0].found.as_deref(), Some("[\"BertForNothing\"]"));
}

#[test]
fn ids_of_tokens_are_unique() {
    let shared = verify(&replaced(&golden(), "tokenizer.json", ": 499", ": 498")).unwrap();
    assert_eq!(codes(&shared), ["tokenizer-vocabulary"]);
    let two_ids = verify(&replaced(&golden(), "tokenizer.json", "\"id\": 4,", "\"id\": 5,")).unwrap();
    assert_eq!(codes(&two_ids), ["tokenizer-added-token"]);
}

#[test]
fn a_release_that_is_not_known_is_not_claimed() {
    assert_eq!(verify(&golden()).unwrap().release, Some("5.23.0"));
    let older = verify(&replaced(&golden(), "config.json", "5.23.0", "4.57.1")).unwrap();
    assert_eq!((older.release, older.is_clean()), (None, true));
}

#[test]
fn a_comparison_says_which_side_lacks_a_file() {
    let (mut fewer, all) = (golden(), golden());
    fewer.files.remove("tokenizer_config.json");
    let mut report = verify(&fewer).unwrap();
    report.compare_with(&fewer, &all).unwrap();
    assert_eq!(
        (codes(&report), report.comparison("tokenizer_config.json")),
        (vec!["file-missing", "reference-missing"], Some(Comparison::Missing))
    );
    let mut report = verify(&all).unwrap();
    report.compare_with(&all, &fewer).unwrap();
    assert_eq!((codes(&report), report.comparison("tokenizer_config.json")), (vec!["reference-extra"], Some(Comparison::Extra)));
}

#[test]
fn json_reports_have_every_key() {
    let mut directory = golden();
    directory.files.remove("tokenizer_config.json");
    let mut report = verify(&directory).unwrap();
    report.compare_with(&directory, &golden()).unwrap();
    let json = report.to_json();
    let keys: Vec<&str> = json.entries().unwrap().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["directory", "reference", "release", "ok", "files", "tensors", "parameters", "findings"]);
    let absent = json.get("files").unwrap().as_array().unwrap().last().unwrap();
    assert_eq!((absent.get("name"), absent.get("bytes")), (Some(&Json::from("tokenizer_config.json")), Some(&Json::Null)));
    let finding = &json.get("findings").unwrap().as_array().unwrap()[0];
    let keys: Vec<&str> = finding.entries().unwrap().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["code", "severity", "file", "place", "message", "expected", "found", "hint"]);
}

/// The golden model in shards, as transformers 5.23.0 writes them.
fn sharded() -> MemoryDirectory {
    let conversion = crate::convert::Conversion { max_shard_size: Some(40_000), ..Default::default() };
    let converted = crate::convert::convert(&golden(), conversion).unwrap();
    let files = converted.files().into_iter().map(|(name, pieces)| (name, pieces.concat()));
    MemoryDirectory { name: "golden".to_owned(), files: files.collect() }
}

type Edit = fn(&mut MemoryDirectory);

#[test]
fn shards_and_their_index_belong_together() {
    const FIRST: &str = "model-00001-of-00004.safetensors";
    const LAST: &str = "model-00004-of-00004.safetensors";
    let whole = sharded();
    let report = verify(&whole).unwrap();
    assert_eq!((codes(&report), report.tensors, report.parameters), (vec![], 41, 36_419));

    let edits: [(&str, &str, Edit); 10] = [
        ("missing shard", "shard-missing", |files| drop(files.files.remove(LAST))),
        ("extra shard", "shard-extra", |files| {
            let copy = files.files[LAST].clone();
            files.files.insert("model-00005-of-00005.safetensors".to_owned(), copy);
        }),
        ("one file beside the shards", "index-beside-single", |files| {
            files.files.insert("model.safetensors".to_owned(), golden().files["model.safetensors"].clone());
        }),
        ("stale total", "index-total", |files| *files = replaced(files, INDEX, "\"total_size\": 145676", "\"total_size\": 145672")),
        ("stale number of parameters", "index-total", |files| *files = replaced(files, INDEX, ": 36419", ": 36418")),
        ("tensor in another shard", "index-tensor", |files| {
            *files = replaced(files, INDEX, &format!("\"classifier.bias\": \"{LAST}\""), &format!("\"classifier.bias\": \"{FIRST}\""));
        }),
        ("tensor not in the index", "index-tensor-unlisted", |files| {
            *files = replaced(files, INDEX, &format!("    \"classifier.bias\": \"{LAST}\",\n"), "");
        }),
        ("index cut short", "json-syntax", |files| files.files.get_mut(INDEX).unwrap().truncate(300)),
        ("index that leads out of the directory", "shard-index", |files| *files = replaced(files, INDEX, FIRST, "../model.safetensors")),
        ("swapped shards", "index-tensor", |files| {
            let (first, last) = (files.files[FIRST].clone(), files.files[LAST].clone());
            files.files.extend([(FIRST.to_owned(), last), (LAST.to_owned(), first)]);
        }),
    ];
    for (what, expected, edit) in edits {
        let mut directory = whole.clone();
        edit(&mut directory);
        assert_eq!(codes(&verify(&directory).unwrap()), [expected], "{what}");
    }
    let renamed = "model-00009-of-00004.safetensors";
    let mut directory = whole.clone();
    let index = String::from_utf8(directory.files[INDEX].clone()).unwrap().replace(LAST, renamed);
    let shard = directory.files.remove(LAST).unwrap();
    directory.files.extend([(INDEX.to_owned(), index.into_bytes()), (renamed.to_owned(), shard)]);
    assert_eq!(codes(&verify(&directory).unwrap()), ["shard-name"]);
}

/// A golden checkpoint.
fn checkpoint() -> MemoryDirectory {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directories/5.23.0/run_epochs/checkpoint-3");
    MemoryDirectory { name: "checkpoint-3".to_owned(), files: in_memory(path) }
}

/// The golden model with its weights pickled, as one file.
fn pickled(change: impl Fn(&str, &mut Vec<u8>)) -> MemoryDirectory {
    use crate::format::safetensors::Header;
    use crate::format::torch::state_dict::{Mapping, TorchStateDict};
    use crate::format::torch::tensor::Tensor;
    let mut directory = golden();
    let bytes = directory.files.remove("model.safetensors").unwrap();
    let header = Header::parse("f", &bytes).unwrap();
    let entry = |info: &crate::format::safetensors::TensorInfo| {
        let mut data = header.data(info, &bytes).to_vec();
        change(&info.name, &mut data);
        (info.name.clone(), Tensor::contiguous(info.dtype, info.shape.clone(), data).into())
    };
    let entries = header.tensors.iter().map(entry).collect();
    let state = TorchStateDict { stem: "pytorch_model".to_owned(), entries, mapping: Mapping::Dict };
    directory.files.insert("pytorch_model.bin".to_owned(), state.to_bytes());
    directory
}

#[test]
fn pickled_weights_are_held_against_the_config_too() {
    // Release 5 writes no such file.
    const PICKLE: &str = "file-unexpected";
    let report = verify(&pickled(|_, _| {})).unwrap();
    assert_eq!((codes(&report), report.tensors, report.parameters), (vec![PICKLE], 41, 36_419));
    let broken = |name: &str, data: &mut Vec<u8>| {
        if name == "bert.embeddings.word_embeddings.weight" || name == "classifier.bias" {
            data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }
    };
    let report = verify(&pickled(broken)).unwrap();
    assert_eq!(codes(&report), [PICKLE, "tensor-not-finite", "tensor-not-finite"]);
    assert_eq!(report.findings[1].site.to_string(), "golden/pytorch_model.bin, tensor bert.embeddings.word_embeddings.weight");
    let other = replaced(&pickled(|_, _| {}), "config.json", "\"hidden_size\": 32", "\"hidden_size\": 64");
    assert!(codes(&verify(&other).unwrap())[1..].iter().all(|code| *code == "tensor-shape"));
    let mut both = pickled(broken);
    both.files.extend(golden().files);
    assert_eq!(codes(&verify(&both).unwrap()), [PICKLE], "transformers reads safetensors where there are both");
}

#[test]
fn files_of_torch_are_compared_by_their_values() {
    use crate::format::torch::optimizer_state::OptimizerState;
    use crate::format::torch::tensor::Entry;
    let original = checkpoint();
    let report = verify(&original).unwrap();
    assert!(
        report.is_clean() && report.files.len() == 9 && report.files.iter().all(|file| file.status == FileStatus::Identical),
        "{:?}",
        report.files
    );
    let mut changed = original.clone();
    let mut state = OptimizerState::parse("optimizer.pt", &original.files["optimizer.pt"]).unwrap();
    state.groups[1].settings[1].1 = Entry::Value(0.5.into());
    changed.files.insert("optimizer.pt".to_owned(), state.to_bytes());
    let mut report = verify(&changed).unwrap();
    report.compare_with(&changed, &original).unwrap();
    assert_eq!(
        (codes(&report), report.comparison("optimizer.pt")),
        (vec!["scheduler-rate", "reference-value"], Some(Comparison::Different))
    );
    let finding = &report.findings[1];
    assert_eq!((&finding.site.place, finding.found.as_deref()), (&Place::Pointer("/param_groups/1/lr".to_owned()), Some("0.5")));
}

#[test]
fn a_shard_is_named_where_its_numbers_are_broken() {
    let mut directory = sharded();
    let shard = directory.files.get_mut("model-00003-of-00004.safetensors").unwrap();
    let end = shard.len();
    shard[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let report = verify(&directory).unwrap();
    assert_eq!(codes(&report), ["tensor-not-finite"]);
    assert_eq!(report.findings[0].site.file, "golden/model-00003-of-00004.safetensors");
}

proptest! {
    #[test]
    fn one_changed_byte_is_always_found(file in 0_usize..4, position: prop::sample::Index, mask in 1_u8..=255) {
        let original = golden();
        let mut changed = original.clone();
        let name = original.files.keys().nth(file).unwrap();
        let bytes = changed.files.get_mut(name).unwrap();
        let position = position.index(bytes.len());
        bytes[position] ^= mask;
        let mut report = verify(&changed).unwrap();
        report.compare_with(&changed, &original).unwrap();
        prop_assert!(!report.is_clean(), "byte {} of {} may be changed by {:#04x}", position, name, mask);
        prop_assert_ne!(report.comparison(name), Some(Comparison::Identical));
        let path = original.path(name);
        prop_assert!(report.findings.iter().any(|finding| finding.site.file == path), "no finding names {}", path);
    }

    #[test]
    fn a_file_cut_anywhere_is_always_found(file in 0_usize..4, position: prop::sample::Index) {
        let mut cut = golden();
        let name = cut.files.keys().nth(file).unwrap().clone();
        let bytes = cut.files.get_mut(&name).unwrap();
        bytes.truncate(position.index(bytes.len()));
        prop_assert!(!verify(&cut).unwrap().is_clean(), "{} may be cut", name);
    }
}

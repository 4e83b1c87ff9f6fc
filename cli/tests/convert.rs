//! `rtrain convert` as its user meets it.

mod common;

use common::Workplace;
use std::fs;

#[test]
fn convert_to_shards() {
    let workplace = Workplace::new();
    assert_transcript!(workplace, ["convert", "model", "shards", "--max_shard_size", "40kB"]);
    let verified = workplace.run(&["verify", "shards"]);
    assert!(verified.starts_with("exit code: 0"), "{verified}");
}

#[test]
fn convert_to_half_precision() {
    let workplace = Workplace::new();
    assert_transcript!(workplace, ["convert", "model", "half", "--dtype", "bfloat16"]);
    assert_eq!(fs::read_to_string(workplace.path("half/config.json")).unwrap().matches("\"dtype\": \"bfloat16\"").count(), 1);
    let verified = workplace.run(&["verify", "half"]);
    assert!(verified.starts_with("exit code: 0"), "{verified}");
}

#[test]
fn convert_there_and_back() {
    let workplace = Workplace::new();
    let quiet = workplace.run(&["convert", "--quiet", "model", "shards", "--max_shard_size", "1kB"]);
    assert_eq!(quiet, "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    workplace.run(&["convert", "shards", "back"]);
    let verified = workplace.run(&["verify", "back", "--reference", "model"]);
    assert!(verified.starts_with("exit code: 0"), "{verified}");
}

#[test]
fn convert_over_something() {
    assert_transcript!(Workplace::new(), ["convert", "model", "reference"]);
}

#[test]
fn convert_into_an_empty_directory() {
    let workplace = Workplace::new();
    fs::create_dir(workplace.path("empty")).unwrap();
    let transcript = workplace.run(&["convert", "model", "empty"]);
    assert!(transcript.starts_with("exit code: 0") && workplace.path("empty/model.safetensors").is_file(), "{transcript}");
}

#[test]
fn convert_by_a_size_that_is_none() {
    assert_transcript!(Workplace::new(), ["convert", "model", "out", "--max_shard_size", "5GiB"]);
}

#[test]
fn convert_a_broken_model() {
    let workplace = Workplace::new();
    workplace.replace_in_header("\"F32\"", "\"F33\"");
    assert_transcript!(workplace, ["convert", "model", "out"]);
    assert!(!workplace.path("out").exists());
}

#[test]
fn convert_eight_bit_floats() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| {
        let header = "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}";
        *bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[1, 2]].concat();
    });
    assert_transcript!(workplace, ["convert", "model", "out", "--dtype", "float16"]);
}

#[test]
fn convert_to_pickles_and_back() {
    let workplace = Workplace::new();
    assert_transcript!(
        workplace,
        ["convert", "model", "pickled", "--release", "4.57.6", "--safe-serialization", "false", "--max_shard_size", "40kB"]
    );
    workplace.run(&["convert", "pickled", "back"]);
    let compared = workplace.run(&["verify", "back", "--reference", "model", "--ignore", "*.json", "--ignore", "vocab.txt"]);
    assert!(compared.starts_with("exit code: 0"), "{compared}");
}

#[test]
fn convert_to_an_older_release() {
    let workplace = Workplace::new();
    assert_transcript!(workplace, ["convert", "model", "older", "--release", "4.57.6"]);
    let verified = workplace.run(&["verify", "older"]);
    assert!(verified.starts_with("exit code: 0"), "{verified}");
}

#[test]
fn convert_to_pickles_that_the_release_has_not() {
    let workplace = Workplace::new();
    assert_transcript!(workplace, ["convert", "model", "out", "--safe_serialization", "false"]);
    assert!(!workplace.path("out").exists());
}

#[test]
fn convert_a_model_of_an_unknown_type() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"model_type\": \"bert\"", "\"model_type\": \"t5\"");
    assert_transcript!(workplace, ["convert", "model", "out", "--release", "4.57.6"]);
}

#[test]
fn convert_another_tokenizer() {
    let workplace = Workplace::new();
    workplace.replace("tokenizer_config.json", "BertTokenizer", "T5Tokenizer");
    assert_transcript!(workplace, ["convert", "model", "out", "--release", "4.57.6"]);
}

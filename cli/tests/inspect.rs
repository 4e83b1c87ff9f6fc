//! `rtrain inspect` as its user meets it.

#[expect(dead_code, reason = "the other test programs use the rest")]
mod common;

use common::Workplace;
use std::fs;

#[test]
fn inspect_directory() {
    assert_transcript!(Workplace::new(), ["inspect", "model"]);
}

#[test]
fn inspect_weights_with_statistics() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert_transcript!(workplace, ["inspect", "model/model.safetensors", "--stats"]);
}

#[test]
fn inspect_config() {
    assert_transcript!(Workplace::new(), ["inspect", "model/config.json"]);
}

#[test]
fn inspect_tokenizer() {
    assert_transcript!(Workplace::new(), ["inspect", "model/tokenizer.json"]);
}

#[test]
fn inspect_shards() {
    let workplace = Workplace::new();
    workplace.run(&["convert", "model", "shards", "--max_shard_size", "60kB"]);
    assert_transcript!(workplace, ["inspect", "shards/model.safetensors.index.json"]);
}

#[test]
fn inspect_json() {
    assert_transcript!(Workplace::new(), ["inspect", "model", "--format", "json"]);
}

#[test]
fn inspect_broken_and_unknown_files() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| bytes.truncate(100));
    fs::write(workplace.path("model/notes.txt"), "mine").unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::remove_file(workplace.path("model").join(name)).unwrap();
    }
    assert_transcript!(workplace, ["inspect", "model"]);
}

#[test]
fn inspect_nothing() {
    assert_transcript!(Workplace::new(), ["inspect", "modle"]);
}

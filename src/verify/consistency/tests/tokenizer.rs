//! The files of a tokenizer.

use super::{after, assert_edits};

#[test]
fn tokenizers() {
    assert_edits(&[
        (
            "5.23.0/roberta",
            "config.json",
            "\"pad_token_id\": 1",
            "\"pad_token_id\": 2",
            &["special-token config.json, at /pad_token_id", "tokenizer-length tokenizer_config.json, at /model_max_length"],
        ),
        (
            "5.23.0/gpt2",
            "generation_config.json",
            "\"eos_token_id\": 0",
            "\"eos_token_id\": 1",
            &["special-token generation_config.json, at /eos_token_id"],
        ),
        (
            "5.23.0/two_labels",
            "tokenizer_config.json",
            "\"mask_token\": \"[MASK]\"",
            "\"mask_token\": \"[MASKE]\"",
            &["special-token tokenizer_config.json, at /mask_token"],
        ),
        (
            "4.57.6/two_labels",
            "special_tokens_map.json",
            "\"cls_token\": \"[CLS]\"",
            "\"cls_token\": \"[SEP]\"",
            &["special-token special_tokens_map.json, at /cls_token"],
        ),
        (
            "4.57.6/two_labels",
            "tokenizer_config.json",
            "\"content\": \"[UNK]\",\n      \"lstrip\": false",
            "\"content\": \"[UNK]\",\n      \"lstrip\": true",
            &["tokenizer-side-file tokenizer_config.json, at /added_tokens_decoder/1"],
        ),
        ("4.57.6/two_labels", "vocab.txt", "[UNK]\n", "[UNKNOWN]\n", &["tokenizer-side-file vocab.txt:2:1"]),
        ("4.57.6/roberta", "vocab.json", "\"<s>\":0", "\"<t>\":0", &["tokenizer-side-file vocab.json, at /<t>"]),
        ("4.57.6/added_tokens", "added_tokens.json", ": 118", ": 117", &["tokenizer-side-file added_tokens.json, at /<cls>"]),
        (
            "5.23.0/two_labels",
            "tokenizer_config.json",
            "\"model_max_length\": 32",
            "\"model_max_length\": 33",
            &["tokenizer-length tokenizer_config.json, at /model_max_length"],
        ),
        (
            "4.57.6/roberta",
            "tokenizer_config.json",
            "\"model_max_length\": 32",
            "\"model_max_length\": 33",
            &["tokenizer-length tokenizer_config.json, at /model_max_length"],
        ),
        (
            "5.23.0/bfloat16",
            "tokenizer.json",
            "\"max_length\": 20",
            "\"max_length\": 64",
            &["tokenizer-length tokenizer.json, at /truncation/max_length"],
        ),
    ]);
    let merges = after("4.57.6/roberta", |directory| {
        let text = String::from_utf8(directory.files["merges.txt"].clone()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(1, 2);
        directory.files.insert("merges.txt".to_owned(), (lines.join("\n") + "\n").into_bytes());
    });
    assert_eq!(merges, ["tokenizer-side-file merges.txt:2:1"]);
}

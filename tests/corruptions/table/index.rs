//! Weights in several files, and their index.

use super::{By, Corruption, SHARDS, row};
use std::fs;

const INDEX: &str = "model.safetensors.index.json";
const FIRST: &str = "model-00001-of-00004.safetensors";
const SECOND: &str = "model-00002-of-00004.safetensors";
const THIRD: &str = "model-00003-of-00004.safetensors";
const LAST: &str = "model-00004-of-00004.safetensors";

pub const ROWS: &[Corruption] = &[
    row("shard-missing", SHARDS, "a shard is missing", ["shard-missing", THIRD, ""], |d| d.remove(THIRD)),
    row("shard-extra", SHARDS, "a shard of another save lies there", ["shard-extra", "model-00005-of-00005.safetensors", ""], |d| {
        d.duplicate(LAST, "model-00005-of-00005.safetensors");
    }),
    row(
        "shards-swapped",
        SHARDS,
        "two shards have changed their names",
        ["index-tensor", INDEX, "/weight_map/bert.embeddings.LayerNorm.bias"],
        |d| d.swap(SECOND, THIRD),
    ),
    row("shard-cut", SHARDS, "a shard is cut", ["safetensors-truncated", LAST, "bytes 8..500"], |d| d.cut(LAST, 500)),
    row(
        "shard-bit",
        SHARDS,
        "a bit in the data of a shard is turned",
        ["reference-tensor", SECOND, "tensor bert.encoder.layer.0.attention.self.query.weight"],
        |d| d.flip(SECOND, -1, 1),
    )
    .by(By::Reference),
    row("index-missing", SHARDS, "the index is missing", ["shard-index", "model.safetensors.index.json", ""], |d| d.remove(INDEX)),
    row("index-cut", SHARDS, "the index is cut", ["json-syntax", INDEX, "line 16, column 20"], |d| d.cut(INDEX, 900)),
    row("index-total-size", SHARDS, "the total size is stale", ["index-total", INDEX, "/metadata/total_size"], |d| {
        d.replace(INDEX, "17676", "17608")
    }),
    row("index-total-parameters", SHARDS, "the number of parameters is stale", ["index-total", INDEX, "/metadata/total_parameters"], |d| {
        d.replace(INDEX, "4419", "4402")
    }),
    row(
        "index-wrong-shard",
        SHARDS,
        "a tensor is said to be in another shard",
        ["index-tensor", INDEX, "/weight_map/classifier.bias"],
        |d| {
            d.replace(INDEX, "\"classifier.bias\": \"model-00004", "\"classifier.bias\": \"model-00001");
        },
    ),
    row(
        "index-unknown-tensor",
        SHARDS,
        "a tensor is named that no shard holds",
        ["index-tensor", INDEX, "/weight_map/classifier.scale"],
        |d| {
            d.replace(INDEX, "\"classifier.bias\"", "\"classifier.scale\"");
        },
    ),
    row("index-tensor-left-out", SHARDS, "a tensor is not named", ["index-tensor-unlisted", LAST, "tensor classifier.bias"], |d| {
        d.replace(INDEX, "    \"classifier.bias\": \"model-00004-of-00004.safetensors\",\n", "");
    }),
    row("index-duplicate-key", SHARDS, "a tensor is named twice", ["json-duplicate-key", INDEX, "line 31, column 5"], |d| {
        d.replace(
            INDEX,
            "    \"classifier.bias\"",
            "    \"classifier.bias\": \"model-00001-of-00004.safetensors\",\n    \"classifier.bias\"",
        );
    }),
    row(
        "index-path",
        SHARDS,
        "the index names a file outside the directory",
        ["shard-index", "model.safetensors.index.json", "/weight_map/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.replace(INDEX, FIRST, "../model-00001-of-00004.safetensors");
        },
    ),
    row("index-beside-single", SHARDS, "a file with all tensors lies beside the shards", ["index-beside-single", INDEX, ""], |d| {
        d.take("5.23.0/custom_config", "model.safetensors");
    }),
    row(
        "shard-number",
        SHARDS,
        "a shard has another number, in the index too",
        ["shard-name", "model-00007-of-00004.safetensors", ""],
        |d| {
            fs::rename(d.path(FIRST), d.path("model-00007-of-00004.safetensors")).unwrap();
            d.replace(INDEX, FIRST, "model-00007-of-00004.safetensors");
        },
    ),
];

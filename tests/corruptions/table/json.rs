//! `config.json`, and JSON as such.

use super::{By, CHECKPOINT, Corruption, MODEL, OLDER, SHARDS, row};
use std::fs;

const FILE: &str = "config.json";
const UNICODE: &str = "5.23.0/unicode_labels";

pub const ROWS: &[Corruption] = &[
    row("config-missing", MODEL, "config.json is missing", ["not-a-model-directory", "", ""], |d| d.remove(FILE)),
    row("config-empty", MODEL, "config.json is empty", ["json-syntax", FILE, "line 1, column 1"], |d| d.cut(FILE, 0)),
    row("config-cut", MODEL, "config.json is cut", ["json-syntax", FILE, "line 13, column 12"], |d| d.cut(FILE, 300)),
    row("config-symlink-loop", MODEL, "config.json is a link to itself", ["io", FILE, ""], |d| {
        d.remove(FILE);
        link(FILE, &d.path(FILE));
    }),
    row("config-bit", MODEL, "a bit in a key is turned", ["config-value", FILE, "/hidden_size"], |d| {
        d.flip_behind(FILE, b"hidden_si", 0, 1)
    }),
    row("config-bit-quote", MODEL, "a bit of a quotation mark is turned", ["json-syntax", FILE, "line 13, column 21"], |d| {
        d.flip_behind(FILE, b"\"hidden_size", 0, 1)
    }),
    row(
        "vocab-size",
        MODEL,
        "the vocabulary is smaller than the embedding",
        ["tensor-shape", "model.safetensors", "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.replace(FILE, "\"vocab_size\": 114", "\"vocab_size\": 113");
        },
    ),
    row(
        "hidden-size",
        MODEL,
        "the hidden size is another one",
        ["tensor-shape", "model.safetensors", "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.replace(FILE, "\"hidden_size\": 16", "\"hidden_size\": 32");
        },
    ),
    row(
        "layers",
        MODEL,
        "the config has a layer more than the weights",
        ["tensor-missing", "model.safetensors", "tensor bert.encoder.layer.1.attention.self.query.weight"],
        |d| {
            d.replace(FILE, "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2");
        },
    ),
    row("heads", MODEL, "the hidden size does not divide among the heads", ["config-heads", FILE, "/num_attention_heads"], |d| {
        d.replace(FILE, "\"num_attention_heads\": 2", "\"num_attention_heads\": 3");
    }),
    row("layers-text", MODEL, "the number of layers is a text", ["config-value", FILE, "/num_hidden_layers"], |d| {
        d.replace(FILE, "\"num_hidden_layers\": 1", "\"num_hidden_layers\": \"1\"");
    }),
    row("key-missing", MODEL, "a key is left out", ["not-identical", FILE, "line 26, column 4"], |d| {
        d.replace(FILE, "  \"use_cache\": true,\n", "")
    }),
    row("value-edited", MODEL, "a value is edited to one that fits", ["reference-value", FILE, "/hidden_dropout_prob"], |d| {
        d.replace(FILE, "\"hidden_dropout_prob\": 0.1", "\"hidden_dropout_prob\": 0.9");
    })
    .by(By::Reference),
    row("labels-disagree", SHARDS, "an id in label2id is edited", ["label-maps", FILE, "/label2id"], |d| {
        d.replace(FILE, "\"LABEL_1\": 1", "\"LABEL_1\": 2")
    }),
    row("labels-edited", SHARDS, "a label in id2label is edited", ["label-maps", FILE, "/label2id"], |d| {
        d.replace(FILE, "\"1\": \"LABEL_1\"", "\"1\": \"good\"")
    }),
    row("labels-hole", SHARDS, "the ids of the labels have a hole", ["label-ids", FILE, "/id2label"], |d| {
        d.replace(FILE, "\"2\": \"LABEL_2\"", "\"3\": \"LABEL_2\"")
    }),
    row("labels-duplicate-id", SHARDS, "an id of a label stands twice", ["json-duplicate-key", FILE, "line 16, column 5"], |d| {
        d.replace(FILE, "\"1\": \"LABEL_1\"", "\"0\": \"LABEL_1\"");
    }),
    row(
        "labels-fewer",
        SHARDS,
        "a label is taken out of both maps",
        ["tensor-shape", "model-00004-of-00004.safetensors", "tensor classifier.weight"],
        |d| {
            d.replace(FILE, ",\n    \"2\": \"LABEL_2\"", "");
            d.replace(FILE, ",\n    \"LABEL_2\": 2", "");
        },
    ),
    row("labels-both-edited", SHARDS, "two labels are exchanged in both maps", ["reference-value", FILE, "/id2label/1"], |d| {
        for (old, new) in [
            ("\"1\": \"LABEL_1\"", "\"1\": \"LABEL_2\""),
            ("\"2\": \"LABEL_2\"", "\"2\": \"LABEL_1\""),
            ("\"LABEL_1\": 1,\n    \"LABEL_2\": 2", "\"LABEL_2\": 1,\n    \"LABEL_1\": 2"),
        ] {
            d.replace(FILE, old, new);
        }
    })
    .by(By::Reference),
    row("float-format", MODEL, "a float is written in another way", ["not-identical", FILE, "line 17, column 21"], |d| {
        d.replace(FILE, "1e-12", "0.000000000001")
    }),
    row("float-as-integer", MODEL, "a float is written with a digit more", ["not-identical", FILE, "line 14, column 28"], |d| {
        d.replace(FILE, "0.02", "0.020")
    }),
    row("key-order", MODEL, "two keys have changed places", ["not-identical", FILE, "line 25, column 4"], |d| {
        d.replace(FILE, "  \"type_vocab_size\": 2,\n  \"use_cache\": true,\n", "  \"use_cache\": true,\n  \"type_vocab_size\": 2,\n");
    }),
    row("blank", MODEL, "a blank more stands before a value", ["not-identical", FILE, "line 26, column 16"], |d| {
        d.replace(FILE, "\"use_cache\": true", "\"use_cache\":  true")
    }),
    row("escape", UNICODE, "a letter is written itself rather than by its escape", ["not-identical", FILE, "line 15, column 12"], |d| {
        d.replace(FILE, "n\\u00e9gatif", "négatif")
    }),
    row("escape-upper-case", UNICODE, "an escape is written in capitals", ["not-identical", FILE, "line 15, column 16"], |d| {
        d.replace(FILE, "n\\u00e9gatif", "n\\u00E9gatif")
    }),
    row("final-newline", MODEL, "the last line end is missing", ["not-identical", FILE, "line 28, column 2"], |d| d.cut(FILE, -1)),
    row("final-newline-twice", MODEL, "the last line end stands twice", ["not-identical", FILE, "line 29, column 1"], |d| {
        d.append(FILE, b"\n")
    }),
    row("byte-order-mark", MODEL, "a byte order mark stands at the beginning", ["json-syntax", FILE, "line 1, column 1"], |d| {
        d.prepend(FILE, b"\xef\xbb\xbf")
    }),
    row("line-ends", MODEL, "the lines end as on Windows", ["not-identical", FILE, "line 1, column 2"], |d| {
        d.edit(FILE, |bytes| *bytes = String::from_utf8(bytes.clone()).unwrap().replace('\n', "\r\n").into_bytes());
    }),
    row("nul", MODEL, "a NUL stands between two lines", ["json-syntax", FILE, "line 25, column 24"], |d| {
        d.replace(FILE, ",\n  \"use_cache\"", ",\0\n  \"use_cache\"")
    }),
    row("nul-behind", MODEL, "zeros follow at the end", ["json-syntax", FILE, "line 29, column 1"], |d| d.append(FILE, &[0; 512])),
    row("not-utf8", MODEL, "a byte is not UTF-8", ["json-utf8", FILE, "line 11, column 18"], |d| {
        d.edit(FILE, |bytes| {
            let at = crate::directory::find(bytes, b"gelu");
            bytes[at] = 0xff;
        })
    }),
    row("surrogate", UNICODE, "a label is half a character", ["json-syntax", FILE, "line 17, column 17"], |d| {
        d.replace(FILE, "\\ud83d\\ude00", "\\ud83d")
    }),
    row("trailing-comma", MODEL, "a comma follows the last value", ["json-syntax", FILE, "line 28, column 1"], |d| {
        d.replace(FILE, "114\n", "114,\n")
    }),
    row("comment", MODEL, "a comment stands between two lines", ["json-syntax", FILE, "line 27, column 21"], |d| {
        d.replace(FILE, "114\n", "114 // words\n")
    }),
    row("duplicate-key", MODEL, "a key stands twice, with two values", ["json-duplicate-key", FILE, "line 26, column 3"], |d| {
        d.replace(FILE, "  \"use_cache\"", "  \"hidden_size\": 32,\n  \"use_cache\"");
    }),
    row("json-depth-bomb", MODEL, "100,000 lists lie inside each other", ["json-syntax", FILE, "line 26, column 144"], |d| {
        d.replace(FILE, "\"use_cache\": true", &format!("\"use_cache\": {}{}", "[".repeat(100_000), "]".repeat(100_000)));
    }),
    row("number-of-10-mb", MODEL, "a number has ten million digits", ["json-syntax", FILE, "line 27, column 17"], |d| {
        d.replace(FILE, "\"vocab_size\": 114", &format!("\"vocab_size\": {}", "1".repeat(10_000_000)));
    }),
    row("number-beyond-64-bits", MODEL, "a size has 30 digits", ["config-value", FILE, "/vocab_size"], |d| {
        d.replace(FILE, "\"vocab_size\": 114", &format!("\"vocab_size\": {}", "9".repeat(30)));
    }),
    row("size-of-10-to-the-15", MODEL, "the hidden size is 10^15", ["config-value", FILE, "/hidden_size"], |d| {
        d.replace(FILE, "\"hidden_size\": 16", "\"hidden_size\": 1000000000000000");
    }),
    row("layers-of-10-to-the-9", MODEL, "the model has 10^9 layers", ["config-value", FILE, "/num_hidden_layers"], |d| {
        d.replace(FILE, "\"num_hidden_layers\": 1", "\"num_hidden_layers\": 1000000000");
    }),
    row(
        "config-keys-of-another-release",
        MODEL,
        "config.json of the older release with the newer one's number",
        ["not-identical", FILE, "line 2, column 5"],
        |d| {
            d.take(OLDER, FILE);
            d.replace(FILE, "4.57.6", "5.23.0");
        },
    ),
    row(
        "config-of-another-model",
        CHECKPOINT,
        "config.json is that of a model of 2 labels",
        ["tensor-shape", "model.safetensors", "tensor classifier.weight"],
        |d| d.take(MODEL, FILE),
    ),
    row("weights-directory", MODEL, "a directory stands in the place of the weights", ["weights-missing", "", ""], |d| {
        d.remove("model.safetensors");
        fs::create_dir(d.path("model.safetensors")).unwrap();
    }),
    row("weights-symlink-loop", MODEL, "the weights are a link to themselves", ["io", "model.safetensors", ""], |d| {
        d.remove("model.safetensors");
        link("model.safetensors", &d.path("model.safetensors"));
    }),
    row("weights-missing", MODEL, "the weights are missing", ["weights-missing", "", ""], |d| d.remove("model.safetensors")),
];

#[cfg(unix)]
fn link(target: &str, path: &std::path::Path) {
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(windows)]
fn link(target: &str, path: &std::path::Path) {
    std::os::windows::fs::symlink_file(target, path).unwrap();
}

//! Weights in safetensors.

use super::{By, Corruption, MODEL, row};

const FILE: &str = "model.safetensors";
/// Where the data begin.
const DATA: isize = 8 + 2568;

const LAYER_NORM: &str = r#""bert.embeddings.LayerNorm.bias":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}"#;
const CLASSIFIER: &str = r#""classifier.weight":{"dtype":"F32","shape":[2,16],"data_offsets":[17480,17608]}"#;

pub const ROWS: &[Corruption] = &[
    row("length-bit", MODEL, "a bit of the header's length is turned", ["safetensors-truncated", FILE, "bytes 8..20184"], |d| {
        d.flip(FILE, 2, 1)
    }),
    row("length-huge", MODEL, "the header's length is turned into 2^62 and more", ["safetensors-header-length", FILE, "bytes 0..8"], |d| {
        d.flip(FILE, 7, 0x40)
    }),
    row("header-bit", MODEL, "a bit of the header's first brace is turned", ["json-syntax", FILE, "bytes 8..9"], |d| d.flip(FILE, 8, 4)),
    row("name-bit", MODEL, "a bit in the name of a tensor is turned", ["tensor-missing", FILE, "tensor bert.pooler.dense.bias"], |d| {
        d.flip_behind(FILE, b"bert.pooler.dense.", 0, 1);
    }),
    row(
        "data-bit-low",
        MODEL,
        "the lowest bit of a weight is turned",
        ["reference-tensor", FILE, "tensor bert.embeddings.LayerNorm.bias"],
        |d| d.flip(FILE, DATA, 1),
    )
    .by(By::Reference),
    row("data-bit-high", MODEL, "the sign of a weight is turned", ["reference-tensor", FILE, "tensor classifier.weight"], |d| {
        d.flip(FILE, -1, 0x80)
    })
    .by(By::Reference),
    row("nan", MODEL, "one weight is NaN", ["tensor-not-finite", FILE, "tensor bert.embeddings.LayerNorm.bias"], |d| {
        d.edit(FILE, |bytes| bytes.splice(2576..2580, f32::NAN.to_le_bytes()).for_each(drop));
    }),
    row("infinity", MODEL, "one weight is infinite", ["tensor-not-finite", FILE, "tensor bert.embeddings.LayerNorm.bias"], |d| {
        d.edit(FILE, |bytes| bytes.splice(2576..2580, f32::INFINITY.to_le_bytes()).for_each(drop));
    }),
    row("empty", MODEL, "the file is empty", ["safetensors-truncated", FILE, "bytes 0..0"], |d| d.cut(FILE, 0)),
    row("cut-in-length", MODEL, "cut inside the header's length", ["safetensors-truncated", FILE, "bytes 0..5"], |d| d.cut(FILE, 5)),
    row("cut-in-header", MODEL, "cut inside the header", ["safetensors-truncated", FILE, "bytes 8..1000"], |d| d.cut(FILE, 1000)),
    row("cut-behind-header", MODEL, "cut behind the header", ["safetensors-length", FILE, ""], |d| d.cut(FILE, DATA)),
    row("cut-in-data", MODEL, "the last byte is missing", ["safetensors-length", FILE, ""], |d| d.cut(FILE, -1)),
    row("trailing", MODEL, "four bytes follow at the end", ["safetensors-trailing-bytes", FILE, "bytes 20184..20188"], |d| {
        d.append(FILE, b"more")
    }),
    row("prefix", MODEL, "a line of text stands before the header", ["safetensors-header-length", FILE, "bytes 0..8"], |d| {
        d.prepend(FILE, b"#!/bin/sh\n")
    }),
    row(
        "names-swapped",
        MODEL,
        "two tensors of one shape have changed their names",
        ["safetensors-order", FILE, "tensor bert.encoder.layer.0.attention.self.key.weight"],
        |d| {
            let (key, query) = ("attention.self.key.bias", "attention.self.query.bias");
            d.header(FILE, &[(key, "attention.self.?.bias"), (query, key), ("attention.self.?.bias", query)]);
        },
    ),
    row(
        "data-swapped",
        MODEL,
        "the values of two tensors of one shape have changed places",
        ["reference-tensor", FILE, "tensor bert.encoder.layer.0.attention.self.key.weight"],
        |d| {
            d.edit(FILE, |bytes| {
                let (key, query) = bytes.split_at_mut(2576 + 11968);
                key[2576 + 10880..2576 + 11904].swap_with_slice(&mut query[..1024]);
            });
        },
    )
    .by(By::Reference),
    row(
        "shape-turned",
        MODEL,
        "a shape is turned round",
        ["tensor-shape", FILE, "tensor bert.embeddings.position_embeddings.weight"],
        |d| d.header(FILE, &[("[32,16]", "[16,32]")]),
    ),
    row(
        "shape-flattened",
        MODEL,
        "a matrix is a vector",
        ["tensor-shape", FILE, "tensor bert.embeddings.position_embeddings.weight"],
        |d| d.header(FILE, &[("[32,16]", "[512]")]),
    ),
    row(
        "shape-too-large",
        MODEL,
        "a shape asks for more than the data",
        ["safetensors-size", FILE, "tensor bert.embeddings.position_embeddings.weight"],
        |d| d.header(FILE, &[("[32,16]", "[33,16]")]),
    ),
    row(
        "shape-overflow",
        MODEL,
        "the elements of a shape overflow 64 bits to none",
        ["safetensors-shape", FILE, "tensor bert.embeddings.position_embeddings.weight"],
        |d| {
            d.header(FILE, &[("[32,16]", "[4294967296,4294967296]")]);
        },
    ),
    row("shape-huge-and-zero", MODEL, "a shape has a size of 2^64-1 and one of 0", ["tensor-extra", FILE, "tensor x"], |d| {
        d.header(
            FILE,
            &[(
                CLASSIFIER,
                &[CLASSIFIER, r#","x":{"dtype":"F32","shape":[18446744073709551615,0],"data_offsets":[17608,17608]}"#].concat(),
            )],
        );
    }),
    row("shape-negative", MODEL, "a size is negative", ["safetensors-header", FILE, "bytes 8..2576"], |d| {
        d.header(FILE, &[("[32,16]", "[-32,-16]")])
    }),
    row(
        "shape-float",
        MODEL,
        "a size is no whole number",
        ["safetensors-shape", FILE, "tensor bert.embeddings.position_embeddings.weight"],
        |d| d.header(FILE, &[("[32,16]", "[32.0,16]")]),
    ),
    row(
        "dtype-integer",
        MODEL,
        "a tensor of floats is one of integers",
        ["safetensors-order", FILE, "tensor bert.embeddings.LayerNorm.weight"],
        |d| {
            d.header(FILE, &[(LAYER_NORM, &LAYER_NORM.replace("F32", "I32"))]);
        },
    ),
    row(
        "dtype-narrow",
        MODEL,
        "a tensor's type is half as wide",
        ["safetensors-size", FILE, "tensor bert.embeddings.LayerNorm.bias"],
        |d| {
            d.header(FILE, &[(LAYER_NORM, &LAYER_NORM.replace("F32", "F16"))]);
        },
    ),
    row(
        "dtype-unknown",
        MODEL,
        "a tensor's type is none of the format",
        ["safetensors-dtype", FILE, "tensor bert.embeddings.LayerNorm.bias"],
        |d| {
            d.header(FILE, &[(LAYER_NORM, &LAYER_NORM.replace("F32", "F33"))]);
        },
    ),
    row("overlap", MODEL, "two tensors share bytes", ["safetensors-overlap", FILE, "tensor bert.embeddings.LayerNorm.weight"], |d| {
        d.header(FILE, &[("[64,128]", "[0,64]")])
    }),
    row("hole", MODEL, "a tensor is taken out of the header", ["safetensors-hole", FILE, "tensor bert.embeddings.LayerNorm.weight"], |d| {
        d.header(FILE, &[(&[LAYER_NORM, ","].concat(), "")])
    }),
    row(
        "offsets-reversed",
        MODEL,
        "a tensor ends before it begins",
        ["safetensors-offsets", FILE, "tensor bert.embeddings.LayerNorm.weight"],
        |d| d.header(FILE, &[("[64,128]", "[128,64]")]),
    ),
    row("offsets-beyond", MODEL, "a tensor lies beyond the end", ["safetensors-hole", FILE, "tensor classifier.weight"], |d| {
        d.header(FILE, &[("[17480,17608]", "[99917480,99917608]")]);
    }),
    row("duplicate-name", MODEL, "a name stands twice in the header", ["safetensors-duplicate-name", FILE, "bytes 124..125"], |d| {
        d.header(FILE, &[(LAYER_NORM, &[LAYER_NORM, ",", LAYER_NORM].concat())]);
    }),
    row("duplicate-metadata", MODEL, "a key stands twice in the metadata", ["safetensors-duplicate-name", FILE, "bytes 39..40"], |d| {
        d.header(FILE, &[(r#""format":"pt""#, r#""format":"pt","format":"tf""#)]);
    }),
    row("metadata-null", MODEL, "the metadata are null", ["safetensors-metadata", FILE, "tensor __metadata__"], |d| {
        d.header(FILE, &[(r#"{"format":"pt"}"#, "null")])
    }),
    row(
        "unknown-field",
        MODEL,
        "a tensor's entry has a field of its own",
        ["safetensors-unknown-field", FILE, "tensor bert.embeddings.position_embeddings.weight"],
        |d| {
            d.header(FILE, &[(r#""shape":[32,16]"#, r#""shape":[32,16],"code":"x""#)]);
        },
    ),
    row("name-with-path", MODEL, "a tensor is called ../../x", ["safetensors-name", FILE, "tensor ../../x"], |d| {
        d.header(FILE, &[("classifier.bias", "../../x")])
    }),
    row(
        "tensor-missing",
        MODEL,
        "a tensor has another name than the model's",
        ["tensor-missing", FILE, "tensor bert.pooler.dense.bias"],
        |d| {
            d.header(FILE, &[("bert.pooler.dense.bias", "bert.pooler.dense.tilt")]);
        },
    ),
    row("tensor-extra", MODEL, "a tensor is there that the model does not have", ["tensor-extra", FILE, "tensor extra"], |d| {
        d.header(FILE, &[(CLASSIFIER, &[CLASSIFIER, r#","extra":{"dtype":"F32","shape":[1],"data_offsets":[17608,17612]}"#].concat())]);
        d.append(FILE, &[0; 4]);
    }),
    row("header-order", MODEL, "the tensors stand in another order in the header", ["safetensors-spelling", FILE, "bytes 67..68"], |d| {
        d.header(FILE, &[(&[LAYER_NORM, ","].concat(), ""), (CLASSIFIER, &[CLASSIFIER, ",", LAYER_NORM].concat())]);
    }),
    row("header-blanks", MODEL, "the header has a blank behind a comma", ["safetensors-spelling", FILE, "bytes 40..41"], |d| {
        d.header(FILE, &[(",\"bert", ", \"bert")])
    }),
    row("header-padding", MODEL, "eight blanks more stand behind the header", ["safetensors-padding", FILE, "bytes 2570..2584"], |d| {
        d.edit(FILE, |bytes| {
            bytes.splice(2576..2576, [b' '; 8]).for_each(drop);
            bytes[0] += 8;
        });
    }),
    row("header-escape", MODEL, "a letter of a name is written as an escape", ["safetensors-spelling", FILE, "bytes 2416..2417"], |d| {
        d.header(FILE, &[("\"classifier.bias", "\"\\u0063lassifier.bias")]);
    }),
    row("header-byte-order-mark", MODEL, "a byte order mark stands before the header", ["json-syntax", FILE, "bytes 8..9"], |d| {
        d.header(FILE, &[("{\"__m", "\u{feff}{\"__m")]);
    }),
    row("header-depth-bomb", MODEL, "100,000 lists lie inside each other in the header", ["json-syntax", FILE, "bytes 407..408"], |d| {
        d.header(FILE, &[("[32,16]", &["[".repeat(100_000), "]".repeat(100_000)].concat())]);
    }),
];

//! What a pickle says of its tensors, and their storages. The containers are without a fault.

use super::{By, CHECKPOINT, Corruption, PICKLED, row};

const FILE: &str = "pytorch_model.bin";

/// The first tensor: its offset, shape and strides.
const FIRST: &[u8] = b"K\0K\x72K\x10\x86q\x08K\x10K\x01\x86";

pub const ROWS: &[Corruption] = &[
    row("storage-longer", PICKLED, "a storage is said to be longer than its record", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"M\x20\x07tq\x07", b"M\x21\x07tq\x07");
    }),
    row("storage-of-10-to-the-9", PICKLED, "a storage is said to have 10^9 elements", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"M\x20\x07tq\x07", b"J\0\xca\x9a\x3btq\x07");
    }),
    row("storage-shorter", PICKLED, "a storage is said to be shorter than its record", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"M\x20\x07tq\x07", b"M\x1f\x07tq\x07");
    }),
    row("storage-negative", PICKLED, "a storage has a negative number of elements", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"M\x20\x07tq\x07", b"J\xff\xff\xff\xfftq\x07");
    }),
    row("storage-of-another", PICKLED, "two tensors have changed their storages", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"X\x01\0\0\x003q", b"X\x01\0\0\0?q");
        d.pickle_replace(FILE, b"X\x01\0\0\x004q", b"X\x01\0\0\x003q");
        d.pickle_replace(FILE, b"X\x01\0\0\0?q", b"X\x01\0\0\x004q");
    }),
    row("storage-missing", PICKLED, "a tensor names a record that is not there", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"X\x01\0\0\x003q", b"X\x02\0\0\x0077q");
    }),
    row("storage-path", PICKLED, "a tensor names a record by a path", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"X\x01\0\0\x003q", b"X\x0a\0\0\0../version\x71");
    }),
    row("storage-device", PICKLED, "a storage lies on the device meta, which has no memory", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"X\x03\0\0\0cpuq", b"X\x04\0\0\0metaq");
    }),
    row(
        "storage-type",
        PICKLED,
        "the storages are of integers of the same width",
        ["tensor-dtype", FILE, "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, b"torch\nFloatStorage", b"torch\nIntStorage");
        },
    ),
    row("storage-type-wider", PICKLED, "the storages are of floats of twice the width", ["torch-storage", FILE, ""], |d| {
        d.pickle_replace(FILE, b"torch\nFloatStorage", b"torch\nDoubleStorage");
    }),
    row(
        "tensor-offset",
        PICKLED,
        "a tensor begins so late that it ends beyond its storage",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\x01K\x72K\x10\x86q\x08K\x10K\x01\x86");
        },
    ),
    row(
        "tensor-offset-negative",
        PICKLED,
        "a tensor begins before its storage",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"J\xff\xff\xff\xffK\x72K\x10\x86q\x08K\x10K\x01\x86");
        },
    ),
    row(
        "tensor-size",
        PICKLED,
        "a tensor has a row more than its storage",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\0K\x73K\x10\x86q\x08K\x10K\x01\x86");
        },
    ),
    row(
        "tensor-size-negative",
        PICKLED,
        "a tensor has a negative size",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\0J\xff\xff\xff\xffK\x10\x86q\x08K\x10K\x01\x86");
        },
    ),
    row(
        "tensor-stride-negative",
        PICKLED,
        "a tensor has a negative stride",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\0K\x72K\x10\x86q\x08K\x10J\xff\xff\xff\xff\x86");
        },
    ),
    row(
        "tensor-stride-huge",
        PICKLED,
        "a tensor's strides overflow 64 bits",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\0K\x72K\x10\x86q\x08\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x01\x86");
        },
    ),
    row(
        "tensor-ranks-differ",
        PICKLED,
        "a tensor has two sizes and one stride",
        ["torch-tensor", FILE, "/bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\0K\x72K\x10\x86q\x08K\x01\x85");
        },
    ),
    row(
        "tensor-turned",
        PICKLED,
        "a tensor is turned round",
        ["tensor-shape", FILE, "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.pickle_replace(FILE, FIRST, b"K\0K\x10K\x72\x86q\x08K\x72K\x01\x86");
        },
    ),
    row(
        "tensor-transposed",
        PICKLED,
        "the strides of a square tensor are exchanged",
        ["reference-value", FILE, "/bert.encoder.layer.0.attention.self.query.weight"],
        |d| {
            d.pickle_replace(FILE, b"K\0K\x10K\x10\x86q1K\x10K\x01\x86", b"K\0K\x10K\x10\x86q1K\x01K\x10\x86");
        },
    )
    .by(By::Reference),
    row(
        "bin-name",
        PICKLED,
        "a tensor has another name than the model's",
        ["tensor-missing", FILE, "tensor bert.pooler.dense.bias"],
        |d| {
            d.pickle_replace(FILE, b"bert.pooler.dense.bias", b"bert.pooler.dense.tilt");
        },
    ),
    row(
        "bin-nan",
        PICKLED,
        "one weight is NaN, with the right checksum",
        ["tensor-not-finite", FILE, "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.records(FILE, |records| {
                let mut data = records[4].data.clone();
                data.splice(..4, f32::NAN.to_le_bytes()).for_each(drop);
                records[4].set(&data);
            });
        },
    ),
    row(
        "bin-nan-whole",
        PICKLED,
        "one weight is NaN, in a file that is otherwise as torch would write it",
        ["tensor-not-finite", FILE, "tensor bert.embeddings.word_embeddings.weight"],
        |d| {
            d.edit(FILE, |bytes| {
                let mut archive = rtrain::format::torch::archive::Archive::parse(FILE, bytes).unwrap();
                let mut data = archive.storages[0].held().unwrap().to_vec();
                data.splice(..4, f32::NAN.to_le_bytes()).for_each(drop);
                archive.storages[0] = data.into();
                *bytes = archive.to_bytes();
            });
        },
    ),
    row("state-not-a-dict", PICKLED, "the file holds a list", ["torch-storage", FILE, ""], |d| {
        d.pickle(FILE, |bytes| *bytes = b"\x80\x02]q\0.".to_vec())
    }),
    row("rng-shorter", CHECKPOINT, "the state of torch's generator is a byte shorter", ["rng-state", "rng_state.pth", "/cpu"], |d| {
        d.pickle_replace("rng_state.pth", b"K\0M\xc0\x13\x85", b"K\0M\xbf\x13\x85");
    }),
];

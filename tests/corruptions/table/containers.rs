//! The zip container of files of torch.

use super::{CHECKPOINT, Corruption, PICKLED, row};
use crate::records::Record;

const FILE: &str = "pytorch_model.bin";
/// Somewhere in the values of the first tensor.
const DATA: isize = 4000;

pub const ROWS: &[Corruption] = &[
    row("bin-missing", PICKLED, "pytorch_model.bin is missing", ["weights-missing", "", ""], |d| d.remove(FILE)),
    row("bin-empty", PICKLED, "the file is empty", ["torch-zip-truncated", FILE, "bytes 0..0"], |d| d.cut(FILE, 0)),
    row("bin-cut-in-data", PICKLED, "cut inside the data", ["torch-zip-truncated", FILE, "bytes 0..9000"], |d| d.cut(FILE, 9000)),
    row("bin-cut-in-directory", PICKLED, "cut inside the directory at the end", ["torch-zip-truncated", FILE, "bytes 0..26022"], |d| {
        d.cut(FILE, -300)
    }),
    row("bin-cut-by-one", PICKLED, "the last byte is missing", ["torch-zip-truncated", FILE, "bytes 0..26321"], |d| d.cut(FILE, -1)),
    row("bin-trailing", PICKLED, "64 bytes follow at the end", ["torch-zip-trailing", FILE, "bytes 26322..26386"], |d| {
        d.append(FILE, &[b'x'; 64])
    }),
    row("bin-comment", PICKLED, "the zip file has a comment", ["torch-zip-trailing", FILE, "bytes 26322..26326"], |d| {
        d.edit(FILE, |bytes| {
            let at = bytes.len() - 2;
            bytes.splice(at.., *b"\x04\0more").for_each(drop);
        });
    }),
    row("bin-prefix", PICKLED, "a line of text stands before the archive", ["torch-zip-end", FILE, "bytes 26234..26332"], |d| {
        d.prepend(FILE, b"#!/bin/sh\n")
    }),
    row("bin-data-bit", PICKLED, "a bit of a weight is turned", ["torch-zip-crc", FILE, "bytes 3136..10432"], |d| d.flip(FILE, DATA, 1)),
    row(
        "bin-data-bit-and-checksum",
        PICKLED,
        "a bit of a weight is turned, and the checksums with it",
        ["not-identical", FILE, "bytes 24084..24085"],
        |d| {
            d.records(FILE, |records| {
                let data = &mut records[4].data;
                data[8] ^= 1;
                records[4] = Record::new(&records[4].name.clone(), &records[4].data.clone());
            });
        },
    ),
    row("bin-pickle-bit", PICKLED, "a bit in the name of a tensor is turned", ["torch-zip-crc", FILE, "bytes 64..2638"], |d| {
        d.flip_behind(FILE, b"bert.pooler.dense.", 0, 1);
    }),
    row("bin-checksum", PICKLED, "the checksums of an entry are wrong", ["torch-zip-crc", FILE, "bytes 3136..10432"], |d| {
        d.records(FILE, |records| records[4].crc ^= 1)
    }),
    row(
        "bin-padding-bit",
        PICKLED,
        "a bit of the padding before the data is turned",
        ["torch-zip-alignment", FILE, "bytes 3030..3136"],
        |d| d.flip_behind(FILE, b"data/0FB", 2, 1),
    ),
    row("bin-local-names", PICKLED, "an entry has another name in its own header", ["torch-zip-name", FILE, "bytes 10478..10498"], |d| {
        d.records(FILE, |records| records[5].local_name = records[6].name.clone());
    }),
    row("bin-duplicate-entry", PICKLED, "a second entry data/0 follows", ["torch-zip-duplicate", FILE, "bytes 10448..17744"], |d| {
        d.records(FILE, |records| {
            let zeros = Record::new(&records[4].name, &vec![0; records[4].data.len()]);
            records.insert(5, zeros);
        });
    }),
    row("bin-duplicate-pickle", PICKLED, "a second pickle follows", ["torch-zip-duplicate", FILE, "bytes 24120..24124"], |d| {
        d.records(FILE, |records| {
            let second = Record::new(&records[0].name, b"\x80\x02}.");
            records.push(second);
        });
    }),
    row("bin-compressed", PICKLED, "an entry is compressed", ["torch-zip-compressed", FILE, "bytes 24420..24422"], |d| {
        d.records(FILE, |records| records[4].deflate())
    }),
    row("bin-pickle-compressed", PICKLED, "the pickle is compressed", ["torch-zip-compressed", FILE, "bytes 24130..24132"], |d| {
        d.records(FILE, |records| records[0].deflate())
    }),
    row("bin-unaligned", PICKLED, "the data of an entry are not aligned", ["torch-zip-alignment", FILE, "bytes 3058..3060"], |d| {
        d.records(FILE, |records| records[4].is_aligned = false);
    }),
    row("bin-gap", PICKLED, "bytes lie between two entries", ["torch-zip-gap", FILE, "bytes 10448..10454"], |d| {
        d.records(FILE, |records| records[4].behind = b"hidden".to_vec());
    }),
    row("bin-time", PICKLED, "an entry has a time", ["torch-zip-time", FILE, "bytes 24422..24426"], |d| {
        d.records(FILE, |records| records[4].time = 0x6000)
    }),
    row("bin-encrypted-flag", PICKLED, "an entry is marked as encrypted in its own header", ["torch-zip-flags", FILE, "bytes 6..8"], |d| {
        d.flip(FILE, 6, 1)
    }),
    row(
        "bin-method-local",
        PICKLED,
        "an entry is marked as compressed in its own header",
        ["torch-zip-compressed", FILE, "bytes 8..10"],
        |d| d.flip(FILE, 8, 8),
    ),
    row(
        "bin-directory-bit",
        PICKLED,
        "a bit in the directory at the end is turned",
        ["torch-zip-directory", FILE, "bytes 26142..26224"],
        |d| d.flip(FILE, -150, 1),
    ),
    row("bin-count", PICKLED, "the number of entries is wrong", ["torch-zip-end", FILE, "bytes 26224..26322"], |d| d.flip(FILE, -12, 1)),
    row("bin-entry-missing", PICKLED, "the entry data/3 is missing", ["torch-zip-record", FILE, "bytes 12880..12880"], |d| {
        d.records(FILE, |records| drop(records.remove(7)))
    }),
    row("bin-entry-extra", PICKLED, "an entry is there that nothing names", ["torch-storage", FILE, ""], |d| {
        d.records(FILE, |records| {
            let storage = Record::new("pytorch_model/data/25", b"hidden");
            records.insert(29, storage);
        });
    }),
    row("bin-entry-program", PICKLED, "a program lies among the entries", ["torch-zip-record", FILE, "bytes 23832..23832"], |d| {
        d.records(FILE, |records| records.push(Record::new("pytorch_model/code/__torch__.py", b"import os")));
    }),
    row("bin-entry-path", PICKLED, "an entry is called ../../x", ["torch-zip-record", FILE, "bytes 23832..23832"], |d| {
        d.records(FILE, |records| records.push(Record::new("../../x", b"import os")));
    }),
    row(
        "bin-serialization-id",
        PICKLED,
        "the serialization id is that of another file",
        ["not-identical", FILE, "bytes 24065..24066"],
        |d| {
            d.records(FILE, |records| records.last_mut().unwrap().set(&[b'1'; 40]));
        },
    ),
    row("bin-byte-order", PICKLED, "the byte order is said to be the other one", ["torch-zip-record", FILE, "bytes 2898..2898"], |d| {
        d.records(FILE, |records| records[3].set(b"big"))
    }),
    row("bin-version", PICKLED, "the version of the archive is 4", ["torch-zip-record", FILE, "bytes 23832..23832"], |d| {
        d.records(FILE, |records| {
            let at = records.len() - 2;
            records[at].set(b"4\n");
        });
    }),
    row("bin-folder", PICKLED, "the entries lie in a folder of another name", ["torch-stem", FILE, ""], |d| {
        d.records(FILE, |records| {
            records
                .iter_mut()
                .for_each(|record| *record = Record::new(&record.name.replace("pytorch_model/", "pytorch-model/"), &record.data));
        });
    }),
    row("bin-not-a-zip", PICKLED, "the file is a pickle without a container", ["torch-zip-truncated", FILE, "bytes 0..6"], |d| {
        d.edit(FILE, |bytes| *bytes = b"\x80\x02}q\0.".to_vec());
    }),
    row("optimizer-bit", CHECKPOINT, "a bit of a moment is turned", ["torch-zip-crc", "optimizer.pt", "bytes 6144..13440"], |d| {
        d.flip_behind("optimizer.pt", b"optimizer/data/1FB", 200, 1)
    }),
    row("optimizer-cut", CHECKPOINT, "optimizer.pt is cut", ["torch-zip-truncated", "optimizer.pt", "bytes 0..20000"], |d| {
        d.cut("optimizer.pt", 20_000)
    }),
    row("optimizer-empty", CHECKPOINT, "optimizer.pt is empty", ["torch-zip-truncated", "optimizer.pt", "bytes 0..0"], |d| {
        d.cut("optimizer.pt", 0)
    }),
    row("scheduler-bit", CHECKPOINT, "a bit of the learning rate is turned", ["torch-zip-crc", "scheduler.pt", "bytes 64..268"], |d| {
        d.flip_behind("scheduler.pt", b"_last_lr", 8, 1);
    }),
    row("rng-cut", CHECKPOINT, "rng_state.pth is cut", ["torch-zip-truncated", "rng_state.pth", "bytes 0..13391"], |d| {
        d.cut("rng_state.pth", -1000)
    }),
    row("rng-bit", CHECKPOINT, "a bit of the generator's state is turned", ["torch-zip-crc", "rng_state.pth", "bytes 64..7968"], |d| {
        d.flip("rng_state.pth", 5000, 1)
    }),
    row(
        "scaler-bit",
        "5.23.0/run_scaler/checkpoint-2",
        "a bit of the gradient scale is turned",
        ["torch-zip-crc", "scaler.pt", "bytes 64..201"],
        |d| {
            d.flip_behind("scaler.pt", b"scaleq", 4, 1);
        },
    ),
    row("arguments-bit", CHECKPOINT, "a bit of an argument is turned", ["torch-zip-crc", "training_args.bin", "bytes 64..4057"], |d| {
        d.flip_behind("training_args.bin", b"learning_rate", 6, 1);
    }),
    row("arguments-cut", CHECKPOINT, "training_args.bin is cut", ["torch-zip-truncated", "training_args.bin", "bytes 0..2000"], |d| {
        d.cut("training_args.bin", 2000)
    }),
];

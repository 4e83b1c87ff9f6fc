//! The zip container of files of torch.

use super::{By, CHECKPOINT, Corruption, PICKLED, row};
use crate::records::Record;

const FILE: &str = "pytorch_model.bin";
/// Somewhere in the values of the first tensor.
const DATA: isize = 4000;

pub const ROWS: &[Corruption] = &[
    row("bin-missing", PICKLED, "pytorch_model.bin is missing", ["?", "", "?"], |d| d.remove(FILE)),
    row("bin-empty", PICKLED, "the file is empty", ["?", FILE, "?"], |d| d.cut(FILE, 0)),
    row("bin-cut-in-data", PICKLED, "cut inside the data", ["?", FILE, "?"], |d| d.cut(FILE, 9000)),
    row("bin-cut-in-directory", PICKLED, "cut inside the directory at the end", ["?", FILE, "?"], |d| d.cut(FILE, -300)),
    row("bin-cut-by-one", PICKLED, "the last byte is missing", ["?", FILE, "?"], |d| d.cut(FILE, -1)),
    row("bin-trailing", PICKLED, "64 bytes follow at the end", ["?", FILE, "?"], |d| d.append(FILE, &[b'x'; 64])),
    row("bin-comment", PICKLED, "the zip file has a comment", ["?", FILE, "?"], |d| {
        d.edit(FILE, |bytes| {
            let at = bytes.len() - 2;
            bytes.splice(at.., *b"\x04\0more").for_each(drop);
        });
    }),
    row("bin-prefix", PICKLED, "a line of text stands before the archive", ["?", FILE, "?"], |d| d.prepend(FILE, b"#!/bin/sh\n")),
    row("bin-data-bit", PICKLED, "a bit of a weight is turned", ["?", FILE, "?"], |d| d.flip(FILE, DATA, 1)),
    row("bin-data-bit-and-checksum", PICKLED, "a bit of a weight is turned, and the checksums with it", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| {
            let data = &mut records[4].data;
            data[8] ^= 1;
            records[4] = Record::new(&records[4].name.clone(), &records[4].data.clone());
        });
    }),
    row("bin-pickle-bit", PICKLED, "a bit in the name of a tensor is turned", ["?", FILE, "?"], |d| {
        d.flip_behind(FILE, b"bert.pooler.dense.", 0, 1);
    }),
    row("bin-checksum", PICKLED, "the checksums of an entry are wrong", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records[4].crc ^= 1)
    }),
    row("bin-padding-bit", PICKLED, "a bit of the padding before the data is turned", ["?", FILE, "?"], |d| {
        d.flip_behind(FILE, b"data/0FB", 2, 1)
    }),
    row("bin-local-names", PICKLED, "an entry has another name in its own header", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records[5].local_name = records[6].name.clone());
    }),
    row("bin-duplicate-entry", PICKLED, "a second entry data/0 follows", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| {
            let zeros = Record::new(&records[4].name, &vec![0; records[4].data.len()]);
            records.insert(5, zeros);
        });
    }),
    row("bin-duplicate-pickle", PICKLED, "a second pickle follows", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| {
            let second = Record::new(&records[0].name, b"\x80\x02}.");
            records.push(second);
        });
    }),
    row("bin-compressed", PICKLED, "an entry is compressed", ["?", FILE, "?"], |d| d.records(FILE, |records| records[4].deflate())),
    row("bin-pickle-compressed", PICKLED, "the pickle is compressed", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records[0].deflate())
    }),
    row("bin-unaligned", PICKLED, "the data of an entry are not aligned", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records[4].is_aligned = false);
    }),
    row("bin-gap", PICKLED, "bytes lie between two entries", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records[4].behind = b"hidden".to_vec());
    }),
    row("bin-time", PICKLED, "an entry has a time", ["?", FILE, "?"], |d| d.records(FILE, |records| records[4].time = 0x6000)),
    row("bin-encrypted-flag", PICKLED, "an entry is marked as encrypted in its own header", ["?", FILE, "?"], |d| d.flip(FILE, 6, 1)),
    row("bin-method-local", PICKLED, "an entry is marked as compressed in its own header", ["?", FILE, "?"], |d| d.flip(FILE, 8, 8)),
    row("bin-directory-bit", PICKLED, "a bit in the directory at the end is turned", ["?", FILE, "?"], |d| d.flip(FILE, -150, 1)),
    row("bin-count", PICKLED, "the number of entries is wrong", ["?", FILE, "?"], |d| d.flip(FILE, -12, 1)),
    row("bin-entry-missing", PICKLED, "the entry data/3 is missing", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| drop(records.remove(7)))
    }),
    row("bin-entry-extra", PICKLED, "an entry is there that nothing names", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| {
            let storage = Record::new("pytorch_model/data/25", b"hidden");
            records.insert(29, storage);
        });
    }),
    row("bin-entry-program", PICKLED, "a program lies among the entries", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records.push(Record::new("pytorch_model/code/__torch__.py", b"import os")));
    }),
    row("bin-entry-path", PICKLED, "an entry is called ../../x", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records.push(Record::new("../../x", b"import os")));
    }),
    row("bin-serialization-id", PICKLED, "the serialization id is that of another file", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records.last_mut().unwrap().set(&[b'1'; 40]));
    }),
    row("bin-byte-order", PICKLED, "the byte order is said to be the other one", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| records[3].set(b"big"))
    }),
    row("bin-version", PICKLED, "the version of the archive is 4", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| {
            let at = records.len() - 2;
            records[at].set(b"4\n");
        });
    }),
    row("bin-folder", PICKLED, "the entries lie in a folder of another name", ["?", FILE, "?"], |d| {
        d.records(FILE, |records| {
            records
                .iter_mut()
                .for_each(|record| *record = Record::new(&record.name.replace("pytorch_model/", "pytorch-model/"), &record.data));
        });
    }),
    row("bin-not-a-zip", PICKLED, "the file is a pickle without a container", ["?", FILE, "?"], |d| {
        d.edit(FILE, |bytes| *bytes = b"\x80\x02}q\0.".to_vec());
    }),
    row("optimizer-bit", CHECKPOINT, "a bit of a moment is turned", ["?", "optimizer.pt", "?"], |d| {
        d.flip_behind("optimizer.pt", b"optimizer/data/1FB", 200, 1)
    }),
    row("optimizer-cut", CHECKPOINT, "optimizer.pt is cut", ["?", "optimizer.pt", "?"], |d| d.cut("optimizer.pt", 20_000)),
    row("optimizer-empty", CHECKPOINT, "optimizer.pt is empty", ["?", "optimizer.pt", "?"], |d| d.cut("optimizer.pt", 0)),
    row("scheduler-bit", CHECKPOINT, "a bit of the learning rate is turned", ["?", "scheduler.pt", "?"], |d| {
        d.flip_behind("scheduler.pt", b"_last_lr", 8, 1);
    }),
    row("rng-cut", CHECKPOINT, "rng_state.pth is cut", ["?", "rng_state.pth", "?"], |d| d.cut("rng_state.pth", -1000)),
    row("rng-bit", CHECKPOINT, "a bit of the generator's state is turned", ["?", "rng_state.pth", "?"], |d| {
        d.flip("rng_state.pth", 5000, 1)
    }),
    row("scaler-bit", "5.23.0/run_scaler/checkpoint-2", "a bit of the gradient scale is turned", ["?", "scaler.pt", "?"], |d| {
        d.flip_behind("scaler.pt", b"scale", 10, 1);
    }),
    row("arguments-bit", CHECKPOINT, "a bit of an argument is turned", ["?", "training_args.bin", "?"], |d| {
        d.flip_behind("training_args.bin", b"learning_rate", 6, 1);
    }),
    row("arguments-cut", CHECKPOINT, "training_args.bin is cut", ["?", "training_args.bin", "?"], |d| d.cut("training_args.bin", 2000)),
];

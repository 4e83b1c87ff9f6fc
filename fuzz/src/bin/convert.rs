//! A converted directory keeps its tensors, and converting it once more changes nothing; pickled for the other release it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::convert::{Conversion, convert};
use rtrain::format::dtype::Dtype;
use rtrain::format::release::V4_57_6;
use rtrain::storage::MemoryDirectory;
use rtrain_fuzz::{bounded, directory};

/// The directory that a conversion makes of another, if it can be converted.
fn converted(source: &MemoryDirectory, conversion: Conversion) -> Option<MemoryDirectory> {
    let converted = convert(source, conversion).ok()?;
    let files = converted.files().into_iter().map(|(name, pieces)| (name, pieces.concat())).collect();
    Some(MemoryDirectory { files, ..MemoryDirectory::default() })
}

/// The files, shards by their names alone: tensors that no model has come in the order of their files, which splitting them changes.
fn names_and_whole_files(directory: &MemoryDirectory) -> Vec<(&String, Option<&Vec<u8>>)> {
    let is_split = |name: &str| name.contains("-of-") || name.ends_with(".index.json");
    directory.files.iter().map(|(name, bytes)| (name, (!is_split(name)).then_some(bytes))).collect()
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    for dtype in [None, Some(Dtype::Bf16), Some(Dtype::F32)] {
        let conversion = Conversion { max_shard_size: Some(256), dtype, ..Conversion::default() };
        let Some(once) = converted(&source, conversion) else { continue };
        let twice = converted(&once, conversion).expect("what was converted is read");
        assert_eq!(names_and_whole_files(&once), names_and_whole_files(&twice));
    }
    let pickled = Conversion { safe_serialization: false, release: Some(&V4_57_6), ..Conversion::default() };
    if let Some(pickled) = converted(&source, pickled) {
        converted(&pickled, Conversion::default()).expect("what was pickled is read");
    }
}));

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

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    for dtype in [None, Some(Dtype::Bf16), Some(Dtype::F32)] {
        let conversion = Conversion { max_shard_size: Some(256), dtype, ..Conversion::default() };
        let Some(once) = converted(&source, conversion) else { continue };
        let twice = converted(&once, conversion).expect("what was converted is read");
        let thrice = converted(&twice, conversion).expect("what was converted twice is read");
        assert_eq!(twice.files, thrice.files);
        // Release 4 keeps the order in which pickles have the tensors that the model lacks, and nothing after them tells it.
        if !source.files.keys().any(|name| name.ends_with(".bin")) {
            assert_eq!(once.files, twice.files);
        }
    }
    let pickled = Conversion { safe_serialization: false, release: Some(&V4_57_6), ..Conversion::default() };
    if let Some(pickled) = converted(&source, pickled) {
        converted(&pickled, Conversion::default()).expect("what was pickled is read");
    }
}));

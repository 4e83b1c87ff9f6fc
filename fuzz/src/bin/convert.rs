//! A converted directory keeps its tensors, and converting it once more changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::convert::{Conversion, convert};
use rtrain::format::dtype::Dtype;
use rtrain::storage::MemoryDirectory;
use rtrain_fuzz::{bounded, directory};

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    for dtype in [None, Some(Dtype::Bf16), Some(Dtype::F32)] {
        let conversion = Conversion { max_shard_size: Some(256), dtype };
        let Ok(converted) = convert(&source, conversion) else { continue };
        let files = converted.files().into_iter().map(|(name, pieces)| (name, pieces.concat())).collect();
        let once = MemoryDirectory { files, ..MemoryDirectory::default() };
        let converted = convert(&once, conversion).expect("what was converted is read");
        let files: std::collections::BTreeMap<String, Vec<u8>> =
            converted.files().into_iter().map(|(name, pieces)| (name, pieces.concat())).collect();
        assert_eq!(files, once.files);
    }
}));

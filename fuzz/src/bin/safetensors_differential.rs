//! Whatever is read here, the safetensors crate reads too, with the same tensors; and what is canonical here, it would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::safetensors::Header;
use rtrain_fuzz::{bounded, with_header_length};
use safetensors::SafeTensors;
use std::collections::HashMap;

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let file = with_header_length(bytes);
    let Ok((header, head)) = Header::read("f", &file.as_slice()) else { return };
    let theirs = SafeTensors::deserialize(&file).expect("the safetensors crate refuses it");
    assert_eq!(theirs.len(), header.tensors.len());
    for tensor in &header.tensors {
        let view = theirs.tensor(&tensor.name).expect("the safetensors crate has no such tensor");
        let shape: Vec<u64> = view.shape().iter().map(|&size| size as u64).collect();
        assert_eq!((&shape, view.data()), (&tensor.shape, header.data(tensor, &file)));
    }
    // With more metadata the crate writes them in any order.
    if header.metadata.len() == 1 {
        let metadata: HashMap<String, String> = header.metadata.iter().cloned().collect();
        let written = safetensors::serialize(theirs.iter().collect::<Vec<_>>(), Some(metadata)).expect("it is written");
        assert_eq!(header.not_canonical("f", &head).is_none(), written == file);
    }
}));

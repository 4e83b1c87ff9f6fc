//! A safetensors file is written in canonical order with the same tensors. The input is a header and data, without the header's length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::release::files::Holds;
use rtrain::format::rewriting::rewrite;
use rtrain::format::safetensors::Header;
use rtrain_fuzz::{bounded, with_header_length};

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let _ = Header::parse("f", bytes);
    let file = with_header_length(bytes);
    let Ok((header, head)) = Header::read("f", &file.as_slice()) else { return };
    assert_eq!(Header::parse("f", &file).expect("it was read before"), header);
    let written = rewrite(Holds::Safetensors, "f", &file).expect("it was read before");
    let (canonical, its_head) = Header::read("f", &written.as_slice()).expect("what was written is read");
    assert_eq!(canonical.not_canonical("f", &its_head), None);
    assert!(header.not_canonical("f", &head).is_some() || written == file);
    assert_eq!((canonical.metadata.as_slice(), canonical.tensors.len()), (header.metadata.as_slice(), header.tensors.len()));
    for tensor in &header.tensors {
        let same = canonical.find(&tensor.name).expect("the tensor is still there");
        assert_eq!((same.dtype, &same.shape), (tensor.dtype, &tensor.shape));
        assert_eq!(canonical.data(same, &written), header.data(tensor, &file));
    }
}));

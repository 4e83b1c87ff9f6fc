//! No bytes make the reader of a safetensors header panic or allocate without bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::safetensors::Header;

fuzz_target!(|bytes: &[u8]| {
    let _ = Header::parse("model.safetensors", bytes);
});

//! No bytes make the reader of torch's container panic, and what it reads is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::torch::archive::Archive;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(archive) = Archive::parse("optimizer.pt", bytes) {
        assert_eq!(Archive::parse("optimizer.pt", &archive.to_bytes()).unwrap(), archive);
    }
});

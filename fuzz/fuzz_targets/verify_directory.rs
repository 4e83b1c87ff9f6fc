//! No model directory makes the verifier panic. The bytes are shared out among the directory's files.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use rtrain::storage::MemoryDirectory;

const FILES: [&str; 4] = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

fuzz_target!(|bytes: &[u8]| {
    let mut source = Unstructured::new(bytes);
    let mut directory = MemoryDirectory::default();
    for name in FILES {
        if let Ok(content) = Vec::<u8>::arbitrary(&mut source) {
            directory.files.insert(name.to_owned(), content);
        }
    }
    let _ = rtrain::verify::verify(&directory);
});

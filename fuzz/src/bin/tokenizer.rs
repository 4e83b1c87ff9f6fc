//! A tokenizer of several files, as each release loads and saves it: what was saved is loaded, and saved the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::release::RELEASES;
use rtrain::format::tokenizer::Tokenizer;
use rtrain::storage::MemoryDirectory;
use rtrain_fuzz::{bounded, directory};

fn saved(tokenizer: &Tokenizer) -> MemoryDirectory {
    let files = tokenizer.files().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    MemoryDirectory { files, ..MemoryDirectory::default() }
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    for release in RELEASES {
        let Ok(mut tokenizer) = Tokenizer::load_for(release, &source, true) else { continue };
        let _ = (tokenizer.model_max_length(), tokenizer.truncation_length(), tokenizer.pad_id());
        tokenizer.set_truncation_and_padding(8, true);
        let first = saved(&tokenizer);
        let second = Tokenizer::load_for(release, &first, true).expect("what was saved is loaded");
        let third = Tokenizer::load_for(release, &saved(&second), true).expect("what was saved twice is loaded");
        assert_eq!(saved(&third).files, saved(&second).files);
    }
}));

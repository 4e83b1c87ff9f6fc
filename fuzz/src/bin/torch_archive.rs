//! The container of `torch.save`: there is one way to write what is read, and it is the file that was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::torch::archive::Archive;
use rtrain_fuzz::bounded;

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    if let Ok(archive) = Archive::parse("optimizer.pt", bytes) {
        assert_eq!(archive.to_bytes(), bytes);
        let lazily = Archive::read("optimizer.pt", &bytes).expect("it was read before");
        assert_eq!((&lazily.stem, &lazily.pickle, lazily.storages.len()), (&archive.stem, &archive.pickle, archive.storages.len()));
    }
}));

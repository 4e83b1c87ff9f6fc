//! No directory makes the verifier panic; each of its files is reported, and every finding names a file of the directory by a known code.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::diagnostic::codes;
use rtrain_fuzz::{bounded, directory};

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    match rtrain::verify::verify(&source) {
        Ok(report) => {
            assert!(report.files.iter().all(|file| source.files.contains_key(&file.name)));
            assert!(report.findings.iter().all(|finding| codes::find(finding.code).is_some()));
            let _ = report.to_json();
        }
        Err(error) => assert!(codes::find(error.diagnostic().code).is_some()),
    }
}));

//! A directory against another one, whose files follow under `reference/`, and against itself: a directory differs in nothing from itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::storage::MemoryDirectory;
use rtrain::verify::{Comparison, Tolerance, compare};
use rtrain_fuzz::{bounded, directory};

fn is_finding(comparison: Comparison) -> bool {
    !matches!(comparison, Comparison::Identical | Comparison::WithinTolerance)
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let (mut ours, mut theirs) = (MemoryDirectory::default(), MemoryDirectory::default());
    for (name, content) in directory(bytes).files {
        match name.strip_prefix("reference/") {
            Some(name) => theirs.files.insert(name.to_owned(), content),
            None => ours.files.insert(name, content),
        };
    }
    let tolerance = Tolerance { relative: 1e-3, absolute: 1e-3 };
    let (comparisons, findings) = compare(&ours, &theirs, tolerance).expect("memory is read");
    assert!(findings.len() >= comparisons.iter().filter(|(_, comparison)| is_finding(*comparison)).count());
    let (comparisons, findings) = compare(&ours, &ours, Tolerance::default()).expect("memory is read");
    assert!(findings.is_empty() && comparisons.iter().all(|(_, comparison)| *comparison == Comparison::Identical), "{findings:?}");
}));

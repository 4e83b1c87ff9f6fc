//! What a pickle holds is written so that it reads the same; classes that were not asked for are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::torch::pickle::{Allowed, Limits, Source, Value, read, write};
use rtrain_fuzz::{assert_same, bounded};

const CLASSES: Allowed = &[
    ("collections", &["OrderedDict"]),
    ("torch._utils", &["_rebuild_tensor_v2"]),
    ("torch", &["FloatStorage", "device"]),
    ("_codecs", &["encode"]),
];
const SOURCE: Source<'static> = Source { file: "f", offset: 0 };
/// Shared objects are compared as often as they are met.
const LIMITS: Limits = Limits { bytes: 1 << 20, nodes: 100_000, depth: 64, expanded_nodes: 1_000 };

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let Ok(pickle) = read(SOURCE, bytes, CLASSES, &LIMITS) else { return };
    let written = write(&pickle.value);
    let again = read(SOURCE, &written, CLASSES, &LIMITS).expect("what was written is read");
    assert_same(&again.value, &pickle.value);
    assert_eq!(write(&again.value), written);
    if let Value::Dict(entries) = &pickle.value {
        let _ = entries.iter().map(|(key, value)| (key.kind(), value.as_bytes())).collect::<Vec<_>>();
    }
}));

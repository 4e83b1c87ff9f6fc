//! No pickle in a sound container makes a reader of torch's files panic, and what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::torch::archive::Archive;
use rtrain::format::torch::content::TorchContent;
use rtrain::format::torch::kind::TorchKind;
use rtrain::storage::Piece;

const KINDS: [TorchKind; 6] = [
    TorchKind::Optimizer,
    TorchKind::Scheduler,
    TorchKind::Scaler,
    TorchKind::Rng,
    TorchKind::StateDict,
    TorchKind::TrainingArguments,
];
/// One storage that pickles may refer to.
const STORAGE: [u8; 16] = [7; 16];

fn written(content: &TorchContent<'_>) -> Vec<u8> {
    content.pieces().into_iter().filter_map(Piece::written).collect::<Vec<_>>().concat()
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (kind, with_storage, pickle) = input;
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let storages = if with_storage { vec![STORAGE[..].into()] } else { Vec::new() };
    let file = Archive { stem: "a".into(), pickle: pickle.into(), storages }.to_bytes();
    if let Ok(content) = TorchContent::parse(kind, "a", &file) {
        let bytes = written(&content);
        assert_eq!(written(&TorchContent::parse(kind, "a", &bytes).unwrap()), bytes);
    }
});

//! Each kind of file that `torch.save` writes, as a pickle in a sound container: what is read is written so that it reads the same. The
//! input is the kind, how many storages there are, the length of each, and the pickle.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::torch::archive::Archive;
use rtrain::format::torch::content::TorchContent;
use rtrain::format::torch::difference::difference;
use rtrain::format::torch::kind::TorchKind;
use rtrain_fuzz::{assert_same, bounded};

const KINDS: [TorchKind; 6] =
    [TorchKind::Optimizer, TorchKind::Scheduler, TorchKind::Scaler, TorchKind::Rng, TorchKind::StateDict, TorchKind::TrainingArguments];

/// Bytes of all storages together that are tried.
const MAX_STORAGE_BYTES: usize = 1 << 16;

/// The kind, and a file of `torch.save`.
fn file(input: &[u8]) -> Option<(TorchKind, Vec<u8>)> {
    let [kind, storages, rest @ ..] = input else { return None };
    let (lengths, pickle) = rest.split_at_checked(2 * usize::from(*storages))?;
    let lengths: Vec<usize> = lengths.chunks_exact(2).map(|length| u16::from_le_bytes([length[0], length[1]]).into()).collect();
    if lengths.iter().sum::<usize>() > MAX_STORAGE_BYTES {
        return None;
    }
    let storages = lengths.into_iter().map(|length| vec![0; length].into()).collect();
    let file = Archive { stem: "a".into(), pickle: pickle.into(), storages }.to_bytes();
    Some((KINDS[usize::from(*kind) % KINDS.len()], file))
}

fn check(kind: TorchKind, file: &[u8]) {
    let Ok(content) = TorchContent::parse(kind, "a", file) else { return };
    let written = content.to_bytes();
    let again = TorchContent::parse(kind, "a", &written).expect("what was written is read");
    assert_same(&again, &content);
    assert_eq!(again.to_bytes(), written);
    let lazily = TorchContent::read(kind, "a", &file).expect("it was read before");
    assert_eq!(lazily.pieces().iter().map(|piece| piece.length()).sum::<u64>(), written.len() as u64);
    assert_eq!(difference(kind, ("a", &file), ("b", &written.as_slice())).expect("both were read before"), None);
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, file)) = file(bytes) {
        bounded(&file, || check(kind, &file));
    }
});

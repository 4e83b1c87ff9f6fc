//! A file of `torch.save` as whatever its kind says that it is.

use crate::diagnostic::Result;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::format::torch::rng_state::RngState;
use crate::format::torch::scaler_state::ScalerState;
use crate::format::torch::scheduler_state::SchedulerState;
use crate::format::torch::state_dict::TorchStateDict;
use crate::format::torch::training_args::TrainingArguments;
use crate::storage::{Content, Piece};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum TorchContent<'a> {
    /// `optimizer.pt`
    Optimizer(OptimizerState<'a>),
    /// `scheduler.pt`
    Scheduler(SchedulerState),
    /// `scaler.pt`
    Scaler(ScalerState),
    /// `rng_state.pth`
    Rng(Box<RngState>),
    /// `pytorch_model.bin`
    StateDict(TorchStateDict<'a>),
    /// `training_args.bin`
    TrainingArguments(TrainingArguments),
}

impl TorchContent<'static> {
    /// As [`TorchContent::parse`], and leaves the larger tensors in the file.
    ///
    /// # Errors
    /// Those of [`TorchContent::parse`], or the file cannot be read.
    pub fn read(kind: TorchKind, path: &str, content: &dyn Content) -> Result<Self> {
        let whole = || content.range(0..content.length());
        Ok(match kind {
            TorchKind::Optimizer => TorchContent::Optimizer(OptimizerState::read(path, content)?),
            TorchKind::StateDict => TorchContent::StateDict(TorchStateDict::read(path, content)?),
            TorchKind::Scheduler => TorchContent::Scheduler(SchedulerState::parse(path, &whole()?)?),
            TorchKind::Scaler => TorchContent::Scaler(ScalerState::parse(path, &whole()?)?),
            TorchKind::Rng => TorchContent::Rng(Box::new(RngState::parse(path, &whole()?)?)),
            TorchKind::TrainingArguments => TorchContent::TrainingArguments(TrainingArguments::parse(path, &whole()?)?),
        })
    }
}

impl<'a> TorchContent<'a> {
    /// Reads a file of a kind.
    ///
    /// # Errors
    /// A diagnostic for whatever does not belong into a file of this kind.
    pub fn parse(kind: TorchKind, path: &str, bytes: &'a [u8]) -> Result<Self> {
        Ok(match kind {
            TorchKind::Optimizer => TorchContent::Optimizer(OptimizerState::parse(path, bytes)?),
            TorchKind::Scheduler => TorchContent::Scheduler(SchedulerState::parse(path, bytes)?),
            TorchKind::Scaler => TorchContent::Scaler(ScalerState::parse(path, bytes)?),
            TorchKind::Rng => TorchContent::Rng(Box::new(RngState::parse(path, bytes)?)),
            TorchKind::StateDict => TorchContent::StateDict(TorchStateDict::parse(path, bytes)?),
            TorchKind::TrainingArguments => TorchContent::TrainingArguments(TrainingArguments::parse(path, bytes)?),
        })
    }

    /// Folder of all entries: the name of the file without its extension.
    pub fn stem(&self) -> &str {
        match self {
            TorchContent::Optimizer(content) => &content.stem,
            TorchContent::Scheduler(content) => &content.stem,
            TorchContent::Scaler(content) => &content.stem,
            TorchContent::Rng(content) => &content.stem,
            TorchContent::StateDict(content) => &content.stem,
            TorchContent::TrainingArguments(content) => &content.stem,
        }
    }

    /// The file, written from the content alone.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces().into_iter().filter_map(Piece::written).collect::<Vec<_>>().concat()
    }

    /// The pieces of the file one after another, written from the content alone; the tensors' own bytes are not copied.
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let whole = |bytes: Vec<u8>| vec![Piece::Written(bytes.into())];
        match self {
            TorchContent::Optimizer(content) => content.pieces(),
            TorchContent::StateDict(content) => content.pieces(),
            TorchContent::Scheduler(content) => whole(content.to_bytes()),
            TorchContent::Scaler(content) => whole(content.to_bytes()),
            TorchContent::Rng(content) => whole(content.to_bytes()),
            TorchContent::TrainingArguments(content) => whole(content.to_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::archive::Archive;
    use crate::format::torch::golden;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static FILES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| golden::files(|_| true));

    fn parse<'a>(path: &str, bytes: &'a [u8]) -> Result<TorchContent<'a>> {
        TorchContent::parse(TorchKind::of(path.rsplit('/').next().unwrap()).unwrap(), path, bytes)
    }

    fn written(content: &TorchContent<'_>) -> Vec<u8> {
        content.pieces().into_iter().filter_map(Piece::written).collect::<Vec<_>>().concat()
    }

    #[test]
    fn every_file_of_torch_survives_as_its_kind() {
        assert!(FILES.len() >= 50);
        for (path, bytes) in FILES.iter() {
            assert!(written(&parse(path, bytes).unwrap()) == *bytes, "{path}");
            let kind = TorchKind::of(path.rsplit('/').next().unwrap()).unwrap();
            let read = TorchContent::read(kind, path, &bytes.as_slice()).unwrap();
            assert_eq!(read.pieces().iter().map(Piece::length).sum::<u64>(), bytes.len() as u64);
        }
    }

    /// A sound archive around a pickle.
    fn around(pickle: &[u8], storages: &[&[u8]]) -> Vec<u8> {
        let storages = storages.iter().map(|&data| data.into()).collect();
        Archive { stem: "a".into(), pickle: pickle.into(), storages }.to_bytes()
    }

    const NAMES: [&str; 6] = ["optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "pytorch_model.bin", "training_args.bin"];

    #[test]
    fn what_runs_programs_is_named_and_refused() {
        let nested = b"\x80\x02}X\x05\0\0\0statecbuiltins\neval\nX\x01\0\0\0x\x85Rs.";
        for name in NAMES {
            for (global, pickle) in [
                ("os.system", &b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R."[..]),
                ("posix.system", b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R."),
                ("builtins.eval", nested),
                ("torch.load", b"\x80\x02ctorch\nload\n)R."),
                ("pkgutil.resolve_name", b"\x80\x02cpkgutil\nresolve_name\n)R."),
                ("torch._utils.os.system", b"\x80\x02ctorch._utils\nos.system\n)R."),
                ("collections.OrderedDict.__reduce__", b"\x80\x02ccollections\nOrderedDict.__reduce__\n)R."),
            ] {
                let error = parse(name, &around(pickle, &[])).unwrap_err();
                assert_eq!(error.diagnostic().code, "pickle-global", "{name}");
                assert!(error.to_string().contains(&format!("names {global},")), "{error}");
            }
        }
    }

    #[test]
    fn short_pickles_of_many_objects_are_refused() {
        let million = [b"\x80\x02]q\0(".as_slice(), &b"}".repeat(1_000_000), b"e."].concat();
        let deep = [b"\x80\x02".as_slice(), &b"]".repeat(50_000), &b"a".repeat(49_999), b"."].concat();
        for pickle in [million, deep] {
            for name in NAMES {
                assert_eq!(parse(name, &around(&pickle, &[])).unwrap_err().diagnostic().code, "pickle-limit");
            }
        }
    }

    #[test]
    fn storages_are_accounted_for() {
        let tensor = |key: &str, elements: u8| {
            let key = [b"X\x01\0\0\0", key.as_bytes()].concat();
            let storage = [b"X\x07\0\0\0storagectorch\nFloatStorage\n", key.as_slice(), b"X\x03\0\0\0cpuK", &[elements]].concat();
            let rest = b"K\x00K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)Rt";
            [key.as_slice(), b"ctorch._utils\n_rebuild_tensor_v2\n((", &storage, b"tQ", rest, b"R"].concat()
        };
        let file = |tensors: &[Vec<u8>]| [b"\x80\x02}(", tensors.concat().as_slice(), b"u."].concat();
        let code = |pickle: &[u8], storages: &[&[u8]]| {
            parse("pytorch_model.bin", &around(pickle, storages)).map_or_else(|error| error.diagnostic().code, |_| "read")
        };
        let (one, two) = (file(&[tensor("0", 1)]), file(&[tensor("0", 1), tensor("1", 2)]));
        assert_eq!(code(&one, &[&[0; 4]]), "read");
        assert_eq!(code(&two, &[&[0; 4], &[0; 8]]), "read");
        let other_function: Vec<u8> = one.iter().map(|&byte| if byte == b'2' { b'3' } else { byte }).collect();
        assert_eq!(code(&other_function, &[&[0; 4]]), "torch-tensor", "_rebuild_tensor_v3 without an element type");
        assert_eq!(code(&one, &[]), "torch-storage");
        assert_eq!(code(&one, &[&[0; 3]]), "torch-storage");
        assert_eq!(code(&one, &[&[0; 4], &[0; 4]]), "torch-storage");
        assert_eq!(code(&two, &[&[0; 8], &[0; 4]]), "torch-storage");
        assert_eq!(code(&file(&[tensor("1", 1)]), &[&[0; 4], &[0; 4]]), "torch-storage");
        assert_eq!(code(&file(&[tensor("0", 0)]), &[&[]]), "torch-tensor");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn changed_pickles_are_read_without_a_panic(
            file in any::<prop::sample::Index>(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let (path, bytes) = file.get(&FILES);
            let mut archive = Archive::parse(path, bytes).unwrap();
            for (index, byte) in edits {
                let pickle = archive.pickle.to_mut();
                *index.get_mut(pickle) = byte;
            }
            let bytes = archive.to_bytes();
            if let Ok(content) = parse(path, &bytes) {
                let bytes = written(&content);
                prop_assert_eq!(written(&parse(path, &bytes).unwrap()), bytes);
            }
        }
    }
}

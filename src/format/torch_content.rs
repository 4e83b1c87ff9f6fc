//! A file of `torch.save` as whatever its kind says that it is.

use super::optimizer_state::OptimizerState;
use super::rng_state::RngState;
use super::scaler_state::ScalerState;
use super::scheduler_state::SchedulerState;
use super::torch_kind::TorchKind;
use super::torch_state_dict::TorchStateDict;
use super::training_args::TrainingArguments;
use crate::diagnostic::Result;
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
    use crate::format::torch_golden;

    #[test]
    fn every_file_of_torch_survives_as_its_kind() {
        let files = torch_golden::files(|_| true);
        assert!(files.len() >= 50);
        for (path, bytes) in files {
            let kind = TorchKind::of(path.rsplit('/').next().unwrap()).unwrap();
            let content = TorchContent::parse(kind, &path, &bytes).unwrap();
            let written: Vec<_> = content.pieces().into_iter().filter_map(Piece::written).collect();
            assert!(written.concat() == bytes, "{path}");
            assert_eq!(
                TorchContent::read(kind, &path, &bytes.as_slice()).unwrap().pieces().iter().map(Piece::length).sum::<u64>(),
                bytes.len() as u64
            );
        }
    }
}

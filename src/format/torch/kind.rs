//! The kinds of files that `torch.save` writes into a HuggingFace directory, and what each may name.

use crate::format::torch::pickle::Allowed;
use crate::format::torch::tensor::TENSOR_CLASSES;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TorchKind {
    /// `optimizer.pt`
    Optimizer,
    /// `scheduler.pt`
    Scheduler,
    /// `scaler.pt`
    Scaler,
    /// `rng_state.pth`, `rng_state_0.pth` and so on.
    Rng,
    /// `pytorch_model.bin` and its shards, and other files with tensors by name.
    StateDict,
    /// `training_args.bin`
    TrainingArguments,
}

const RNG: Allowed = &{
    let [rebuild, storages, untyped, containers] = TENSOR_CLASSES;
    let (numpy_1, numpy_2) = (("numpy.core.multiarray", RECONSTRUCT), ("numpy._core.multiarray", RECONSTRUCT));
    [rebuild, storages, untyped, containers, numpy_1, numpy_2, ("numpy", &["ndarray", "dtype"]), ("_codecs", &["encode"])]
};
const RECONSTRUCT: &[&str] = &["_reconstruct"];

const TRAINING_ARGUMENTS: Allowed = &[
    ("transformers.training_args", &["TrainingArguments", "OptimizerNames"]),
    ("transformers.trainer_utils", &["SchedulerType", "IntervalStrategy", "SaveStrategy", "HubStrategy", "FSDPOption"]),
    ("transformers.trainer_pt_utils", &["AcceleratorConfig"]),
    ("transformers.debug_utils", &["DebugOption"]),
    ("accelerate.state", &["PartialState"]),
    ("accelerate.utils.dataclasses", &["DistributedType"]),
    ("torch", &["device"]),
];

impl TorchKind {
    /// The kind of a file by its name; `None` if files of that name are not torch's.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "optimizer.pt" => Some(TorchKind::Optimizer),
            "scheduler.pt" => Some(TorchKind::Scheduler),
            "scaler.pt" => Some(TorchKind::Scaler),
            "training_args.bin" => Some(TorchKind::TrainingArguments),
            _ if name.starts_with("rng_state") && name.ends_with(".pth") => Some(TorchKind::Rng),
            _ if name.ends_with(".bin") => Some(TorchKind::StateDict),
            _ => None,
        }
    }

    /// The classes and functions that a file of this kind may name.
    pub fn classes(self) -> Allowed {
        match self {
            TorchKind::Optimizer | TorchKind::StateDict => &TENSOR_CLASSES,
            TorchKind::Scheduler | TorchKind::Scaler => &[],
            TorchKind::Rng => RNG,
            TorchKind::TrainingArguments => TRAINING_ARGUMENTS,
        }
    }

    /// The code of the diagnostics for what does not belong into a file of this kind.
    pub fn code(self) -> &'static str {
        match self {
            TorchKind::Optimizer => "optimizer-state",
            TorchKind::Scheduler => "scheduler-state",
            TorchKind::Scaler => "scaler-state",
            TorchKind::Rng => "rng-state",
            TorchKind::StateDict => "torch-state-dict",
            TorchKind::TrainingArguments => "training-args",
        }
    }
}

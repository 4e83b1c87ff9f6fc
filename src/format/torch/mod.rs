//! The files of `torch.save`: a zip container around a pickle and the elements of tensors. Pickles are data here, nothing is run.

pub mod archive;
pub mod content;
pub mod difference;
mod file;
#[cfg(test)]
pub(crate) mod golden;
pub mod kind;
pub mod optimizer_state;
pub mod pickle;
pub mod rng_state;
pub mod scaler_state;
pub mod scheduler_state;
pub mod state_dict;
pub mod tensor;
pub mod training_args;

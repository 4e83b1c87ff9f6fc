//! Fine-tune HuggingFace transformer models without Python, and save what transformers itself would save, byte for byte.
//!
//! - [`format`](mod@format): bytes to values and back, for each file of a HuggingFace directory;
//! - [`architecture`]: what each architecture is made of;
//! - [`verify`]: whether a directory is what transformers would have written;
//! - [`convert`](mod@convert): a directory with other shards or another element type;
//! - [`inspect`]: what a file or a directory holds, without running any of it;
//! - [`storage`]: reading directories, and the one writer that commits them;
//! - [`checkpoints`]: saving them so that none is lost, and finding the one to go on from;
//! - [`random`]: torch's random numbers;
//! - with feature `gpu`: `gpu`, training on a GPU;
//! - with feature `train`: `data`, `model` and `train`, the engine.

pub mod architecture;
pub mod checkpoints;
pub mod convert;
#[cfg(feature = "train")]
pub mod data;
pub mod diagnostic;
pub mod format;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod inspect;
#[cfg(feature = "train")]
pub mod kernels;
#[cfg(feature = "train")]
pub mod model;
pub mod nearest;
pub mod random;
mod simd;
pub mod storage;
#[cfg(feature = "train")]
pub mod train;
pub mod verify;

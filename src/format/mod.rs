//! Bytes to values and back, for each file of a HuggingFace directory.
//!
//! Every file is read into a value that says what it means, and written from that value alone. Nothing here needs a tensor library, a
//! thread, a clock or a file system.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod config;
pub mod directory;
pub mod dtype;
pub mod json;
pub mod model_card;
pub mod release;
pub mod rewriting;
pub mod run;
pub mod safetensors;
pub mod shards;
pub mod tokenizer;
pub mod torch;

//! Bytes to values and back, for each file of a HuggingFace directory.
//!
//! Every file is read into a value that says what it means, and written from that value alone. Nothing here needs a tensor library, a
//! thread, a clock or a file system.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

pub mod adapter_config;
pub mod added_tokens;
pub mod chat_template;
pub mod config;
pub mod config_fields;
mod config_loading;
pub mod directory;
pub mod dtype;
pub mod fields;
pub mod file_table;
pub mod generation_config;
pub mod json;
pub mod json_file;
pub mod model_card;
pub mod number;
pub mod optimizer_state;
pub mod pickle;
pub mod predictions;
pub mod python_json;
pub mod release;
pub mod results;
pub mod rewriting;
pub mod rng_state;
pub mod safetensors;
pub mod scaler_state;
pub mod scheduler_state;
pub mod settings;
pub mod shard_index;
pub mod shard_split;
pub mod shards;
pub mod special_tokens_map;
pub mod tokenizer;
pub mod tokenizer_config;
pub mod tokenizer_json;
mod tokenizer_saving;
pub mod torch_archive;
pub mod torch_content;
pub mod torch_difference;
mod torch_file;
#[cfg(test)]
pub(crate) mod torch_golden;
pub mod torch_kind;
pub mod torch_state_dict;
pub mod torch_tensor;
pub mod trainer_state;
pub mod training_args;
pub mod vocabulary;
pub mod yaml;
pub mod yaml_reader;
mod yaml_scalar;

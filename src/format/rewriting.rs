//! Any file that is known here, read into its value and written from that value alone.

use super::adapter_config::AdapterConfig;
use super::added_tokens::AddedTokens;
use super::chat_template::ChatTemplate;
use super::config::Config;
use super::file_table::Holds;
use super::generation_config::GenerationConfig;
use super::model_card::ModelCard;
use super::predictions::Predictions;
use super::release::Release;
use super::results::Results;
use super::safetensors::{Header, Tensor, TensorInfo, serialize};
use super::shard_index::ShardIndex;
use super::special_tokens_map::SpecialTokensMap;
use super::tokenizer_config::TokenizerConfig;
use super::tokenizer_json::TokenizerJson;
use super::trainer_state::TrainerState;
use super::vocabulary::{Merges, VocabJson, VocabTxt};
use crate::diagnostic::Result;

/// The file as transformers would write it for the values that it holds; nothing for a kind of file that has no reader yet.
///
/// A config of a release and a model type of the release table is written with every field that the release writes, and no other; so is a
/// generation config.
///
/// # Errors
/// The file is not what its kind says.
pub fn rewrite(holds: Holds, path: &str, bytes: &[u8]) -> Option<Result<Vec<u8>>> {
    Some(match holds {
        Holds::Config => Config::parse(path, bytes).map(|config| rewrite_config(&config)),
        Holds::GenerationConfig => GenerationConfig::parse(path, bytes).map(|config| rewrite_generation_config(&config)),
        Holds::AdapterConfig => AdapterConfig::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::Safetensors => rewrite_safetensors(path, bytes),
        Holds::ShardIndex => ShardIndex::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::TokenizerJson => TokenizerJson::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::TokenizerConfig => TokenizerConfig::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::SpecialTokensMap => SpecialTokensMap::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::AddedTokens => AddedTokens::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::VocabTxt => VocabTxt::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::VocabJson => VocabJson::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::Merges => Merges::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::ChatTemplate => ChatTemplate::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::ModelCard => ModelCard::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::TrainerState => TrainerState::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::Results => Results::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::Predictions => Predictions::parse(path, bytes).map(|value| value.to_bytes()),
        Holds::PickledWeights | Holds::TrainingArguments | Holds::Optimizer | Holds::Scheduler | Holds::Scaler | Holds::RandomStates => {
            return None;
        }
    })
}

fn rewrite_config(config: &Config) -> Vec<u8> {
    let known = config.release().filter(|release| config.model_type().is_some_and(|kind| release.model(kind).is_some()));
    known.map_or_else(|| config.to_bytes(), |release| config.loaded_by(release).to_bytes())
}

fn rewrite_generation_config(config: &GenerationConfig) -> Vec<u8> {
    let known = config.transformers_version().and_then(Release::find);
    known.map_or_else(|| config.to_bytes(), |release| config.loaded_by(release).to_bytes())
}

/// Header and data in canonical order.
fn rewrite_safetensors(path: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let header = Header::parse(path, bytes)?;
    let tensor = |info: &TensorInfo| Tensor {
        name: info.name.clone(),
        dtype: info.dtype,
        shape: info.shape.clone(),
        data: header.data(info, bytes).into(),
    };
    let tensors: Vec<Tensor<'_>> = header.tensors.iter().map(tensor).collect();
    Ok(serialize(&tensors, &header.metadata))
}

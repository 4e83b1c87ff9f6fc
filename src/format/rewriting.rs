//! Any file that is known here, read into its value and written from that value alone.

use crate::diagnostic::Result;
use crate::format::config::Config;
use crate::format::config::adapter::AdapterConfig;
use crate::format::config::generation::GenerationConfig;
use crate::format::model_card::ModelCard;
use crate::format::release::Release;
use crate::format::release::files::Holds;
use crate::format::run::predictions::Predictions;
use crate::format::run::results::Results;
use crate::format::run::trainer_state::TrainerState;
use crate::format::safetensors::{Header, Tensor, TensorInfo, serialize};
use crate::format::shards::index::ShardIndex;
use crate::format::tokenizer::added_tokens::AddedTokens;
use crate::format::tokenizer::chat_template::ChatTemplate;
use crate::format::tokenizer::config::TokenizerConfig;
use crate::format::tokenizer::json::TokenizerJson;
use crate::format::tokenizer::special_tokens_map::SpecialTokensMap;
use crate::format::tokenizer::vocabulary::{Merges, VocabJson, VocabTxt};
use crate::format::torch::content::TorchContent;

/// The file as transformers would write it for the values that it holds.
///
/// A config of a release and a model type of the release table is written with every field that the release writes, and no other; so is a
/// generation config.
///
/// # Errors
/// The file is not what its kind says.
pub fn rewrite(holds: Holds, path: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    match holds {
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
        Holds::Torch(kind) => Ok(TorchContent::parse(kind, path, bytes)?.to_bytes()),
    }
}

fn rewrite_config(config: &Config) -> Vec<u8> {
    config.known_release().map_or_else(|| config.to_bytes(), |release| config.loaded_by(release).to_bytes())
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

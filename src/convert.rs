//! Writes a model directory anew: with other shards, another element type, in another format, or as another release saves it.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod side_files;
mod state_dict;
#[cfg(test)]
mod tests;
mod weights;

use crate::architecture::{self, ParameterTable};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::config::Config;
use crate::format::dtype::{Dtype, convert as convert_values};
use crate::format::json::Json;
use crate::format::release::{Release, V5_23_0};
use crate::format::safetensors::Tensor;
use crate::format::shards;
use crate::format::shards::index::ShardIndex;
use crate::format::shards::pickled::{self, PickledWeights};
use crate::format::torch::tensor as torch;
use crate::storage::commit::Files;
use crate::storage::{Source, in_parallel};
use state_dict::Entry;
use std::borrow::Cow;
use std::collections::HashMap;
use weights::Weights;

/// What is to become of a model directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Largest shard in bytes of data; without one, the default of the release.
    pub max_shard_size: Option<u64>,
    /// Element type of the float tensors: F32, BF16 or F16; without one, each keeps its own.
    pub dtype: Option<Dtype>,
    /// Whether the weights are written as safetensors, or else pickled as `pytorch_model.bin`.
    pub safe_serialization: bool,
    /// The release as which config, tokenizer and weights are saved; without one, the weights as the release that `config.json` names.
    pub release: Option<&'static Release>,
    /// Whether `HF_HUB_OFFLINE` is set, which transformers records when it saves a tokenizer.
    pub offline: bool,
}

impl Default for Conversion {
    fn default() -> Self {
        Conversion { max_shard_size: None, dtype: None, safe_serialization: true, release: None, offline: false }
    }
}

/// A converted directory, ready to be written.
#[derive(Debug)]
pub struct Converted {
    weights: ConvertedWeights,
    others: Vec<(String, Vec<u8>)>,
}

#[derive(Debug)]
enum ConvertedWeights {
    Safetensors { tensors: Vec<Tensor<'static>>, metadata: Vec<(String, String)>, max_shard_size: u64, total_parameters: u64 },
    Pickled(PickledWeights),
}

impl Converted {
    /// The files in the order in which they are to be written. No tensor is copied.
    pub fn files(&self) -> Files<'_> {
        let mut files: Files<'_> = self.others.iter().map(|(name, bytes)| (name.clone(), vec![Cow::Borrowed(bytes.as_slice())])).collect();
        files.extend(match &self.weights {
            ConvertedWeights::Safetensors { tensors, metadata, max_shard_size, total_parameters } => {
                shards::files(tensors, *max_shard_size, *total_parameters, metadata)
            }
            ConvertedWeights::Pickled(weights) => weights.files(),
        });
        files
    }
}

/// Reads a model directory and converts it, as `from_pretrained`, `.to(dtype)` and `save_pretrained(max_shard_size=…, safe_serialization=…)`
/// of the release would. `config.json`'s `dtype` follows; the tokenizer's and other small files stay what they are unless a release is asked
/// for; the state of a training run and weights in other formats are left out.
///
/// The tensors are held in memory once.
///
/// # Errors
/// A file is malformed or cannot be read, a tensor is of a type that torch does not convert or pickle from here, such as `F8_E4M3`, or the
/// release does not write such weights or such a model.
///
/// # Source
/// transformers 5.23.0, `modeling_utils.py` (`save_pretrained`), `core_model_loading.py` (`revert_weight_conversion`); transformers 4.57.6,
/// `modeling_utils.py`.
pub fn convert(source: &dyn Source, conversion: Conversion) -> Result<Converted> {
    let path = source.path("config.json");
    let Some(bytes) = source.read("config.json")? else {
        let diagnostic = Diagnostic::new("not-a-model-directory", Site::file(source.path("")), "this is not a model directory");
        return Err(Error::misuse(diagnostic.expected("a config.json in it").hint("name the directory of a model")));
    };
    let config = Config::parse(&path, &bytes)?;
    let own_version = config.transformers_version().unwrap_or(V5_23_0.version);
    let version = conversion.release.map_or(own_version, |release| release.version).to_owned();
    if !conversion.safe_serialization {
        check_pickled(&config, &version)?;
    }
    let mut others = side_files::side_files(source, &config, conversion)?;
    let table = architecture::inventory(&config).transpose()?;
    let weights = Weights::read(source)?;
    let max_shard_size = conversion.max_shard_size.unwrap_or_else(|| Release::nearest(&version).max_shard_bytes);
    let total_parameters = total_parameters(source, table.as_ref(), &weights)?;
    let entries = state_dict::order(&weights, table.as_ref(), &version);
    let weights = if conversion.safe_serialization {
        let kept: Vec<&Entry<'_>> = entries.iter().filter(|entry| entry.tied_to.is_none()).collect();
        let tensors = in_parallel(&kept, |entry, _| converted(entry, conversion.dtype))?;
        let metadata = weights.metadata().filter(|metadata| !metadata.is_empty()).map(<[_]>::to_vec);
        let metadata = metadata.unwrap_or_else(|| vec![("format".to_owned(), "pt".to_owned())]);
        ConvertedWeights::Safetensors { tensors, metadata, max_shard_size, total_parameters }
    } else {
        ConvertedWeights::Pickled(PickledWeights::new(pickled(&entries, conversion.dtype)?, max_shard_size, total_parameters))
    };
    others.insert(0, ("config.json".to_owned(), rewritten(config, conversion).to_bytes()));
    Ok(Converted { weights, others })
}

/// Whether a release writes pickled weights.
fn check_pickled(config: &Config, version: &str) -> Result<()> {
    if Release::nearest(version).file(pickled::SINGLE).is_some() {
        return Ok(());
    }
    let message = format!("transformers {version} does not write {}", pickled::SINGLE);
    let diagnostic = Diagnostic::new("pickled-weights", config.site("transformers_version"), message);
    Err(Error::misuse(diagnostic.expected("a release that has safe_serialization=False, which is 4.57.6").hint("add --release 4.57.6")))
}

/// The config that is saved with the tensors: as transformers holds it after loading, where that is known here.
fn rewritten(config: Config, conversion: Conversion) -> Config {
    let mut config = match conversion.release.or_else(|| config.known_release()) {
        Some(release) => config.loaded_by(release),
        None => config,
    };
    if let Some(name) = conversion.dtype.and_then(Dtype::config_name) {
        let key = if config.get("dtype").is_none() && config.get("torch_dtype").is_some() { "torch_dtype" } else { "dtype" };
        config.set(key, Json::from(name));
    }
    config
}

/// What the index says of the whole model: the table's sum, or what the index that is there says, or the sum over the tensors.
fn total_parameters(source: &dyn Source, table: Option<&ParameterTable>, weights: &Weights<'_>) -> Result<u64> {
    if let Some(table) = table {
        let own = table.parameters.iter().filter(|parameter| parameter.tied_to.is_none());
        return Ok(own.filter_map(|parameter| u64::try_from(parameter.numel()).ok()).fold(0, u64::saturating_add));
    }
    let name = weights.index_name();
    let index = source.read(name)?.map(|bytes| ShardIndex::parse(&source.path(name), &bytes)).transpose()?;
    let own = weights.tensors().into_iter().filter(|tensor| tensor.shares.is_none());
    Ok(index.and_then(|index| index.total_parameters).unwrap_or_else(|| own.map(|tensor| tensor.numel()).fold(0, u64::saturating_add)))
}

/// A tensor with its new element type.
fn converted(entry: &Entry<'_>, to: Option<Dtype>) -> Result<Tensor<'static>> {
    let stored = &entry.stored;
    let mut tensor =
        Tensor { name: entry.name.to_owned(), dtype: stored.dtype, shape: stored.shape.to_vec(), data: Cow::Owned(stored.data()?) };
    if let Some(to) = to.filter(|to| stored.dtype.is_float() && *to != stored.dtype) {
        let Some(data) = convert_values(&tensor.data, stored.dtype, to) else {
            return Err(unsupported(entry, "rtrain does not convert this element type", "F64, F32, BF16 or F16"));
        };
        (tensor.dtype, tensor.data) = (to, Cow::Owned(data));
    }
    Ok(tensor)
}

/// The tensors as torch holds them: each has a storage of its own, but for those that are tied.
fn pickled(entries: &[Entry<'_>], to: Option<Dtype>) -> Result<Vec<(String, torch::Tensor<'static>)>> {
    let tensors = in_parallel(entries, |entry, _| {
        if entry.tied_to.is_some() {
            return Ok(None);
        }
        let Tensor { dtype, shape, data, .. } = converted(entry, to)?;
        if !torch::is_pickled(dtype) {
            return Err(unsupported(entry, "rtrain does not pickle this element type", "a type that torch 2.15.0 pickles by name"));
        }
        Ok(Some(torch::Tensor::contiguous(dtype, shape, data)))
    })?;
    let owners: HashMap<&str, &torch::Tensor<'static>> =
        entries.iter().zip(&tensors).filter_map(|(entry, tensor)| Some((entry.name, tensor.as_ref()?))).collect();
    let tensor = |entry: &Entry<'_>, own: &Option<torch::Tensor<'static>>| {
        let tensor = own.as_ref().or_else(|| owners.get(entry.tied_to?).copied())?;
        Some((entry.name.to_owned(), tensor.clone()))
    };
    Ok(entries.iter().zip(&tensors).filter_map(|(entry, own)| tensor(entry, own)).collect())
}

fn unsupported(entry: &Entry<'_>, message: &str, expected: &str) -> Error {
    let site = Site::file(entry.stored.path).at(Place::Tensor(entry.stored.name.to_owned()));
    Error::unsupported(Diagnostic::new("unsupported-conversion", site, message).expected(expected).found(entry.stored.dtype.name()))
}

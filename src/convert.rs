//! Writes a model directory anew: with other shards, or another element type.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod state_dict;
#[cfg(test)]
mod tests;

use crate::architecture::{self, ParameterTable};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::config::Config;
use crate::format::dtype::{Dtype, convert as convert_values};
use crate::format::json::Json;
use crate::format::release::V5_23_0;
use crate::format::safetensors::Tensor;
use crate::format::shards::index::ShardIndex;
use crate::format::shards::split::default_max_shard_size;
use crate::format::shards::{self, Shard};
use crate::storage::commit::Files;
use crate::storage::{Source, in_parallel};
use state_dict::Entry;
use std::borrow::Cow;

/// What is to become of a model directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conversion {
    /// Largest shard in bytes of data; without one, the default of the release that `config.json` names.
    pub max_shard_size: Option<u64>,
    /// Element type of the float tensors: F32, BF16 or F16; without one, each keeps its own.
    pub dtype: Option<Dtype>,
}

/// Files that are the weights of another format, would contradict the new ones, and are left out.
const OTHER_WEIGHTS: [&str; 6] = [".bin", ".bin.index.json", ".safetensors", ".safetensors.index.json", ".h5", ".msgpack"];

/// The state of a training run, which does not fit other weights.
const TRAINING_STATE: [&str; 4] = ["optimizer.pt", "scheduler.pt", "scaler.pt", "trainer_state.json"];

/// A converted directory, ready to be written.
#[derive(Debug)]
pub struct Converted {
    tensors: Vec<Tensor<'static>>,
    metadata: Vec<(String, String)>,
    max_shard_size: u64,
    total_parameters: u64,
    others: Vec<(String, Vec<u8>)>,
}

impl Converted {
    /// The files in the order in which they are to be written. No tensor is copied.
    pub fn files(&self) -> Files<'_> {
        let mut files: Files<'_> = self.others.iter().map(|(name, bytes)| (name.clone(), vec![Cow::Borrowed(bytes.as_slice())])).collect();
        files.extend(shards::files(&self.tensors, self.max_shard_size, self.total_parameters, &self.metadata));
        files
    }
}

/// Reads a model directory and converts it, as `from_pretrained`, `.to(dtype)` and `save_pretrained(max_shard_size=…)` of the release that
/// wrote it would. `config.json`'s `dtype` follows; the tokenizer's and other small files stay what they are; the state of a training run
/// and weights in other formats are left out.
///
/// The tensors are held in memory once.
///
/// # Errors
/// A file is malformed or cannot be read, or a tensor is of a float type that torch does not convert from here, such as `F8_E4M3`.
///
/// # Source
/// transformers 5.23.0, `modeling_utils.py` (`save_pretrained`), `core_model_loading.py` (`revert_weight_conversion`).
pub fn convert(source: &dyn Source, conversion: Conversion) -> Result<Converted> {
    let path = source.path("config.json");
    let Some(bytes) = source.read("config.json")? else {
        let diagnostic = Diagnostic::new("not-a-model-directory", Site::file(source.path("")), "this is not a model directory");
        return Err(Error::misuse(diagnostic.expected("a config.json in it").hint("name the directory of a model")));
    };
    let config = Config::parse(&path, &bytes)?;
    let table = architecture::inventory(&config).transpose()?;
    let shards = shards::read(source)?;
    let metadata = shards.first().map(|shard| shard.header.metadata.clone()).filter(|metadata| !metadata.is_empty());
    let version = config.transformers_version().unwrap_or(V5_23_0.version).to_owned();
    let max_shard_size = conversion.max_shard_size.unwrap_or_else(|| default_max_shard_size(&version));
    let total_parameters = total_parameters(source, table.as_ref(), &shards)?;
    let order: Vec<(&Shard<'_>, String, Entry<'_>)> = state_dict::order(&shards, table.as_ref(), &version)
        .into_iter()
        .filter_map(|entry| shards.get(entry.shard).map(|shard| (shard, source.path(&shard.name), entry)))
        .collect();
    let tensors = in_parallel(&order, |(shard, path, entry), _| converted(shard, path, entry, conversion.dtype))?;
    let mut others = vec![("config.json".to_owned(), rewritten(config, conversion.dtype).to_bytes())];
    for name in source.names()? {
        let left_out = name == "config.json"
            || TRAINING_STATE.contains(&name.as_str())
            || name.starts_with("rng_state")
            || (name != "training_args.bin" && OTHER_WEIGHTS.iter().any(|end| name.ends_with(end)));
        if let Some(bytes) = if left_out { None } else { source.read(&name)? } {
            others.push((name, bytes));
        }
    }
    let metadata = metadata.unwrap_or_else(|| vec![("format".to_owned(), "pt".to_owned())]);
    Ok(Converted { tensors, metadata, max_shard_size, total_parameters, others })
}

/// The config that is saved with the tensors: as transformers holds it after loading, where that is known here.
fn rewritten(config: Config, dtype: Option<Dtype>) -> Config {
    let mut config = match config.known_release() {
        Some(release) => config.loaded_by(release),
        None => config,
    };
    if let Some(name) = dtype.and_then(Dtype::config_name) {
        let key = if config.get("dtype").is_none() && config.get("torch_dtype").is_some() { "torch_dtype" } else { "dtype" };
        config.set(key, Json::from(name));
    }
    config
}

/// What the index says of the whole model: the table's sum, or what the index that is there says, or the sum over the tensors.
fn total_parameters(source: &dyn Source, table: Option<&ParameterTable>, shards: &[Shard<'_>]) -> Result<u64> {
    if let Some(total) = table.and_then(|table| u64::try_from(table.numel()).ok()) {
        return Ok(total);
    }
    let index = source.read(shards::INDEX)?.map(|bytes| ShardIndex::parse(&source.path(shards::INDEX), &bytes)).transpose()?;
    let sum = || shards.iter().flat_map(|shard| &shard.header.tensors).map(|tensor| tensor.numel()).fold(0, u64::saturating_add);
    Ok(index.and_then(|index| index.total_parameters).unwrap_or_else(sum))
}

/// A tensor with its new element type.
fn converted(shard: &Shard<'_>, path: &str, entry: &Entry<'_>, to: Option<Dtype>) -> Result<Tensor<'static>> {
    let info = entry.info;
    let mut tensor =
        Tensor { name: entry.name.to_owned(), dtype: info.dtype, shape: info.shape.clone(), data: Cow::Owned(shard.data(info)?) };
    if let Some(to) = to.filter(|to| info.dtype.is_float() && *to != info.dtype) {
        let Some(data) = convert_values(&tensor.data, info.dtype, to) else {
            let site = Site::file(path).at(Place::Tensor(info.name.clone()));
            let diagnostic = Diagnostic::new("unsupported-conversion", site, "rtrain does not convert this element type");
            return Err(Error::unsupported(diagnostic.expected("F64, F32, BF16 or F16").found(info.dtype.name())));
        };
        (tensor.dtype, tensor.data) = (to, Cow::Owned(data));
    }
    Ok(tensor)
}

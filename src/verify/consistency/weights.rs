//! The weights of a directory, in whichever format: what each file holds, and where the values lie.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::dtype::Dtype;
use crate::format::shards;
use crate::format::shards::index::ShardIndex;
use crate::format::torch::archive::Data;
use crate::format::torch::state_dict::TorchStateDict;
use crate::format::torch::tensor::{Entry, Storage, Tensor};
use crate::storage::{Content, Source};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Name of a pickled file when there is one only.
const PICKLED: &str = "pytorch_model.bin";
/// Name of the index when there are several.
const PICKLED_INDEX: &str = "pytorch_model.bin.index.json";

/// The weights that transformers reads.
pub(super) struct Weights<'a> {
    /// What one file is called, and the index of several: the two never stand together.
    pub(super) single: &'static str,
    pub(super) index: &'static str,
    pub(super) files: Vec<WeightsFile<'a>>,
}

/// One file.
pub(super) struct WeightsFile<'a> {
    pub(super) name: String,
    pub(super) tensors: Vec<Weight>,
    pub(super) content: Box<dyn Content + 'a>,
}

/// One tensor.
pub(super) struct Weight {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<u64>,
    /// Bytes in the file: none where an earlier tensor has the same ones.
    pub(super) bytes: u64,
    pub(super) values: Values,
}

/// Where values lie.
pub(super) enum Values {
    /// In the file.
    In(Range<u64>),
    /// In memory: few.
    Held(Arc<Storage<'static>>),
}

impl Weight {
    pub(super) fn numel(&self) -> u64 {
        self.shape.iter().fold(1, |numel: u64, &size| numel.saturating_mul(size))
    }
}

impl<'a> Weights<'a> {
    /// Opens safetensors where there are any, as transformers does, and else what is pickled.
    ///
    /// # Errors
    /// There are no weights, or a file is malformed or cannot be read.
    pub(super) fn open(source: &'a dyn Source) -> Result<Weights<'a>> {
        let names = source.names()?;
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let is_pickled = !has(shards::SINGLE) && !has(shards::INDEX) && (has(PICKLED) || has(PICKLED_INDEX));
        if is_pickled {
            return Ok(Weights { single: PICKLED, index: PICKLED_INDEX, files: pickled(source, has(PICKLED))? });
        }
        let files = shards::read(source)?.into_iter().map(|shard| {
            let weight = |info: &crate::format::safetensors::TensorInfo| Weight {
                name: info.name.clone(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                bytes: info.bytes(),
                values: Values::In(shard.header.range(info)),
            };
            WeightsFile { tensors: shard.header.tensors.iter().map(weight).collect(), name: shard.name, content: shard.content }
        });
        Ok(Weights { single: shards::SINGLE, index: shards::INDEX, files: files.collect() })
    }
}

fn pickled<'a>(source: &'a dyn Source, is_single: bool) -> Result<Vec<WeightsFile<'a>>> {
    if is_single {
        return Ok(vec![pickled_file(source, PICKLED)?]);
    }
    let path = source.path(PICKLED_INDEX);
    let index = ShardIndex::parse(&path, &source.read(PICKLED_INDEX)?.unwrap_or_default())?;
    let files: Vec<WeightsFile<'a>> = index.shards().into_iter().map(|name| pickled_file(source, name)).collect::<Result<_>>()?;
    let held: BTreeSet<(&str, &str)> =
        files.iter().flat_map(|file| file.tensors.iter().map(|tensor| (tensor.name.as_str(), file.name.as_str()))).collect();
    match index.weight_map.iter().find(|(tensor, file)| !held.contains(&(tensor.as_str(), file.as_str()))) {
        Some((tensor, file)) => {
            let site = Site::file(path).at(Place::Pointer(format!("/weight_map/{tensor}")));
            Err(Error::malformed(Diagnostic::new("index-tensor", site, format!("{file} does not hold this tensor"))))
        }
        None => Ok(files),
    }
}

fn pickled_file<'a>(source: &'a dyn Source, name: &str) -> Result<WeightsFile<'a>> {
    let path = source.path(name);
    let Some(content) = source.open(name)? else {
        return Err(Error::malformed(Diagnostic::new("shard-missing", Site::file(path), "the index names this file, and it is not there")));
    };
    let state = TorchStateDict::read(&path, content.as_ref())?;
    let mut seen = BTreeSet::new();
    let tensors = state.entries.iter().filter_map(|(name, entry)| match entry {
        Entry::Tensor(tensor) => Some(weight(name, tensor, seen.insert(Arc::as_ptr(&tensor.storage).addr()))),
        Entry::Value(_) => None,
    });
    let tensors = tensors.collect();
    Ok(WeightsFile { name: name.to_owned(), tensors, content })
}

/// A pickled tensor; its values are those of its whole storage.
fn weight(name: &str, tensor: &Tensor<'static>, is_first: bool) -> Weight {
    let storage = &tensor.storage;
    let values = match &storage.data {
        Data::Kept { range, .. } => Values::In(range.clone()),
        Data::Held(_) => Values::Held(Arc::clone(storage)),
    };
    let bytes = if is_first { storage.data.length() } else { 0 };
    Weight { name: name.to_owned(), dtype: tensor.dtype, shape: tensor.shape.clone(), bytes, values }
}

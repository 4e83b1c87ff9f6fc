//! The weights of a directory, in whichever format: what each file holds, and where the values lie.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::dtype::Dtype;
use crate::format::safetensors::{Header, TensorInfo};
use crate::format::shards;
use crate::format::shards::index::ShardIndex;
use crate::format::torch::archive::Data;
use crate::format::torch::content::TorchContent;
use crate::format::torch::tensor::{Entry, Storage, Tensor};
use crate::storage::{Content, Source};
use crate::verify::round_trip::TorchFiles;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Name of a pickled file when there is one only.
const PICKLED: &str = "pytorch_model.bin";
/// Name of the weights of an adapter.
const ADAPTER: &str = "adapter_model.safetensors";
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
    /// Opens safetensors where there are any, as transformers does, else what is pickled, else an adapter.
    ///
    /// # Errors
    /// There are no weights, or a file is malformed or cannot be read.
    pub(super) fn open(source: &'a dyn Source, names: &[String], torch: &TorchFiles) -> Result<Weights<'a>> {
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let is_safetensors = has(shards::SINGLE) || has(shards::INDEX);
        if !is_safetensors && (has(PICKLED) || has(PICKLED_INDEX)) {
            return Ok(Weights { single: PICKLED, index: PICKLED_INDEX, files: pickled(source, has(PICKLED), torch)? });
        }
        let files = if is_safetensors || !has(ADAPTER) {
            shards::read(source)?.into_iter().map(|shard| safetensors(shard.name, &shard.header, shard.content)).collect()
        } else {
            let opened = source.open(ADAPTER)?;
            let read = opened.map(|content| Ok((Header::read(&source.path(ADAPTER), content.as_ref())?.0, content)));
            let read = read.transpose()?.into_iter();
            read.map(|(header, content)| safetensors(ADAPTER.to_owned(), &header, content)).collect()
        };
        Ok(Weights { single: shards::SINGLE, index: shards::INDEX, files })
    }
}

fn safetensors<'a>(name: String, header: &Header, content: Box<dyn Content + 'a>) -> WeightsFile<'a> {
    let weight = |info: &TensorInfo| Weight {
        name: info.name.clone(),
        dtype: info.dtype,
        shape: info.shape.clone(),
        bytes: info.bytes(),
        values: Values::In(header.range(info)),
    };
    WeightsFile { tensors: header.tensors.iter().map(weight).collect(), name, content }
}

fn pickled<'a>(source: &'a dyn Source, is_single: bool, torch: &TorchFiles) -> Result<Vec<WeightsFile<'a>>> {
    if is_single {
        return Ok(vec![pickled_file(source, PICKLED, torch)?]);
    }
    let path = source.path(PICKLED_INDEX);
    let index = ShardIndex::parse(&path, &source.read(PICKLED_INDEX)?.unwrap_or_default())?;
    let files: Vec<WeightsFile<'a>> = index.shards().into_iter().map(|name| pickled_file(source, name, torch)).collect::<Result<_>>()?;
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

fn pickled_file<'a>(source: &'a dyn Source, name: &str, torch: &TorchFiles) -> Result<WeightsFile<'a>> {
    let path = source.path(name);
    let Some(content) = source.open(name)? else {
        return Err(Error::malformed(Diagnostic::new("shard-missing", Site::file(path), "the index names this file, and it is not there")));
    };
    let Some(TorchContent::StateDict(state)) = torch.get(name) else {
        return Err(Error::malformed(Diagnostic::new("torch-state-dict", Site::file(path), "the file does not hold tensors by name")));
    };
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

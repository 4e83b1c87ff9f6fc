//! The tensors of a directory, whichever format its weights have.

use crate::diagnostic::Result;
use crate::format::dtype::Dtype;
use crate::format::safetensors::TensorInfo;
use crate::format::shards::pickled::{self, PickledShard};
use crate::format::shards::{self, Shard};
use crate::format::torch::tensor::Tensor;
use crate::storage::Source;
use std::collections::HashMap;
use std::sync::Arc;

/// The weights of a directory, opened.
#[derive(Debug)]
pub(super) enum Weights<'a> {
    /// `model.safetensors` or its shards, each with its path as the user knows it.
    Safetensors(Vec<(String, Shard<'a>)>),
    /// `pytorch_model.bin` or its shards.
    Pickled(Vec<PickledShard<'a>>),
}

/// A tensor as it stands in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    pub name: &'a str,
    /// Path of its file as the user knows it.
    pub path: &'a str,
    pub dtype: Dtype,
    pub shape: &'a [u64],
    /// The first tensor of the file that is the same memory, if there is one.
    pub shares: Option<&'a str>,
    place: Held<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Held<'a> {
    Shard(&'a Shard<'a>, &'a TensorInfo),
    Pickle(&'a PickledShard<'a>, &'a Tensor<'static>),
}

impl<'a> Weights<'a> {
    /// Opens what transformers would load: safetensors where they are there, or else the pickles.
    ///
    /// # Errors
    /// There are no weights, or they are malformed.
    pub fn read(source: &'a dyn Source) -> Result<Self> {
        let names = source.names()?;
        let has = |wanted: [&str; 2]| names.iter().any(|name| wanted.contains(&name.as_str()));
        if !has([shards::SINGLE, shards::INDEX]) && has([pickled::SINGLE, pickled::INDEX]) {
            return Ok(Weights::Pickled(pickled::read(source)?));
        }
        Ok(Weights::Safetensors(shards::read(source)?.into_iter().map(|shard| (source.path(&shard.name), shard)).collect()))
    }

    /// The metadata of the safetensors.
    pub fn metadata(&self) -> Option<&[(String, String)]> {
        match self {
            Weights::Safetensors(shards) => shards.first().map(|(_, shard)| shard.header.metadata.as_slice()),
            Weights::Pickled(_) => None,
        }
    }

    /// The name of the index that goes with the format.
    pub fn index_name(&self) -> &'static str {
        match self {
            Weights::Safetensors(_) => shards::INDEX,
            Weights::Pickled(_) => pickled::INDEX,
        }
    }

    /// Every tensor, in the order of the files.
    pub fn tensors(&self) -> Vec<Stored<'_>> {
        match self {
            Weights::Safetensors(shards) => {
                shards.iter().flat_map(|(path, shard)| shard.header.tensors.iter().map(move |info| in_shard(path, shard, info))).collect()
            }
            Weights::Pickled(shards) => shards.iter().flat_map(in_pickle).collect(),
        }
    }
}

fn in_shard<'a>(path: &'a str, shard: &'a Shard<'a>, info: &'a TensorInfo) -> Stored<'a> {
    Stored { name: &info.name, path, dtype: info.dtype, shape: &info.shape, shares: None, place: Held::Shard(shard, info) }
}

fn in_pickle<'a>(shard: &'a PickledShard<'a>) -> Vec<Stored<'a>> {
    let mut owners = HashMap::new();
    let mut tensors = Vec::new();
    for (name, tensor) in &shard.tensors {
        let memory = (Arc::as_ptr(&tensor.storage).addr(), tensor.offset, &tensor.shape, &tensor.stride);
        let owner: &str = owners.entry(memory).or_insert(name);
        let shares = (owner != name).then_some(owner);
        tensors.push(Stored {
            name,
            path: &shard.path,
            dtype: tensor.dtype,
            shape: &tensor.shape,
            shares,
            place: Held::Pickle(shard, tensor),
        });
    }
    tensors
}

impl Stored<'_> {
    /// Number of elements.
    pub fn numel(&self) -> u64 {
        self.shape.iter().fold(1, |product, &size| product.saturating_mul(size))
    }

    /// The elements, row by row.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn data(&self) -> Result<Vec<u8>> {
        match self.place {
            Held::Shard(shard, info) => shard.data(info),
            Held::Pickle(shard, tensor) => shard.data(tensor),
        }
    }
}

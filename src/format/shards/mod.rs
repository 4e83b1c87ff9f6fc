//! Weights of a model directory: one `model.safetensors`, or shards with `model.safetensors.index.json`.
pub mod index;
pub mod pickled;
pub mod split;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::safetensors::{Header, Tensor, TensorInfo, pieces};
use crate::format::shards::index::ShardIndex;
use crate::format::shards::split::{StateDictEntry, shard_name, split};
use crate::storage::commit::Files;
use crate::storage::{Content, Source};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Name of the file when there is one only.
pub const SINGLE: &str = "model.safetensors";
/// Name of the index when there are several.
pub const INDEX: &str = "model.safetensors.index.json";

/// One weights file: its header, and the data where they lie.
pub struct Shard<'a> {
    /// File name inside the directory.
    pub name: String,
    /// Its header.
    pub header: Header,
    /// The file, to read tensors from.
    pub content: Box<dyn Content + 'a>,
}

impl Shard<'_> {
    /// The bytes of a tensor of this shard.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn data(&self, tensor: &TensorInfo) -> Result<Vec<u8>> {
        self.content.range(self.header.range(tensor))
    }
}

impl fmt::Debug for Shard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("name", &self.name).field("header", &self.header).finish_non_exhaustive()
    }
}

/// Opens `model.safetensors`, or every shard that the index names, and reads the headers.
///
/// # Errors
/// Neither file is there, a file is malformed, or a tensor is not in the shard that the index names.
pub fn read(source: &dyn Source) -> Result<Vec<Shard<'_>>> {
    if source.contains(SINGLE)? {
        return Ok(vec![read_shard(source, SINGLE)?]);
    }
    let path = source.path(INDEX);
    let Some(bytes) = source.read(INDEX)? else {
        if source.names()?.iter().any(|name| name.starts_with("model-") && name.ends_with(".safetensors")) {
            let diagnostic = Diagnostic::new("shard-index", Site::file(path), "the directory has shards, and no index of them");
            return Err(Error::malformed(diagnostic.hint("fetch the index, or save the model again")));
        }
        let diagnostic = Diagnostic::new("weights-missing", Site::file(source.path("")), "the directory has no weights");
        let hint = "rtrain reads safetensors here; rtrain convert makes them of a pytorch_model.bin";
        return Err(Error::malformed(diagnostic.expected(format!("{SINGLE}, or {INDEX}")).hint(hint)));
    };
    let index = ShardIndex::parse(&path, &bytes)?;
    let shards: Vec<Shard<'_>> = index.shards().into_iter().map(|name| read_shard(source, name)).collect::<Result<_>>()?;
    let held: BTreeSet<(&str, &str)> =
        shards.iter().flat_map(|shard| shard.header.tensors.iter().map(|tensor| (tensor.name.as_str(), shard.name.as_str()))).collect();
    match index.weight_map.iter().find(|(tensor, file)| !held.contains(&(tensor.as_str(), file.as_str()))) {
        Some((tensor, file)) => {
            let site = Site::file(path).at(Place::Pointer(format!("/weight_map/{tensor}")));
            Err(Error::malformed(Diagnostic::new("index-tensor", site, format!("{file} does not hold this tensor"))))
        }
        None => Ok(shards),
    }
}

/// The files of a state dict, given in its order: one file, or shards of at most `max_shard_size` bytes of data and their index.
///
/// `total_parameters` stands in the index; `metadata` in each file.
pub fn files<'a>(tensors: &'a [Tensor<'a>], max_shard_size: u64, total_parameters: u64, metadata: &[(String, String)]) -> Files<'a> {
    let bytes = |tensor: &Tensor<'_>| u64::try_from(tensor.data.len()).unwrap_or(u64::MAX);
    let entries: Vec<StateDictEntry<'_>> =
        tensors.iter().map(|tensor| StateDictEntry { name: &tensor.name, bytes: bytes(tensor), shares: None }).collect();
    let by_name: BTreeMap<&str, &Tensor<'_>> = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let shards = split(&entries, max_shard_size);
    let mut index = ShardIndex {
        total_parameters: Some(total_parameters),
        total_size_bytes: tensors.iter().map(bytes).fold(0, u64::saturating_add),
        ..ShardIndex::default()
    };
    let mut files = Files::new();
    for (number, names) in (1..).zip(&shards) {
        let file = shard_name(SINGLE, number, shards.len());
        index.weight_map.extend(names.iter().map(|name| ((*name).to_owned(), file.clone())));
        files.push((file, pieces(names.iter().filter_map(|name| by_name.get(name).copied()), metadata)));
    }
    if shards.len() > 1 {
        files.push((INDEX.to_owned(), vec![Cow::Owned(index.to_bytes())]));
    }
    files
}

fn read_shard<'a>(source: &'a dyn Source, name: &str) -> Result<Shard<'a>> {
    let path = source.path(name);
    let Some(content) = source.open(name)? else {
        return Err(Error::malformed(Diagnostic::new("shard-missing", Site::file(path), "the index names this file, and it is not there")));
    };
    let (header, _) = Header::read(&path, content.as_ref())?;
    Ok(Shard { name: name.to_owned(), header, content })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::safetensors::Dtype;
    use crate::storage::MemoryDirectory;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn weights_are_read_back_from_any_number_of_shards(
            sizes in prop::collection::btree_map("[a-z][a-z.0-9é]{0,9}", 0_u64..12, 1..9),
            max_shard_size in 1_u64..100,
        ) {
            let tensor = |(name, size): (String, u64)| {
                let data = name.bytes().cycle().take(usize::try_from(4 * size).unwrap()).collect();
                Tensor { name, dtype: Dtype::F32, shape: vec![size], data }
            };
            let tensors: Vec<Tensor<'_>> = sizes.into_iter().map(tensor).collect();
            let files = files(&tensors, max_shard_size, 7, &[("format".to_owned(), "pt".to_owned())]);
            let files = files.into_iter().map(|(name, pieces)| (name, pieces.concat())).collect();
            let directory = MemoryDirectory { name: String::new(), files };
            let shards = read(&directory).unwrap();
            prop_assert_eq!(directory.files.len(), if shards.len() == 1 { 1 } else { shards.len() + 1 });
            let mut found = Vec::new();
            for shard in &shards {
                let bytes: u64 = shard.header.tensors.iter().map(|tensor| tensor.shape[0] * 4).sum();
                prop_assert!(bytes <= max_shard_size || shard.header.tensors.len() == 1);
                for info in &shard.header.tensors {
                    let data = shard.data(info).unwrap().into();
                    found.push(Tensor { name: info.name.clone(), dtype: info.dtype, shape: info.shape.clone(), data });
                }
            }
            found.sort_by(|left, right| left.name.cmp(&right.name));
            prop_assert_eq!(found, tensors);
        }
    }
}

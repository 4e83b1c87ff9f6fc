//! Pickled weights of a model directory: one `pytorch_model.bin`, or shards with `pytorch_model.bin.index.json`.
//!
//! # Source
//! transformers 4.57.6, `modeling_utils.py` (`save_pretrained` with `safe_serialization=False`).

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::shards::index::ShardIndex;
use crate::format::shards::split::{StateDictEntry, shard_name, split};
use crate::format::torch::state_dict::{Mapping, TorchStateDict};
use crate::format::torch::tensor::{Entry, Storage, Tensor};
use crate::storage::commit::Files;
use crate::storage::{Content, Piece, Source};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Name of the file when there is one only.
pub const SINGLE: &str = "pytorch_model.bin";
/// Name of the index when there are several.
pub const INDEX: &str = "pytorch_model.bin.index.json";

/// How many times larger than their file the tensors of a file may be, which views of one storage can make as large as they like.
const MOST_TIMES_THE_FILE: u64 = 4;

/// One pickled file: its tensors, and the data where they lie.
pub struct PickledShard<'a> {
    /// Path of the file as the user knows it.
    pub path: String,
    /// Names and tensors, in the order of the file; tensors that are tied share their storage.
    pub tensors: Vec<(String, Arc<Tensor<'static>>)>,
    content: Box<dyn Content + 'a>,
}

impl PickledShard<'_> {
    /// The bytes of a tensor of this file, row by row.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn data(&self, tensor: &Tensor<'_>) -> Result<Vec<u8>> {
        let storage = &tensor.storage;
        if let Some(range) = tensor.contiguous_range() {
            return storage.data.part(self.content.as_ref(), range);
        }
        let data = storage.data.part(self.content.as_ref(), 0..storage.data.length())?.into();
        let storage = Arc::new(Storage { dtype: storage.dtype, location: storage.location.clone(), data });
        let held = Tensor { storage, shape: tensor.shape.clone(), stride: tensor.stride.clone(), ..*tensor };
        let data = held.row_major_data(limit(self.content.as_ref())).map(Cow::into_owned);
        data.ok_or_else(|| too_large(&self.path))
    }
}

impl fmt::Debug for PickledShard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PickledShard").field("path", &self.path).field("tensors", &self.tensors).finish_non_exhaustive()
    }
}

/// Opens `pytorch_model.bin`, or every shard that its index names, and reads what is not data.
///
/// # Errors
/// Neither file is there, a file is malformed or holds something other than tensors, views take more than
/// four times the bytes of their file, or a tensor is not in the shard that the index names.
pub fn read(source: &dyn Source) -> Result<Vec<PickledShard<'_>>> {
    if source.contains(SINGLE)? {
        return Ok(vec![read_shard(source, SINGLE)?]);
    }
    let path = source.path(INDEX);
    let Some(bytes) = source.read(INDEX)? else {
        let diagnostic = Diagnostic::new("weights-missing", Site::file(source.path("")), "the directory has no weights");
        return Err(Error::malformed(diagnostic.expected(format!("{SINGLE}, or {INDEX}"))));
    };
    let index = ShardIndex::parse(&path, &bytes)?;
    let mut shards = Vec::new();
    for name in index.shards() {
        shards.push((name, read_shard(source, name)?));
    }
    let held: HashSet<(&str, &str)> =
        shards.iter().flat_map(|(name, shard)| shard.tensors.iter().map(|(tensor, _)| (tensor.as_str(), *name))).collect();
    if let Some((tensor, file)) = index.weight_map.iter().find(|(tensor, file)| !held.contains(&(tensor.as_str(), file.as_str()))) {
        let site = Site::file(path).at(Place::Pointer(format!("/weight_map/{tensor}")));
        return Err(Error::malformed(Diagnostic::new("index-tensor", site, format!("{file} does not hold this tensor"))));
    }
    Ok(shards.into_iter().map(|(_, shard)| shard).collect())
}

fn read_shard<'a>(source: &'a dyn Source, name: &str) -> Result<PickledShard<'a>> {
    let path = source.path(name);
    let Some(content) = source.open(name)? else {
        return Err(Error::malformed(Diagnostic::new("shard-missing", Site::file(path), "the index names this file, and it is not there")));
    };
    let mut tensors = Vec::new();
    let mut bytes = 0_u64;
    for (name, entry) in TorchStateDict::read(&path, content.as_ref())?.entries {
        let Entry::Tensor(tensor) = entry else {
            let site = Site::file(path).at(Place::Pointer(format!("/{name}")));
            let diagnostic = Diagnostic::new("torch-state-dict", site, "this is not a tensor");
            return Err(Error::malformed(diagnostic.hint("keep only the tensors of the model in the file")));
        };
        let elements = tensor.shape.iter().fold(1_u64, |product, &size| product.saturating_mul(size));
        bytes = bytes.saturating_add(elements.saturating_mul(tensor.dtype.bytes()));
        tensors.push((name, tensor));
    }
    if bytes > limit(content.as_ref()) {
        return Err(too_large(&path));
    }
    Ok(PickledShard { path, tensors, content })
}

fn limit(content: &dyn Content) -> u64 {
    content.length().saturating_mul(MOST_TIMES_THE_FILE)
}

fn too_large(path: &str) -> Error {
    let diagnostic = Diagnostic::new("torch-tensor", Site::file(path), "the tensors are much larger than their file");
    Error::limit(diagnostic.expected(format!("at most {MOST_TIMES_THE_FILE} times the bytes of the file")))
}

/// A state dict in the files that it is pickled into, ready to be written.
#[derive(Debug)]
pub struct PickledWeights {
    files: Vec<(String, TorchStateDict<'static>)>,
    index: Option<ShardIndex>,
}

impl PickledWeights {
    /// Splits a state dict, given in its order, into one file, or shards of at most `max_shard_size` bytes of data and their index, in which
    /// `total_parameters` stands. Tensors with the same storage are tied and stay together.
    pub fn new(tensors: Vec<(String, Tensor<'static>)>, max_shard_size: u64, total_parameters: u64) -> PickledWeights {
        let mut owners: HashMap<usize, &str> = HashMap::new();
        let mut entries = Vec::new();
        for (name, tensor) in &tensors {
            let address = Arc::as_ptr(&tensor.storage).addr();
            entries.push(StateDictEntry { name, bytes: tensor.storage.data.length(), shares: owners.get(&address).copied() });
            owners.entry(address).or_insert(name);
        }
        let owned = entries.iter().filter(|entry| entry.shares.is_none());
        let total_size_bytes = owned.map(|entry| entry.bytes).fold(0, u64::saturating_add);
        let by_name: HashMap<&str, &Tensor<'static>> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let shards = split(&entries, max_shard_size);
        let mut index = ShardIndex { total_parameters: Some(total_parameters), total_size_bytes, ..ShardIndex::default() };
        let mut files = Vec::new();
        for (number, names) in (1..).zip(&shards) {
            let file = shard_name(SINGLE, number, shards.len());
            index.weight_map.extend(names.iter().map(|name| ((*name).to_owned(), file.clone())));
            let entry = |name: &&str| Some(((*name).to_owned(), Entry::from((*by_name.get(name)?).clone())));
            let stem = file.trim_end_matches(".bin").to_owned();
            let dict = TorchStateDict { stem, entries: names.iter().filter_map(entry).collect(), mapping: Mapping::Dict };
            files.push((file, dict));
        }
        PickledWeights { index: (files.len() > 1).then_some(index), files }
    }

    /// The files in the order in which they are to be written. No tensor is copied.
    pub fn files(&self) -> Files<'_> {
        let mut files = Files::new();
        for (name, dict) in &self.files {
            files.push((name.clone(), dict.pieces().into_iter().filter_map(Piece::written).collect()));
        }
        files.extend(self.index.iter().map(|index| (INDEX.to_owned(), vec![Cow::Owned(index.to_bytes())])));
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dtype::Dtype;
    use crate::storage::MemoryDirectory;
    use proptest::prelude::*;

    fn directory(weights: &PickledWeights) -> MemoryDirectory {
        let files = weights.files().into_iter().map(|(name, pieces)| (name, pieces.concat())).collect();
        MemoryDirectory { name: "d".to_owned(), files }
    }

    fn file(entries: Vec<(String, Entry<'_>)>) -> MemoryDirectory {
        let bytes = TorchStateDict { stem: "pytorch_model".to_owned(), entries, mapping: Mapping::Dict }.to_bytes();
        MemoryDirectory { name: "d".to_owned(), files: [(SINGLE.to_owned(), bytes)].into() }
    }

    fn code(source: &MemoryDirectory) -> &'static str {
        read(source).map_or_else(|error| error.diagnostic().code, |_| "read")
    }

    fn view(elements: usize, shape: &[u64], stride: &[u64]) -> Entry<'static> {
        let data: Vec<u8> = (0..4 * elements).map(|byte| byte as u8).collect();
        let storage = Arc::new(Storage { dtype: Some(Dtype::F32), location: "cuda:0".to_owned(), data: data.into() });
        Tensor { storage, dtype: Dtype::F32, offset: 0, shape: shape.to_vec(), stride: stride.to_vec(), requires_grad: false }.into()
    }

    #[test]
    fn views_are_gathered_up_to_a_limit() {
        let source = file(vec![("transposed".to_owned(), view(6, &[2, 3], &[1, 2]))]);
        let shards = read(&source).unwrap();
        let (_, tensor) = &shards[0].tensors[0];
        let firsts: Vec<u8> = shards[0].data(tensor).unwrap().into_iter().step_by(4).collect();
        assert_eq!(firsts, [0, 8, 16, 4, 12, 20]);
        assert_eq!(code(&file(vec![("repeated".to_owned(), view(1, &[1 << 40], &[0]))])), "torch-tensor");
        let many = (0..100).map(|number| (number.to_string(), view(1, &[1000], &[0]))).collect();
        assert_eq!(code(&file(many)), "torch-tensor");
    }

    #[test]
    fn what_must_fail_fails() {
        assert_eq!(code(&MemoryDirectory::default()), "weights-missing");
        assert_eq!(code(&file(vec![("step".to_owned(), Entry::Value(1_u64.into()))])), "torch-state-dict");
        let tensor = |name: &str| (name.to_owned(), Tensor::contiguous(Dtype::F32, vec![2], vec![0; 8]));
        let whole = directory(&PickledWeights::new(vec![tensor("a"), tensor("b")], 8, 4));
        assert_eq!(code(&whole), "read");
        let mut one_less = whole.clone();
        one_less.files.remove("pytorch_model-00002-of-00002.bin");
        assert_eq!(code(&one_less), "shard-missing");
        let mut swapped = whole.clone();
        swapped.files.insert("pytorch_model-00002-of-00002.bin".to_owned(), whole.files["pytorch_model-00001-of-00002.bin"].clone());
        assert_eq!(code(&swapped), "index-tensor");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn weights_are_read_back_from_any_number_of_shards(
            sizes in prop::collection::btree_map("[a-z][a-z.0-9é]{0,9}", (0_u64..12, any::<bool>()), 1..9),
            max_shard_size in 1_u64..100,
        ) {
            let mut tensors: Vec<(String, Tensor<'static>)> = Vec::new();
            for (name, (size, is_tied)) in sizes {
                let data: Vec<u8> = name.bytes().cycle().take(usize::try_from(4 * size).unwrap()).collect();
                let tied = tensors.first().filter(|_| is_tied).map(|(_, first)| first.clone());
                tensors.push((name, tied.unwrap_or_else(|| Tensor::contiguous(Dtype::F32, vec![size], data))));
            }
            let directory = directory(&PickledWeights::new(tensors.clone(), max_shard_size, 7));
            let shards = read(&directory).unwrap();
            prop_assert_eq!(directory.files.len(), if shards.len() == 1 { 1 } else { shards.len() + 1 });
            let mut found: Vec<(String, Vec<u8>)> = Vec::new();
            for shard in &shards {
                let ties = shard.tensors.iter().filter(|(_, tensor)| Arc::ptr_eq(&tensor.storage, &shard.tensors[0].1.storage));
                prop_assert!(ties.count() == 1 || shard.tensors[0].0 == tensors[0].0);
                for (name, tensor) in &shard.tensors {
                    found.push((name.clone(), shard.data(tensor).unwrap()));
                }
            }
            found.sort();
            let expected: Vec<(String, Vec<u8>)> =
                tensors.iter().map(|(name, tensor)| (name.clone(), tensor.storage.data.held().unwrap().to_vec())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}

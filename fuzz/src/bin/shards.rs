//! An index and the shards that it names: what is read has each tensor once, and is split and read again with the same tensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::release::files::Holds;
use rtrain::format::safetensors::Tensor;
use rtrain::format::shards;
use rtrain::storage::{MemoryDirectory, Source};
use rtrain_fuzz::{assert_survives, bounded, directory};
use std::collections::BTreeMap;

const LARGEST_SHARD_BYTES: u64 = 64;

fn tensors(source: &dyn Source) -> Option<Vec<Tensor<'static>>> {
    let mut tensors = Vec::new();
    for shard in shards::read(source).ok()? {
        for info in &shard.header.tensors {
            let data = shard.data(info).expect("memory is read").into();
            tensors.push(Tensor { name: info.name.clone(), dtype: info.dtype, shape: info.shape.clone(), data });
        }
    }
    Some(tensors)
}

fn by_name<'a>(tensors: &'a [Tensor<'a>]) -> BTreeMap<&'a str, &'a Tensor<'a>> {
    tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect()
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    if let Some(index) = source.files.get(shards::INDEX) {
        assert_survives(Holds::ShardIndex, index);
    }
    let Some(read) = tensors(&source) else { return };
    if by_name(&read).len() < read.len() || read.is_empty() {
        return;
    }
    let files = shards::files(&read, LARGEST_SHARD_BYTES, 1, &[("format".to_owned(), "pt".to_owned())]);
    let files = files.into_iter().map(|(name, pieces)| (name, pieces.concat())).collect();
    let again = tensors(&MemoryDirectory { files, ..MemoryDirectory::default() }).expect("what was written is read");
    assert_eq!(by_name(&again), by_name(&read));
}));

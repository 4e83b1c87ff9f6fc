//! `pytorch_model.bin` and its shards: the tensors of a model by name, as `torch.save` stores a state dict.
//!
//! # Source
//! torch 2.15.0, `torch/nn/modules/module.py` (`state_dict`); transformers 4.57.6, `modeling_utils.py` (`save_pretrained` with
//! `safe_serialization=False`).

use std::sync::Arc;

use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::{Construction, Object, Value};
use crate::format::torch::tensor::{Entry, ORDERED_DICT, TensorWriter};
use crate::storage::{Content, Piece};

/// The tensors of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct TorchStateDict<'a> {
    /// Name of the file without its extension, such as `pytorch_model`.
    pub stem: String,
    /// Names and tensors, in the order of the file; tensors that are tied share their storage.
    pub entries: Vec<(String, Entry<'a>)>,
    /// How the names are kept.
    pub mapping: Mapping,
}

/// The kinds of mappings that hold a state dict.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapping {
    /// A `dict`, as transformers makes it for each shard.
    Dict,
    /// An `OrderedDict`.
    Ordered,
    /// The `OrderedDict` of `Module.state_dict()`, which also tells the version of each module.
    Module(ModuleMetadata),
}

/// Names of modules, each with entries such as `version`.
pub type ModuleMetadata = Vec<(String, Vec<(String, Value)>)>;

const METADATA: &str = "_metadata";

impl TorchStateDict<'static> {
    /// As [`TorchStateDict::parse`], and leaves all but small tensors in the file.
    ///
    /// # Errors
    /// Those of [`TorchStateDict::parse`], or the file cannot be read.
    pub fn read(path: &str, content: &dyn Content) -> Result<Self> {
        Self::of(TorchFile::read(path, content, TorchKind::StateDict)?)
    }
}

impl<'a> TorchStateDict<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic for whatever is not a state dict of tensors.
    pub fn parse(path: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::of(TorchFile::parse(path, bytes, TorchKind::StateDict)?)
    }

    fn of(mut file: TorchFile<'a>) -> Result<Self> {
        let value = file.value.clone();
        let (entries, mapping) = match &value {
            Value::Dict(entries) => (entries.as_slice(), Mapping::Dict),
            Value::Object(object) if is_ordered_dict(object) => {
                let mapping = match &object.state {
                    None => Mapping::Ordered,
                    Some(state) => Mapping::Module(read_metadata(&file, state)?),
                };
                (object.entries.as_slice(), mapping)
            }
            _ => return Err(file.unexpected("", "a dict of tensors", &value)),
        };
        let fields = file.named("", entries)?;
        let entries = fields.into_iter().map(|(name, value)| Ok((name.to_owned(), file.entry(&format!("/{name}"), value)?)));
        let entries = entries.collect::<Result<_>>()?;
        Ok(TorchStateDict { stem: file.stem, entries, mapping })
    }

    /// The whole file, of a state that is in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces().into_iter().filter_map(Piece::written).collect::<Vec<_>>().concat()
    }

    /// The pieces of the file one after another; the tensors' own bytes are not copied.
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let mut tensors = TensorWriter::default();
        let entries: Vec<(Value, Value)> = self.entries.iter().map(|(name, entry)| (name.as_str().into(), tensors.entry(entry))).collect();
        let value = match &self.mapping {
            Mapping::Dict => Value::Dict(Arc::new(entries)),
            Mapping::Ordered => ordered_dict(entries, None),
            Mapping::Module(metadata) => {
                let fields =
                    |fields: &[(String, Value)]| fields.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect();
                let modules = metadata.iter().map(|(module, entries)| (module.as_str().into(), Value::Dict(Arc::new(fields(entries)))));
                ordered_dict(entries, Some(Value::dict([(METADATA, ordered_dict(modules.collect(), None))])))
            }
        };
        tensors.archive(&self.stem, &value).into_pieces()
    }
}

fn ordered_dict(entries: Vec<(Value, Value)>, state: Option<Value>) -> Value {
    Value::Object(Arc::new(Object { entries, state, ..Object::new(Construction::Call, ORDERED_DICT, []) }))
}

fn is_ordered_dict(object: &Object) -> bool {
    object.class == ORDERED_DICT && object.construction == Construction::Call && object.arguments.is_empty() && object.items.is_empty()
}

fn read_metadata(file: &TorchFile<'_>, state: &Value) -> Result<ModuleMetadata> {
    let pointer = format!("/{METADATA}");
    let [metadata] = file.exact_fields(&pointer, state, [METADATA])?;
    let Some(modules) = metadata.as_object().filter(|object| is_ordered_dict(object) && object.state.is_none()) else {
        return Err(file.unexpected(&pointer, "an OrderedDict", metadata));
    };
    let module = |(name, value): (&str, &Value)| {
        let pointer = format!("{pointer}/{name}");
        let fields = file.fields(&pointer, value)?.into_iter();
        let fields = fields.map(|(name, value)| Ok((name.to_owned(), file.plain(&pointer, value)?))).collect::<Result<_>>()?;
        Ok((name.to_owned(), fields))
    };
    file.named(&pointer, &modules.entries)?.into_iter().map(module).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::safetensors::{Dtype, to_f32};
    use crate::format::torch::golden;
    use crate::format::torch::tensor::{Storage, Tensor};
    use proptest::prelude::*;

    #[test]
    fn files_of_torch_survive() {
        let files = golden::files(|path| path.contains("state_dicts"));
        assert_eq!(files.len(), 12);
        for (path, bytes) in files {
            let state = TorchStateDict::parse(&path, &bytes).unwrap();
            assert!(state.to_bytes() == bytes, "{path}");
        }
    }

    fn tensor<'s>(state: &'s TorchStateDict<'_>, name: &str) -> &'s Arc<Tensor<'s>> {
        match &state.entries.iter().find(|(known, _)| known == name).unwrap().1 {
            Entry::Tensor(tensor) => tensor,
            Entry::Value(value) => panic!("{value:?}"),
        }
    }

    #[test]
    fn views_and_ties_are_kept() {
        let bytes = &golden::files(|path| path == "5.23.0/state_dicts/views.bin")[0].1;
        let state = TorchStateDict::parse("views.bin", bytes).unwrap();
        let whole = tensor(&state, "whole");
        let part = tensor(&state, "part");
        assert!(Arc::ptr_eq(whole, tensor(&state, "again")) && Arc::ptr_eq(&whole.storage, &part.storage));
        assert_eq!((part.offset, part.shape.as_slice(), part.stride.as_slice()), (7, &[3, 2][..], &[4, 1][..]));
        assert!(whole.contiguous_data().is_some() && part.contiguous_data().is_none());
        assert_eq!((tensor(&state, "uint32").dtype, tensor(&state, "uint32").storage.dtype), (Dtype::U32, None));
        assert_eq!(tensor(&state, "expanded").stride, [0, 1]);
        assert_eq!(tensor(&state, "bfloat16").dtype, Dtype::Bf16);
        let numbers = |name: &str| to_f32(Dtype::F32, &tensor(&state, name).row_major_data(96).unwrap()).unwrap();
        assert_eq!(numbers("part"), [7.0, 8.0, 11.0, 12.0, 15.0, 16.0]);
        assert_eq!(numbers("transposed")[..5], [0.0, 6.0, 12.0, 18.0, 1.0]);
        assert_eq!(numbers("expanded"), [1.0; 6]);
        assert_eq!(tensor(&state, "expanded").row_major_data(23), None);
        assert_eq!(tensor(&state, "empty").row_major_data(0), Some(std::borrow::Cow::Borrowed(&[][..])));
        let first: *const u8 = whole.storage.data.held().unwrap().as_ptr();
        assert!(bytes.as_ptr_range().contains(&first), "the data are not copied");

        let bytes = &golden::files(|path| path == "5.23.0/state_dicts/tied.bin")[0].1;
        let state = TorchStateDict::parse("tied.bin", bytes).unwrap();
        let (input, output) = (tensor(&state, "bert.embeddings.word_embeddings.weight"), tensor(&state, "cls.predictions.decoder.weight"));
        assert!(!Arc::ptr_eq(input, output) && Arc::ptr_eq(&input.storage, &output.storage));
        assert!(matches!(&state.mapping, Mapping::Module(modules) if modules[0].0.is_empty() && modules.len() > 10));
    }

    #[test]
    fn tensors_beyond_their_storage_are_refused() {
        let storage = Arc::new(Storage { dtype: Some(Dtype::F32), location: "cpu".to_owned(), data: vec![0; 24].into() });
        let written = |offset, shape: &[u64], stride: &[u64]| {
            let (storage, shape, stride) = (Arc::clone(&storage), shape.to_vec(), stride.to_vec());
            let entry = Tensor { storage, dtype: Dtype::F32, offset, shape, stride, requires_grad: false }.into();
            TorchStateDict { stem: "a".to_owned(), entries: vec![("t".to_owned(), entry)], mapping: Mapping::Dict }.to_bytes()
        };
        let code = |bytes: &[u8]| TorchStateDict::parse("a.bin", bytes).map_or_else(|error| error.diagnostic().code, |_| "read");
        assert_eq!(code(&written(0, &[2, 3], &[3, 1])), "read");
        assert_eq!(code(&written(0, &[2, 3], &[1, 2])), "read");
        assert_eq!(code(&written(1, &[2, 3], &[3, 1])), "torch-tensor");
        assert_eq!(code(&written(0, &[7], &[1])), "torch-tensor");
        assert_eq!(code(&written(0, &[2], &[u64::MAX])), "torch-tensor");
        assert_eq!(code(&written(0, &[u64::MAX, u64::MAX], &[1, 1])), "torch-tensor");
        assert_eq!(code(&written(u64::MAX, &[1], &[1])), "torch-tensor");
        assert_eq!(code(&written(0, &[1 << 62], &[0])), "read");
        assert_eq!(code(&written(0, &[2], &[1, 1])), "torch-tensor");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn state_dicts_survive(
            tensors in prop::collection::btree_map("[a-z.0-9é]{1,12}", (0_usize..3, 0_u64..4, 0_u64..4, any::<bool>()), 0..8),
            kind in 0..3,
        ) {
            let data = |length: u8, dtype| Arc::new(Storage { dtype, location: "cpu".to_owned(), data: vec![length; 50].into() });
            let storages = [data(1, Some(Dtype::F16)), data(2, Some(Dtype::Bool)), data(3, None)];
            let entries = tensors.into_iter().map(|(name, (storage, offset, size, requires_grad))| {
                let storage = Arc::clone(&storages[storage]);
                let dtype = storage.dtype.unwrap_or(Dtype::U32);
                (name, Tensor { storage, dtype, offset, shape: vec![size, 2], stride: vec![1, size], requires_grad }.into())
            });
            let version = vec![("version".to_owned(), 1_u64.into())];
            let mapping = match kind {
                0 => Mapping::Dict,
                1 => Mapping::Ordered,
                _ => Mapping::Module(vec![(String::new(), version.clone()), ("bert".to_owned(), version)]),
            };
            let state = TorchStateDict { stem: "pytorch_model".to_owned(), entries: entries.collect(), mapping };
            let bytes = state.to_bytes();
            let read = TorchStateDict::parse("f", &bytes).unwrap();
            prop_assert_eq!(&read, &state);
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

//! Tensors as `torch.save` stores them: a storage, and how a tensor lies in it.
//!
//! # Source
//! torch 2.15.0, `torch/_utils.py` (`_rebuild_tensor_v2`), `torch/_tensor.py` (`_reduce_ex_internal`), `torch/serialization.py` (`_save`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::format::safetensors::Dtype;
use crate::format::torch::archive::{Archive, Data};
use crate::format::torch::pickle::Value;

/// Memory that one or more tensors share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage<'a> {
    /// Element type; `None` where torch has no class of storages for it: unsigned whole numbers of 16 to 64 bits.
    pub dtype: Option<Dtype>,
    /// The device it was on, such as `cpu` or `cuda:0`.
    pub location: String,
    /// The elements, little-endian.
    pub data: Data<'a>,
}

/// A tensor: which elements of a storage, in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Where the elements are; tensors with the same storage are views of the same memory.
    pub storage: Arc<Storage<'a>>,
    /// Element type: that of the storage, if it has one.
    pub dtype: Dtype,
    /// The first element.
    pub offset: u64,
    /// Shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// Elements of the storage from one index to the next, for each dimension.
    pub stride: Vec<u64>,
    /// Whether it is a tensor that is trained.
    pub requires_grad: bool,
}

/// What a name stands for in a state: a tensor, or something else.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// A tensor; with the same tensor under two names, both are one object.
    Tensor(Arc<Tensor<'a>>),
    /// Another value, without tensors in it.
    Value(Value),
}

impl<'a> From<Tensor<'a>> for Entry<'a> {
    fn from(tensor: Tensor<'a>) -> Self {
        Entry::Tensor(Arc::new(tensor))
    }
}

/// What torch names: classes of storages, in the order of [`STORAGE_DTYPES`], and element types, in the order of [`DTYPES`].
const TORCH: &[&str] = &[
    "FloatStorage",
    "DoubleStorage",
    "HalfStorage",
    "BFloat16Storage",
    "LongStorage",
    "IntStorage",
    "ShortStorage",
    "CharStorage",
    "ByteStorage",
    "BoolStorage",
    "uint16",
    "uint32",
    "uint64",
];
const STORAGE_DTYPES: [Dtype; 10] =
    [Dtype::F32, Dtype::F64, Dtype::F16, Dtype::Bf16, Dtype::I64, Dtype::I32, Dtype::I16, Dtype::I8, Dtype::U8, Dtype::Bool];
const DTYPES: [Dtype; 3] = [Dtype::U16, Dtype::U32, Dtype::U64];

/// What makes a tensor of a storage with an element type.
pub(super) const REBUILD: (&str, &str) = ("torch._utils", "_rebuild_tensor_v2");
/// What makes a tensor of a storage without one.
pub(super) const REBUILD_UNTYPED: (&str, &str) = ("torch._utils", "_rebuild_tensor_v3");
pub(super) const ORDERED_DICT: (&str, &str) = ("collections", "OrderedDict");
const UNTYPED_STORAGE: (&str, &str) = ("torch.storage", "UntypedStorage");

/// What a file with tensors may name.
pub(super) const TENSOR_CLASSES: [(&str, &[&str]); 4] = [
    (REBUILD.0, &[REBUILD.1, REBUILD_UNTYPED.1]),
    ("torch", TORCH),
    (UNTYPED_STORAGE.0, &[UNTYPED_STORAGE.1]),
    (ORDERED_DICT.0, &[ORDERED_DICT.1]),
];

/// The element type that a class of storages has; `None` if there is no such class.
pub(super) fn storage_dtype(class: (&str, &str)) -> Option<Option<Dtype>> {
    if class == UNTYPED_STORAGE {
        return Some(None);
    }
    let mut classes = TORCH.iter().zip(STORAGE_DTYPES);
    classes.find(|(name, _)| class == ("torch", **name)).map(|(_, dtype)| Some(dtype))
}

fn storage_class(dtype: Option<Dtype>) -> Value {
    let class = TORCH.iter().zip(STORAGE_DTYPES).find(|(_, known)| Some(*known) == dtype);
    class.map_or(Value::Global(UNTYPED_STORAGE.0, UNTYPED_STORAGE.1), |(name, _)| Value::Global("torch", name))
}

/// The element type that torch names by itself, for tensors whose storages have none.
pub(super) fn untyped_dtype(value: &Value) -> Option<Dtype> {
    let Value::Global("torch", name) = value else { return None };
    untyped_names().find(|(known, _)| known == name).map(|(_, dtype)| dtype)
}

fn untyped_names() -> impl Iterator<Item = (&'static str, Dtype)> {
    TORCH.iter().skip(STORAGE_DTYPES.len()).copied().zip(DTYPES)
}

/// Whether tensors of an element type are pickled as this module does it, which torch does not do with the newer types.
pub fn is_pickled(dtype: Dtype) -> bool {
    STORAGE_DTYPES.contains(&dtype) || DTYPES.contains(&dtype)
}

impl<'a> Tensor<'a> {
    /// A tensor on the CPU that lies row by row in a storage of its own.
    pub fn contiguous(dtype: Dtype, shape: Vec<u64>, data: impl Into<Cow<'a, [u8]>>) -> Self {
        let typed = STORAGE_DTYPES.contains(&dtype).then_some(dtype);
        let storage = Arc::new(Storage { dtype: typed, location: "cpu".to_owned(), data: Data::Held(data.into()) });
        let stride = contiguous_stride(&shape);
        Tensor { storage, dtype, offset: 0, shape, stride, requires_grad: false }
    }

    /// The bytes of the elements, if they are in memory and lie row by row without gaps.
    pub fn contiguous_data(&self) -> Option<&[u8]> {
        let range = self.contiguous_range()?;
        let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        self.storage.data.held()?.get(start..end)
    }

    /// Where in the storage the elements are, if they lie row by row without gaps.
    pub fn contiguous_range(&self) -> Option<Range<u64>> {
        let elements = self.shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size))?;
        let steps = self.shape.iter().zip(&self.stride).zip(contiguous_stride(&self.shape));
        let in_order = elements == 0 || steps.into_iter().all(|((&size, &stride), expected)| size == 1 || stride == expected);
        let width = self.dtype.bytes();
        let start = self.offset.checked_mul(width)?;
        let end = start.checked_add(elements.checked_mul(width)?)?;
        (in_order && end <= self.storage.data.length()).then_some(start..end)
    }

    /// The bytes of the elements row by row, gathered if they do not lie so.
    ///
    /// `None` if they are more than `max_bytes`, which a tensor with steps of zero can be whatever the size of its file, or if the tensor
    /// reaches beyond its storage or is not in memory.
    pub fn row_major_data(&self, max_bytes: u64) -> Option<Cow<'_, [u8]>> {
        if let Some(data) = self.contiguous_data() {
            return Some(Cow::Borrowed(data));
        }
        let elements = self.shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size))?;
        let width = self.dtype.bytes();
        let bytes = elements.checked_mul(width).filter(|&bytes| bytes <= max_bytes)?;
        let mut data = Vec::with_capacity(usize::try_from(bytes).ok()?);
        for element in 0..elements {
            let (mut rest, mut position) = (element, self.offset);
            for (size, stride) in self.shape.iter().zip(&self.stride).rev() {
                position = position.checked_add(rest.checked_rem(*size)?.checked_mul(*stride)?)?;
                rest = rest.checked_div(*size)?;
            }
            let start = usize::try_from(position.checked_mul(width)?).ok()?;
            data.extend(self.storage.data.held()?.get(start..start.checked_add(usize::try_from(width).ok()?)?)?);
        }
        Some(Cow::Owned(data))
    }

    /// Elements that the storage must have for this tensor; `None` beyond 64 bits.
    pub fn elements_needed(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(self.offset);
        }
        let mut last = self.offset;
        for (size, stride) in self.shape.iter().zip(&self.stride) {
            last = last.checked_add(size.checked_sub(1)?.checked_mul(*stride)?)?;
        }
        last.checked_add(1)
    }
}

/// The steps of a tensor that lies row by row; a dimension without elements counts as one, as in torch.
fn contiguous_stride(shape: &[u64]) -> Vec<u64> {
    let mut step = 1_u64;
    let mut stride: Vec<u64> = shape
        .iter()
        .rev()
        .map(|&size| {
            let current = step;
            step = step.saturating_mul(size.max(1));
            current
        })
        .collect();
    stride.reverse();
    stride
}

/// Tensors as pickled objects; their storages, in the order in which they are met.
#[derive(Default)]
pub(super) struct TensorWriter<'t> {
    storages: Vec<&'t Storage<'t>>,
    numbers: HashMap<usize, usize>,
    tensors: HashMap<usize, Value>,
}

impl<'t> TensorWriter<'t> {
    /// The object for a tensor; for the same tensor again the same object.
    pub(super) fn value(&mut self, tensor: &'t Arc<Tensor<'_>>) -> Value {
        let address = Arc::as_ptr(tensor).addr();
        if let Some(value) = self.tensors.get(&address) {
            return value.clone();
        }
        let numbers = |numbers: &[u64]| Value::tuple(numbers.iter().map(|&number| number.into()));
        let arguments = [
            self.storage(&tensor.storage),
            tensor.offset.into(),
            numbers(&tensor.shape),
            numbers(&tensor.stride),
            tensor.requires_grad.into(),
            Value::call(ORDERED_DICT, []),
        ];
        let untyped = untyped_names().find(|(_, dtype)| *dtype == tensor.dtype && tensor.storage.dtype.is_none());
        let value = match untyped {
            Some((name, _)) => Value::call(REBUILD_UNTYPED, arguments.into_iter().chain([Value::Global("torch", name)])),
            None => Value::call(REBUILD, arguments),
        };
        self.tensors.insert(address, value.clone());
        value
    }

    /// The object for an entry.
    pub(super) fn entry(&mut self, entry: &'t Entry<'_>) -> Value {
        match entry {
            Entry::Tensor(tensor) => self.value(tensor),
            Entry::Value(value) => value.clone(),
        }
    }

    fn storage(&mut self, storage: &'t Arc<Storage<'_>>) -> Value {
        let next = self.storages.len();
        let number = *self.numbers.entry(Arc::as_ptr(storage).addr()).or_insert(next);
        if number == next {
            self.storages.push(storage);
        }
        let elements = storage.data.length().checked_div(storage.dtype.map_or(1, Dtype::bytes)).unwrap_or(0);
        let key = number.to_string();
        let parts =
            ["storage".into(), storage_class(storage.dtype), key.as_str().into(), storage.location.as_str().into(), elements.into()];
        Value::Persistent(Arc::new(Value::tuple(parts)))
    }

    /// The file with this object and the storages of its tensors.
    pub(super) fn archive(self, stem: &'t str, value: &Value) -> Archive<'t> {
        let storages = self.storages.into_iter().map(|storage| storage.data.borrowed()).collect();
        Archive { stem: stem.into(), pickle: crate::format::torch::pickle::write(value).into(), storages }
    }
}

//! What the files of `torch.save` have in common: an object, and storages that its tensors lie in.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::safetensors::Dtype;
use crate::format::torch::archive::{Archive, Data};
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::{Limits, Source, Value, read};
use crate::format::torch::tensor::{Entry, ORDERED_DICT, REBUILD, REBUILD_UNTYPED, Storage, Tensor, storage_dtype, untyped_dtype};
use crate::storage::Content;

/// An archive whose pickle has been read and whose storages are all accounted for.
pub(super) struct TorchFile<'a> {
    path: String,
    kind: TorchKind,
    pub(super) stem: String,
    pub(super) value: Value,
    storages: Vec<Arc<Storage<'a>>>,
    tensors: HashMap<usize, Arc<Tensor<'a>>>,
}

impl TorchFile<'static> {
    /// As [`TorchFile::parse`], and leaves all but small storages in the file.
    ///
    /// # Errors
    /// Those of [`TorchFile::parse`], or the file cannot be read.
    pub(super) fn read(path: &str, content: &dyn Content, kind: TorchKind) -> Result<Self> {
        TorchFile::of(path, Archive::read(path, content)?, content.length(), kind)
    }
}

impl<'a> TorchFile<'a> {
    /// Reads a file of a kind, which says what the file may name.
    ///
    /// # Errors
    /// Violations of the container, of the pickle, and storages that are missing, superfluous, out of order or of another size.
    pub(super) fn parse(path: &str, bytes: &'a [u8], kind: TorchKind) -> Result<Self> {
        TorchFile::of(path, Archive::parse(path, bytes)?, u64::try_from(bytes.len()).unwrap_or(u64::MAX), kind)
    }

    fn of(path: &str, archive: Archive<'a>, file_bytes: u64, kind: TorchKind) -> Result<Self> {
        let source = Source { file: path, offset: archive.pickle_offset() };
        let limits = Limits::for_file(file_bytes);
        let pickle = read(source, &archive.pickle, kind.classes(), &limits)?;
        let stem = archive.stem.into_owned();
        let (storages, tensors) = (Vec::new(), HashMap::new());
        let mut file = TorchFile { path: path.to_owned(), kind, stem, value: pickle.value, storages, tensors };
        for identifier in &pickle.persistent {
            file.storage(identifier, &archive.storages)?;
        }
        if file.storages.len() != archive.storages.len() {
            let diagnostic = file.storage_diagnostic("the file holds storages that no tensor refers to");
            return Err(Error::malformed(diagnostic.expected(file.storages.len()).found(archive.storages.len())));
        }
        Ok(file)
    }

    /// Adds the storage that an identifier of a pickle names, unless it is known.
    fn storage(&mut self, identifier: &Value, data: &[Data<'a>]) -> Result<()> {
        let Some((dtype, key, location, elements)) = storage_identifier(identifier) else {
            return Err(Error::malformed(self.storage_diagnostic("the pickle refers to something that is not a storage")));
        };
        let number = key.parse::<usize>().ok().filter(|number| number.to_string() == key && *number <= self.storages.len());
        let Some((number, data)) = number.and_then(|number| Some((number, data.get(number)?))) else {
            let diagnostic = self.storage_diagnostic("a storage is missing, or storages are out of order");
            return Err(Error::malformed(diagnostic.expected(format!("data/{}", self.storages.len())).found(format!("data/{key}"))));
        };
        if Some(data.length()) != elements.checked_mul(dtype.map_or(1, Dtype::bytes)) {
            let diagnostic = self.storage_diagnostic(&format!("the storage data/{key} is not as large as the pickle says"));
            let expected = format!("{elements} elements of {}", dtype.map_or("a byte", Dtype::name));
            return Err(Error::malformed(diagnostic.expected(expected).found(format!("{} bytes", data.length()))));
        }
        if let Some(known) = self.storages.get(number) {
            if known.dtype != dtype || known.location != location {
                let message = format!("the storage data/{key} has two element types or devices");
                return Err(Error::malformed(self.storage_diagnostic(&message)));
            }
            return Ok(());
        }
        if !is_device(location) {
            let diagnostic = self.storage_diagnostic(&format!("the storage data/{key} lies on a device that has no memory to save"));
            return Err(Error::malformed(diagnostic.expected("cpu, or a device such as cuda:0").found(format!("{location:?}"))));
        }
        self.storages.push(Arc::new(Storage { dtype, location: location.to_owned(), data: data.clone() }));
        Ok(())
    }

    /// The tensor that an object of the pickle is; `None` if it is something else.
    ///
    /// # Errors
    /// A tensor whose parts are not as torch writes them, or that reaches beyond its storage.
    pub(super) fn tensor(&mut self, pointer: &str, value: &Value) -> Result<Option<Arc<Tensor<'a>>>> {
        let Value::Object(object) = value else { return Ok(None) };
        if object.class != REBUILD && object.class != REBUILD_UNTYPED {
            return Ok(None);
        }
        let address = Arc::as_ptr(object).addr();
        if let Some(tensor) = self.tensors.get(&address) {
            return Ok(Some(Arc::clone(tensor)));
        }
        let Some(tensor) = value.called(object.class).and_then(|arguments| self.rebuild(object.class, arguments)) else {
            return Err(self.error("torch-tensor", pointer, "a tensor is not described as torch describes it"));
        };
        let bytes = tensor.elements_needed().and_then(|elements| elements.checked_mul(tensor.dtype.bytes()));
        let length = tensor.storage.data.length();
        if bytes.is_none_or(|bytes| bytes > length) {
            let diagnostic = self.diagnostic("torch-tensor", pointer, "a tensor reaches beyond its storage");
            let (shape, stride, offset) = (&tensor.shape, &tensor.stride, tensor.offset);
            let found = format!("offset {offset}, shape {shape:?}, steps {stride:?} of {}", tensor.dtype.name());
            return Err(Error::malformed(diagnostic.expected(format!("at most {length} bytes")).found(found)));
        }
        let tensor = Arc::new(tensor);
        self.tensors.insert(address, Arc::clone(&tensor));
        Ok(Some(tensor))
    }

    fn rebuild(&self, class: (&str, &str), arguments: &[Value]) -> Option<Tensor<'a>> {
        let [Value::Persistent(identifier), offset, shape, stride, requires_grad, hooks, dtype @ ..] = arguments else { return None };
        let (_, key, ..) = storage_identifier(identifier)?;
        let storage = Arc::clone(self.storages.get(key.parse::<usize>().ok()?)?);
        let dtype = match (class, dtype, storage.dtype) {
            (REBUILD, [], Some(dtype)) => dtype,
            (REBUILD_UNTYPED, [dtype], None) => untyped_dtype(dtype)?,
            _ => return None,
        };
        let numbers = |value: &Value| value.as_tuple()?.iter().map(Value::as_integer::<u64>).collect::<Option<Vec<u64>>>();
        let (shape, stride) = (numbers(shape)?, numbers(stride)?);
        let sound = hooks.called(ORDERED_DICT)?.is_empty() && shape.len() == stride.len();
        sound.then_some(())?;
        Some(Tensor { storage, dtype, offset: offset.as_integer()?, shape, stride, requires_grad: requires_grad.as_bool()? })
    }

    /// What a name stands for.
    pub(super) fn entry(&mut self, pointer: &str, value: &Value) -> Result<Entry<'a>> {
        match self.tensor(pointer, value)? {
            Some(tensor) => Ok(Entry::Tensor(tensor)),
            None => Ok(Entry::Value(self.plain(pointer, value)?)),
        }
    }

    /// The entries of a dict whose keys are texts.
    pub(super) fn fields<'v>(&self, pointer: &str, value: &'v Value) -> Result<Vec<(&'v str, &'v Value)>> {
        let entries = value.as_dict().ok_or_else(|| self.unexpected(pointer, "a dict", value))?;
        self.named(pointer, entries)
    }

    /// Entries whose keys are texts.
    pub(super) fn named<'v>(&self, pointer: &str, entries: &'v [(Value, Value)]) -> Result<Vec<(&'v str, &'v Value)>> {
        let named = |(key, value): &'v (Value, Value)| {
            key.as_str().map(|key| (key, value)).ok_or_else(|| self.unexpected(pointer, "a text as key", key))
        };
        entries.iter().map(named).collect()
    }

    /// The entries of a dict that has exactly these keys in this order.
    pub(super) fn exact_fields<'v, const N: usize>(&self, pointer: &str, value: &'v Value, keys: [&str; N]) -> Result<[&'v Value; N]> {
        let (names, values): (Vec<&str>, Vec<&Value>) = self.fields(pointer, value)?.into_iter().unzip();
        self.same_names(pointer, keys, names)?;
        values.try_into().map_err(|_| self.unexpected(pointer, "a dict", value))
    }

    /// Whether the names are those that they should be; the first that differs is told.
    pub(super) fn same_names<'v>(
        &self,
        pointer: &str,
        expected: impl IntoIterator<Item = &'v str>,
        found: impl IntoIterator<Item = &'v str>,
    ) -> Result<()> {
        let (mut expected, mut found) = (expected.into_iter(), found.into_iter());
        loop {
            let pair = (expected.next(), found.next());
            if pair == (None, None) {
                return Ok(());
            }
            if pair.0 != pair.1 {
                let diagnostic = self.diagnostic(self.kind.code(), pointer, "a name is missing, unknown, or out of order");
                return Err(Error::malformed(diagnostic.expected(pair.0.unwrap_or("no more")).found(pair.1.unwrap_or("no more"))));
            }
        }
    }

    pub(super) fn integer<T: TryFrom<i128>>(&self, pointer: &str, value: &Value) -> Result<T> {
        value.as_integer().ok_or_else(|| self.unexpected(pointer, "a whole number in range", value))
    }

    pub(super) fn float(&self, pointer: &str, value: &Value) -> Result<f64> {
        value.as_float().ok_or_else(|| self.unexpected(pointer, "a float", value))
    }

    pub(super) fn flag(&self, pointer: &str, value: &Value) -> Result<bool> {
        value.as_bool().ok_or_else(|| self.unexpected(pointer, "a bool", value))
    }

    pub(super) fn text<'v>(&self, pointer: &str, value: &'v Value) -> Result<&'v str> {
        value.as_str().ok_or_else(|| self.unexpected(pointer, "a str", value))
    }

    /// Whether a value holds no tensor, so that it can be written without its storages.
    pub(super) fn plain(&self, pointer: &str, value: &Value) -> Result<Value> {
        if holds_storage(value) {
            return Err(self.unexpected(pointer, "a value without tensors inside", value));
        }
        Ok(value.clone())
    }

    /// The value is not what belongs into its place.
    pub(super) fn unexpected(&self, pointer: &str, expected: &str, found: &Value) -> Error {
        let diagnostic = self.diagnostic(self.kind.code(), pointer, "the file holds something else than it should");
        Error::malformed(diagnostic.expected(expected).found(found.kind()))
    }

    pub(super) fn error(&self, code: &'static str, pointer: &str, message: impl Display) -> Error {
        Error::malformed(self.diagnostic(code, pointer, message))
    }

    fn diagnostic(&self, code: &'static str, pointer: &str, message: impl Display) -> Diagnostic {
        Diagnostic::new(code, Site::file(&*self.path).at(Place::Pointer(pointer.to_owned())), message.to_string())
    }

    fn storage_diagnostic(&self, message: &str) -> Diagnostic {
        Diagnostic::new("torch-storage", Site::file(&*self.path), message)
    }
}

/// Whether storages are saved from there, by torch's names of devices; all but `cpu` may have a number.
///
/// # Source
/// torch 2.15.0, `torch/serialization.py` (`register_package`).
fn is_device(location: &str) -> bool {
    const DEVICES: [&str; 7] = ["cpu", "cuda", "mps", "xpu", "hpu", "npu", "mtia"];
    let (device, number) = location.split_once(':').map_or((location, None), |(device, number)| (device, Some(number)));
    DEVICES.contains(&device) && number.is_none_or(|number| number.parse::<u16>().is_ok())
}

fn storage_identifier(identifier: &Value) -> Option<(Option<Dtype>, &str, &str, u64)> {
    let [tag, Value::Global(module, class), key, location, elements] = identifier.as_tuple()? else { return None };
    let dtype = storage_dtype((module, class))?;
    (tag.as_str()? == "storage").then_some((dtype, key.as_str()?, location.as_str()?, elements.as_integer()?))
}

fn holds_storage(value: &Value) -> bool {
    match value {
        Value::Persistent(_) => true,
        Value::Tuple(items) | Value::List(items) => items.iter().any(holds_storage),
        Value::Dict(entries) => entries.iter().any(|(key, value)| holds_storage(key) || holds_storage(value)),
        Value::Object(object) => {
            let parts = object.arguments.iter().chain(&object.items).chain(&object.state);
            parts.chain(object.entries.iter().map(|(_, value)| value)).any(holds_storage)
        }
        _ => false,
    }
}

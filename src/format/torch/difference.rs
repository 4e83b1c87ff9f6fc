//! Where two files of `torch.save` first hold different values.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::{Object, Value};
use crate::format::torch::tensor::{REBUILD, REBUILD_UNTYPED, Tensor};
use crate::storage::Content;

/// A place where two files differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Names and indices from the outermost object inwards, such as `/state/3/exp_avg`; for a tensor the first element that differs follows
    /// in brackets.
    pub pointer: String,
    /// What the first file has there.
    pub left: String,
    /// What the second file has there.
    pub right: String,
}

/// The first difference of two files of a kind, each with its path; `None` if they hold the same values, whatever their bytes.
///
/// Of the larger tensors one of each file is in memory at a time.
///
/// # Errors
/// A file that cannot be read.
pub fn difference(kind: TorchKind, left: (&str, &dyn Content), right: (&str, &dyn Content)) -> Result<Option<Difference>> {
    let contents = [left.1, right.1];
    let (left, right) = (TorchFile::read(left.0, left.1, kind)?, TorchFile::read(right.0, right.1, kind)?);
    let (left_value, right_value) = (left.value.clone(), right.value.clone());
    let mut comparison = Comparison { left, right, contents, seen: HashSet::new() };
    comparison.values("", &left_value, &right_value)
}

struct Comparison<'c> {
    left: TorchFile<'static>,
    right: TorchFile<'static>,
    contents: [&'c dyn Content; 2],
    /// Pairs of objects that were compared already.
    seen: HashSet<(usize, usize)>,
}

impl Comparison<'_> {
    fn values(&mut self, pointer: &str, left: &Value, right: &Value) -> Result<Option<Difference>> {
        match (left, right) {
            (Value::Tuple(left), Value::Tuple(right)) | (Value::List(left), Value::List(right)) => self.items(pointer, left, right),
            (Value::Dict(left), Value::Dict(right)) => self.entries(pointer, left, right),
            (Value::Object(left), Value::Object(right)) if left.class == right.class => {
                if !self.seen.insert((Arc::as_ptr(left).addr(), Arc::as_ptr(right).addr())) {
                    return Ok(None);
                }
                if is_tensor(left) { self.tensors(pointer, left, right) } else { self.objects(pointer, left, right) }
            }
            _ if same_leaf(left, right) => Ok(None),
            _ => Ok(Some(Difference { pointer: pointer.to_owned(), left: describe(left), right: describe(right) })),
        }
    }

    fn items(&mut self, pointer: &str, left: &[Value], right: &[Value]) -> Result<Option<Difference>> {
        if left.len() != right.len() {
            let count = |items: &[Value]| format!("{} items", items.len());
            return Ok(Some(Difference { pointer: pointer.to_owned(), left: count(left), right: count(right) }));
        }
        for (index, (left, right)) in left.iter().zip(right).enumerate() {
            if let Some(difference) = self.values(&format!("{pointer}/{index}"), left, right)? {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    /// Entries by their keys, in whatever order.
    fn entries(&mut self, pointer: &str, left: &[(Value, Value)], right: &[(Value, Value)]) -> Result<Option<Difference>> {
        let others: HashMap<String, &Value> = right.iter().map(|(key, value)| (name(key), value)).collect();
        for (key, value) in left {
            let pointer = format!("{pointer}/{}", name(key));
            let Some(other) = others.get(&name(key)) else {
                return Ok(Some(Difference { pointer, left: describe(value), right: "nothing".to_owned() }));
            };
            if let Some(difference) = self.values(&pointer, value, other)? {
                return Ok(Some(difference));
            }
        }
        let names: HashSet<String> = left.iter().map(|(key, _)| name(key)).collect();
        let extra = right.iter().find(|(key, _)| !names.contains(&name(key)));
        Ok(extra.map(|(key, value)| Difference {
            pointer: format!("{pointer}/{}", name(key)),
            left: "nothing".to_owned(),
            right: describe(value),
        }))
    }

    fn objects(&mut self, pointer: &str, left: &Object, right: &Object) -> Result<Option<Difference>> {
        if let Some(difference) = self.items(pointer, &left.arguments, &right.arguments)? {
            return Ok(Some(difference));
        }
        if let Some(difference) = self.items(pointer, &left.items, &right.items)? {
            return Ok(Some(difference));
        }
        if let Some(difference) = self.entries(pointer, &left.entries, &right.entries)? {
            return Ok(Some(difference));
        }
        let state = |object: &Object| object.state.clone().unwrap_or(Value::None);
        self.values(pointer, &state(left), &state(right))
    }

    fn tensors(&mut self, pointer: &str, left: &Arc<Object>, right: &Arc<Object>) -> Result<Option<Difference>> {
        let left = self.left.tensor(pointer, &Value::Object(Arc::clone(left)))?;
        let right = self.right.tensor(pointer, &Value::Object(Arc::clone(right)))?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        if outline(&left) != outline(&right) {
            return Ok(Some(Difference { pointer: pointer.to_owned(), left: outline(&left), right: outline(&right) }));
        }
        let (layout, ranges) = match (left.contiguous_range(), right.contiguous_range()) {
            (Some(left), Some(right)) => ("element", [left, right]),
            _ if (left.offset, &left.stride) == (right.offset, &right.stride) => {
                ("element of its storage", [0..left.storage.data.length(), 0..right.storage.data.length()])
            }
            _ => {
                let steps = |tensor: &Tensor<'_>| format!("offset {}, steps {:?}", tensor.offset, tensor.stride);
                return Ok(Some(Difference { pointer: pointer.to_owned(), left: steps(&left), right: steps(&right) }));
            }
        };
        let ([left_range, right_range], [left_content, right_content]) = (ranges, self.contents);
        let left_data = left.storage.data.part(left_content, left_range)?;
        let right_data = right.storage.data.part(right_content, right_range)?;
        if left_data == right_data {
            return Ok(None);
        }
        let width = usize::try_from(left.dtype.bytes()).unwrap_or(1).max(1);
        let pairs = left_data.chunks(width).zip(right_data.chunks(width));
        let first = pairs.enumerate().find(|(_, (left, right))| left != right);
        let lengths = (left_data.len().to_string(), right_data.len().to_string());
        let (index, left, right) =
            first.map_or((0, lengths.0, lengths.1), |(index, (left, right))| (index, hexadecimal(left), hexadecimal(right)));
        Ok(Some(Difference { pointer: format!("{pointer}[{layout} {index}]"), left, right }))
    }
}

fn is_tensor(object: &Object) -> bool {
    object.class == REBUILD || object.class == REBUILD_UNTYPED
}

/// Equal, with floats compared by their bits and texts by their characters.
fn same_leaf(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => left.to_bits() == right.to_bits(),
        (Value::Text(left), Value::Text(right)) => left.value == right.value,
        (Value::None, Value::None) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Integer(left), Value::Integer(right)) => left == right,
        (Value::Global(..), Value::Global(..)) => left == right,
        _ => false,
    }
}

fn name(key: &Value) -> String {
    match key {
        Value::Text(text) => text.value.to_string(),
        _ => describe(key),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => format!("{:?}", text.value),
        _ => value.kind(),
    }
}

fn outline(tensor: &Tensor<'_>) -> String {
    format!("a tensor of {} {:?} on {}", tensor.dtype.name(), tensor.shape, tensor.storage.location)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().rev().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::golden;
    use crate::format::torch::optimizer_state::OptimizerState;
    use crate::format::torch::tensor::Entry;

    fn golden(wanted: &str) -> Vec<u8> {
        golden::files(|path| path == wanted).pop().unwrap().1
    }

    fn first(kind: TorchKind, left: &[u8], right: &[u8]) -> Option<(String, String, String)> {
        let difference = difference(kind, ("left", &left), ("right", &right)).unwrap();
        difference.map(|difference| (difference.pointer, difference.left, difference.right))
    }

    fn told(pointer: &str, left: &str, right: &str) -> Option<(String, String, String)> {
        Some((pointer.to_owned(), left.to_owned(), right.to_owned()))
    }

    #[test]
    fn the_first_place_is_told() {
        let bytes = golden("5.23.0/adamw/optimizer.pt");
        let state = OptimizerState::parse("optimizer.pt", &bytes).unwrap();
        assert_eq!(first(TorchKind::Optimizer, &bytes, &bytes), None);

        let mut other = state.clone();
        other.groups[1].settings[1].1 = Entry::Value(0.5.into());
        assert_eq!(first(TorchKind::Optimizer, &bytes, &other.to_bytes()), told("/param_groups/1/lr", "0.0", "0.5"));

        let mut other = state.clone();
        other.groups[0].settings.swap(0, 1);
        assert_eq!(first(TorchKind::Optimizer, &bytes, &other.to_bytes()), None, "the order of the keys is no difference of values");

        let mut other = state.clone();
        other.parameters.pop();
        assert_eq!(first(TorchKind::Optimizer, &other.to_bytes(), &bytes), told("/state/24", "nothing", "a dict"));

        let mut other = state.clone();
        let Entry::Tensor(tensor) = &mut other.parameters[3].1[1].1 else { panic!() };
        let mut data = tensor.storage.data.held().unwrap().to_vec();
        data[8..12].copy_from_slice(&1.5_f32.to_le_bytes());
        *tensor = Arc::new(Tensor::contiguous(tensor.dtype, tensor.shape.clone(), data));
        let (pointer, _, right) = first(TorchKind::Optimizer, &bytes, &other.to_bytes()).unwrap();
        assert_eq!((pointer.as_str(), right.as_str()), ("/state/3/exp_avg[element 2]", "0x3fc00000"));

        let (left, right) = (golden("5.23.0/adamw/optimizer.pt"), golden("5.23.0/sgd/optimizer.pt"));
        assert!(first(TorchKind::Optimizer, &left, &right).is_some());
    }

    #[test]
    fn arguments_and_views_are_compared() {
        let (left, right) = (golden("5.23.0/arguments/defaults/training_args.bin"), golden("5.23.0/arguments/numbers/training_args.bin"));
        assert_eq!(first(TorchKind::TrainingArguments, &left, &right), told("/num_train_epochs", "3.0", "2.5"));
        let (left, right) = (golden("4.57.6/state_dicts/views.bin"), golden("5.23.0/state_dicts/views.bin"));
        assert_eq!(first(TorchKind::StateDict, &left, &right), None);
    }
}

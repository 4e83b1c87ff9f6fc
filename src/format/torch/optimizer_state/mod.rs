//! `optimizer.pt`: what an optimizer remembers of each parameter, and the settings of its parameter groups.
//!
//! # Source
//! torch 2.15.0, `torch/optim/optimizer.py` (`state_dict`), `torch/optim/adamw.py`; transformers 5.23.0, `trainer.py`
//! (`_save_optimizer_and_scheduler`).

mod algorithm;

use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::Value;
use crate::format::torch::tensor::{Entry, TensorWriter};
use crate::storage::{Content, Piece};

pub use algorithm::{Algorithm, GroupSettings, Remembered, StepFormat};

/// The dict in which bitsandbytes keeps what it remembers of a parameter.
const QUANTIZED: &str = "__bnb_optimizer_quant_state__";

/// The state of an optimizer.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState<'a> {
    /// Name of the file without its extension: `optimizer`.
    pub stem: String,
    /// What is remembered of the parameters that had a gradient, by their number.
    pub parameters: Vec<(u64, Vec<(String, Entry<'a>)>)>,
    /// The groups.
    pub groups: Vec<ParameterGroup<'a>>,
}

/// Parameters that share their settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterGroup<'a> {
    /// The settings by name, such as `lr` and `weight_decay`, in the order of the file.
    pub settings: Vec<(String, Entry<'a>)>,
    /// Numbers of the parameters.
    pub parameters: Vec<u64>,
}

/// A parameter that is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedParameter<'a> {
    /// Its shape.
    pub shape: Vec<u64>,
    /// Whether `weight_decay` applies to it.
    pub weight_decay: bool,
    /// What is remembered of it; `None` where it never had a gradient.
    pub remembered: Option<Remembered<'a>>,
}

impl OptimizerState<'static> {
    /// As [`OptimizerState::parse`], and leaves all but small tensors in the file.
    ///
    /// # Errors
    /// Those of [`OptimizerState::parse`], or the file cannot be read.
    pub fn read(path: &str, content: &dyn Content) -> Result<Self> {
        Self::of(TorchFile::read(path, content, TorchKind::Optimizer)?)
    }
}

impl<'a> OptimizerState<'a> {
    /// The state of an optimizer as transformers makes it: a group of the parameters that `weight_decay` applies to, and one of the others.
    ///
    /// The parameters are those that are trained, in the order of `named_parameters()`.
    pub fn new(algorithm: &Algorithm, settings: &GroupSettings, parameters: impl IntoIterator<Item = TrainedParameter<'a>>) -> Self {
        let (decaying, others): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|parameter| parameter.weight_decay);
        let mut numbers = 0_u64..;
        let groups = [(settings.weight_decay, decaying.len()), (0.0, others.len())].map(|(weight_decay, count)| ParameterGroup {
            settings: algorithm.settings(&GroupSettings { weight_decay, ..*settings }),
            parameters: numbers.by_ref().take(count).collect(),
        });
        let entries = |(number, parameter): (u64, TrainedParameter<'a>)| {
            let entries = algorithm.entries(&parameter.shape, parameter.remembered?);
            (!entries.is_empty()).then_some((number, entries))
        };
        let parameters = (0..).zip(decaying.into_iter().chain(others)).filter_map(entries).collect();
        OptimizerState { stem: "optimizer".to_owned(), parameters, groups: groups.into() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic for whatever an optimizer of torch does not write.
    pub fn parse(path: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::of(TorchFile::parse(path, bytes, TorchKind::Optimizer)?)
    }

    fn of(mut file: TorchFile<'a>) -> Result<Self> {
        let value = file.value.clone();
        let [state, groups] = file.exact_fields("", &value, ["state", "param_groups"])?;
        let state = state.as_dict().ok_or_else(|| file.unexpected("/state", "a dict", state))?;
        let mut parameters = Vec::with_capacity(state.len());
        for (key, entries) in state {
            let number: u64 = key.as_integer().ok_or_else(|| file.unexpected("/state", "numbers of parameters", key))?;
            parameters.push((number, remembered_of(&mut file, &format!("/state/{number}"), entries)?));
        }
        let groups = groups.as_list().ok_or_else(|| file.unexpected("/param_groups", "a list", groups))?;
        let groups = groups.iter().enumerate().map(|(index, group)| parse_group(&mut file, index, group)).collect::<Result<_>>()?;
        Ok(OptimizerState { stem: file.stem, parameters, groups })
    }

    /// The whole file, of a state that is in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces().into_iter().filter_map(Piece::written).collect::<Vec<_>>().concat()
    }

    /// The pieces of the file one after another; the tensors' own bytes are not copied.
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let mut tensors = TensorWriter::default();
        let parameters = self.parameters.iter().map(|(number, entries)| ((*number).into(), remembered(&mut tensors, entries)));
        let state = Value::Dict(std::sync::Arc::new(parameters.collect()));
        let groups = self.groups.iter().map(|settings| group(&mut tensors, settings));
        let groups = Value::list(groups.collect::<Vec<_>>());
        tensors.archive(&self.stem, &Value::dict([("state", state), ("param_groups", groups)])).into_pieces()
    }
}

impl ParameterGroup<'_> {
    /// A setting by its name.
    pub fn setting(&self, name: &str) -> Option<&Entry<'_>> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, entry)| entry)
    }
}

fn entries_of<'a>(file: &mut TorchFile<'a>, pointer: &str, value: &Value) -> Result<Vec<(String, Entry<'a>)>> {
    let fields = file.fields(pointer, value)?;
    fields.into_iter().map(|(name, value)| Ok((name.to_owned(), file.entry(&format!("{pointer}/{name}"), value)?))).collect()
}

/// The entries of a parameter; those of bitsandbytes' inner dict have its name before their own.
fn remembered_of<'a>(file: &mut TorchFile<'a>, pointer: &str, value: &Value) -> Result<Vec<(String, Entry<'a>)>> {
    let mut entries = Vec::new();
    for (name, value) in file.fields(pointer, value)? {
        let pointer = format!("{pointer}/{name}");
        if name == QUANTIZED {
            let inner = entries_of(file, &pointer, value)?;
            entries.extend(inner.into_iter().map(|(inner, entry)| (format!("{QUANTIZED}/{inner}"), entry)));
        } else {
            entries.push((name.to_owned(), file.entry(&pointer, value)?));
        }
    }
    Ok(entries)
}

fn parse_group<'a>(file: &mut TorchFile<'a>, index: usize, group: &Value) -> Result<ParameterGroup<'a>> {
    let pointer = format!("/param_groups/{index}");
    let mut settings = entries_of(file, &pointer, group)?;
    let numbers = match settings.pop() {
        Some((name, Entry::Value(Value::List(items)))) if name == "params" => items.iter().map(Value::as_integer::<u64>).collect(),
        _ => None,
    };
    let parameters = numbers.ok_or_else(|| file.unexpected(&pointer, "a dict that ends with params, a list of numbers", group))?;
    Ok(ParameterGroup { settings, parameters })
}

fn group<'t>(tensors: &mut TensorWriter<'t>, group: &'t ParameterGroup<'_>) -> Value {
    let settings = group.settings.iter().map(|(name, entry)| (name.as_str(), tensors.entry(entry)));
    let mut fields: Vec<(&str, Value)> = settings.collect();
    fields.push(("params", Value::list(group.parameters.iter().map(|&number| number.into()))));
    Value::dict(fields)
}

fn remembered<'t>(tensors: &mut TensorWriter<'t>, entries: &'t [(String, Entry<'_>)]) -> Value {
    let (mut fields, mut inner) = (Vec::new(), Vec::new());
    for (name, entry) in entries {
        let value = tensors.entry(entry);
        match name.strip_prefix(QUANTIZED).and_then(|rest| rest.strip_prefix('/')) {
            Some(name) => inner.push((name, value)),
            None => fields.push((name.as_str(), value)),
        }
    }
    if !inner.is_empty() {
        fields.push((QUANTIZED, Value::dict(inner)));
    }
    Value::dict(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::safetensors::Dtype;
    use crate::format::torch::golden;
    use crate::format::torch::tensor::Tensor;
    use proptest::prelude::*;
    use std::borrow::Cow;

    #[test]
    fn files_of_torch_survive() {
        let files = golden::files(|path| path.ends_with("optimizer.pt"));
        assert_eq!(files.len(), 6);
        for (path, bytes) in files {
            let state = OptimizerState::parse(&path, &bytes).unwrap();
            assert_eq!(state.groups.len(), 2, "{path}");
            assert!(state.to_bytes() == bytes, "{path}");
        }
    }

    #[test]
    fn adamw_is_written_from_its_groups_and_moments() {
        let bytes = &golden::files(|path| path == "5.23.0/adamw/optimizer.pt")[0].1;
        let read = OptimizerState::parse("optimizer.pt", bytes).unwrap();
        let tensor = |entries: &[(String, Entry<'_>)], name: &str| -> (Vec<u64>, Vec<u8>) {
            match &entries.iter().find(|(known, _)| known == name).unwrap().1 {
                Entry::Tensor(tensor) => (tensor.shape.clone(), tensor.contiguous_data().unwrap().to_vec()),
                Entry::Value(value) => panic!("{value:?}"),
            }
        };
        let parameters = read.parameters.iter().map(|(number, entries)| {
            let ((shape, mean), (_, square)) = (tensor(entries, "exp_avg"), tensor(entries, "exp_avg_sq"));
            let step = f32::from_le_bytes(tensor(entries, "step").1.try_into().unwrap()) as u64;
            let remembered = Remembered { step, moments: vec![mean.into(), square.into()], root_mean_square: 0.0 };
            TrainedParameter { shape, weight_decay: *number < 11, remembered: Some(remembered) }
        });
        let settings = GroupSettings { weight_decay: 0.0, lr: 0.0, initial_lr: Some(5e-5) };
        let written = OptimizerState::new(&Algorithm::default(), &settings, parameters);
        assert_eq!(written.groups[1].parameters, (11..25).collect::<Vec<_>>());
        assert_eq!(written, read);
        assert!(written.to_bytes() == *bytes);
    }

    #[test]
    fn parameters_without_a_gradient_have_a_number_and_no_moments() {
        let parameter = |weight_decay, step: Option<u64>| {
            let zero = Cow::Borrowed(&[0; 4][..]);
            let remembered = step.map(|step| Remembered { step, moments: vec![zero.clone(), zero], root_mean_square: 0.0 });
            TrainedParameter { shape: vec![1], weight_decay, remembered }
        };
        let settings = GroupSettings { weight_decay: 0.1, lr: 1e-5, initial_lr: Some(1e-5) };
        let parameters = [parameter(false, Some(1)), parameter(true, None), parameter(true, Some(2)), parameter(false, None)];
        let state = OptimizerState::new(&Algorithm::default(), &settings, parameters);
        assert_eq!(state.groups.iter().map(|group| group.parameters.clone()).collect::<Vec<_>>(), [[0, 1], [2, 3]]);
        assert_eq!(state.groups[0].setting("weight_decay"), Some(&Entry::Value(0.1.into())));
        assert_eq!(state.groups[1].setting("weight_decay"), Some(&Entry::Value(0.0.into())));
        assert_eq!(state.parameters.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(OptimizerState::parse("f", &state.to_bytes()).unwrap(), state);
    }

    fn entry() -> impl Strategy<Value = Entry<'static>> {
        prop_oneof![
            any::<f64>().prop_filter("comparable", |number| !number.is_nan()).prop_map(|number| Entry::Value(number.into())),
            any::<i64>().prop_map(|number| Entry::Value(number.into())),
            Just(Entry::Value(Value::None)),
            prop::collection::vec(0_u64..4, 0..3).prop_map(|shape| {
                let bytes = shape.iter().product::<u64>() * 4;
                Tensor::contiguous(Dtype::F32, shape, (0..bytes).map(|byte| byte as u8).collect::<Vec<_>>()).into()
            }),
        ]
    }

    fn entries() -> impl Strategy<Value = Vec<(String, Entry<'static>)>> {
        prop::collection::btree_map("[a-z_]{1,8}", entry(), 0..6)
            .prop_map(|map| map.into_iter().filter(|(name, _)| name != "params").collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn states_survive(
            parameters in prop::collection::btree_map(0_u64..300, entries(), 0..6),
            groups in prop::collection::vec((entries(), prop::collection::vec(0_u64..300, 0..5)), 0..3),
        ) {
            let groups = groups.into_iter().map(|(settings, parameters)| ParameterGroup { settings, parameters }).collect();
            let state = OptimizerState { stem: "optimizer".to_owned(), parameters: parameters.into_iter().collect(), groups };
            let bytes = state.to_bytes();
            let read = OptimizerState::parse("f", &bytes).unwrap();
            prop_assert_eq!(&read, &state);
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

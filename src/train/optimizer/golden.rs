//! The optimizers against those of the real Trainer; `tests/golden/optimizers.py` makes the goldens.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::arguments::{RawValue, TrainingArguments, Values};
use super::super::gradient::RowGradient;
use super::*;
use crate::architecture::Initializer;
use crate::format::torch::optimizer_state::{GroupSettings, OptimizerState};

/// Largest difference from torch, in steps between floats of the size of the tensor's largest.
const TOLERANCE: f64 = 4.0;

struct Golden {
    cases: Value,
    table: ParameterTable,
    rates: Vec<f64>,
}

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/optimizers").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn golden(release: &str) -> Golden {
    let cases: Value = serde_json::from_slice(&read(&format!("{release}/cases.json"))).unwrap();
    let parameters: Vec<Parameter> = cases["shapes"].as_object().unwrap().iter().map(|(name, shape)| parameter(name, shape)).collect();
    let rates = cases["learning_rates"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    Golden { cases, table: ParameterTable { base_parameters: parameters.len(), parameters }, rates }
}

fn parameter(name: &str, shape: &Value) -> Parameter {
    Parameter {
        name: name.to_owned(),
        shape: shape.as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect(),
        initializer: Initializer::Zeros,
        construction: if name == "table.weight" { Construction::Normal } else { Construction::Constant },
        padding_row: None,
        weight_decay: name.ends_with("weight") && !name.starts_with("norm"),
        tied_to: None,
    }
}

impl Golden {
    fn algorithms(&self, release: &str) -> Vec<(String, Algorithm)> {
        let algorithm = |given: &Value| {
            let fixed = [("model_name_or_path", "m"), ("train_file", "t"), ("output_dir", "o"), ("release", release)];
            let mut values: Values = fixed.map(|(name, value)| (name.to_owned(), RawValue::command_line(value))).into_iter().collect();
            for (name, value) in given.as_object().unwrap() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                values.insert(name.clone(), RawValue::command_line(text));
            }
            TrainingArguments::resolve(&values).unwrap().algorithm
        };
        self.cases["cases"].as_object().unwrap().iter().map(|(name, given)| (name.clone(), algorithm(given))).collect()
    }

    /// One vector a parameter.
    fn split(&self, values: &[f32]) -> Vec<Vec<f32>> {
        let mut rest = values;
        let parts = self.table.parameters.iter().map(|parameter| {
            let (part, after) = rest.split_at(parameter.numel());
            rest = after;
            part.to_vec()
        });
        parts.collect()
    }

    /// All steps of a case; `rows` makes a gradient of rows out of that of the table.
    fn run(&self, algorithm: Algorithm, tensors: &Tensors, rows: bool) -> (Vec<Vec<f32>>, Optimizer) {
        let mut parameters = self.split(&tensors.get("before"));
        let mut optimizer = Optimizer::new(algorithm, &self.table);
        let gradients = tensors.get("gradients");
        for (rate, gradients) in self.rates.iter().zip(gradients.chunks(gradients.len() / self.rates.len())) {
            let mut gradients: Vec<Gradient> = self.split(gradients).into_iter().map(Gradient::Dense).collect();
            if rows {
                let (gradient, used) = looked_up(gradients[0].values());
                gradients[0] = gradient;
                optimizer.settle(0, &mut parameters[0], used);
            }
            let settings = UpdateSettings { learning_rate: *rate, weight_decay: 0.1, max_grad_norm: 1.0 };
            let mut slices: Vec<&mut [f32]> = parameters.iter_mut().map(Vec::as_mut_slice).collect();
            optimizer.step(&mut slices, &gradients, &settings);
        }
        let mut slices: Vec<&mut [f32]> = parameters.iter_mut().map(Vec::as_mut_slice).collect();
        optimizer.settle_all(&mut slices);
        (parameters, optimizer)
    }

    fn file(&self, optimizer: &Optimizer) -> Vec<u8> {
        let settings = GroupSettings { weight_decay: 0.1, lr: 0.0, initial_lr: Some(0.01) };
        OptimizerState::new(optimizer.algorithm(), &settings, optimizer.trained_parameters(&self.table)).to_bytes()
    }
}

/// The rows of the table that are not zero.
fn looked_up(values: &[f32]) -> (Gradient, Vec<usize>) {
    let mut gradient = RowGradient::default();
    let mut used = Vec::new();
    for (row, values) in values.chunks(5).enumerate().filter(|(_, values)| values.iter().any(|value| *value != 0.0)) {
        gradient.add(&[row as i32], values, 5, None);
        used.push(row);
    }
    (Gradient::Rows(gradient), used)
}

struct Tensors(Vec<u8>);

impl Tensors {
    fn get(&self, name: &str) -> Vec<f32> {
        let file = safetensors::SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}

/// The largest difference, in steps between floats of the size of the largest expected value.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    let step = f64::from(largest.next_up() - largest);
    found.iter().zip(expected).map(|(found, expected)| f64::from((found - expected).abs()) / step).fold(0.0, f64::max)
}

#[test]
fn steps_are_those_of_the_trainer() {
    let (golden, tensors) = (golden("5.23.0"), Tensors(read("5.23.0/weights.safetensors")));
    let mut largest = (0.0, String::new());
    for (name, algorithm) in golden.algorithms("5.23.0") {
        let (parameters, optimizer) = golden.run(algorithm, &tensors, false);
        let state = read(&format!("5.23.0/{name}.pt"));
        let state = OptimizerState::parse("optimizer.pt", &state).unwrap();
        let expected = Optimizer::restored(algorithm, &golden.table, "optimizer.pt", &state).unwrap();
        let remembered =
            optimizer.states.iter().zip(&expected.states).flat_map(|(found, expected)| found.moments.iter().zip(&expected.moments));
        let expected_parameters = golden.split(&tensors.get(&name));
        for (found, expected) in parameters.iter().zip(&expected_parameters).chain(remembered) {
            let distance = distance(found, expected);
            assert!(distance <= TOLERANCE, "{name}: {distance}");
            if distance > largest.0 {
                largest = (distance, name.clone());
            }
        }
        for (found, expected) in optimizer.states.iter().zip(&expected.states) {
            assert!(distance(&[found.root_mean_square], &[expected.root_mean_square]) <= TOLERANCE, "{name}");
        }
    }
    println!("largest difference {:.1} steps ({})", largest.0, largest.1);
}

#[test]
fn gradients_of_rows_make_the_same_bits() {
    let (golden, tensors) = (golden("5.23.0"), Tensors(read("5.23.0/weights.safetensors")));
    for (name, algorithm) in golden.algorithms("5.23.0") {
        let (rows, dense) = (golden.run(algorithm, &tensors, true), golden.run(algorithm, &tensors, false));
        assert!(rows.0 == dense.0, "{name}");
        assert!(golden.file(&rows.1) == golden.file(&dense.1), "{name}");
    }
}

/// Read and written again: the bytes of the Trainer. In release 4 a case has the file of the same optimizer without `optim_args`.
#[test]
fn files_are_those_of_the_trainer() {
    for release in ["5.23.0", "4.57.6"] {
        let golden = golden(release);
        for (name, algorithm) in golden.algorithms(release) {
            let plain = name.split('_').next().unwrap();
            let has_no_arguments = release == "4.57.6" && golden.cases["cases"][&name].get("optim_args").is_some();
            let bytes = read(&format!("5.23.0/{}.pt", if has_no_arguments { plain } else { &name }));
            let state = OptimizerState::parse("optimizer.pt", &bytes).unwrap();
            let optimizer = Optimizer::restored(algorithm, &golden.table, "optimizer.pt", &state).unwrap();
            let written = golden.file(&optimizer);
            assert!(written == bytes, "{release} {name}");
            let hash: String = Sha256::digest(&written).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(golden.cases["sha256"][&name], hash, "{release} {name}");
        }
    }
}

#[test]
fn files_of_other_parameters_are_refused_by_name() {
    let golden = golden("5.23.0");
    let bytes = read("5.23.0/adamw.pt");
    let state = OptimizerState::parse("optimizer.pt", &bytes).unwrap();
    let refusal = |table: &ParameterTable, algorithm: Algorithm| {
        Optimizer::restored(algorithm, table, "optimizer.pt", &state).unwrap_err().to_string()
    };
    let mut wider = golden.table.clone();
    wider.parameters[1].shape[1] += 1;
    assert!(refusal(&wider, Algorithm::default()).contains("dense.weight"));
    let mut more = golden.table.clone();
    more.parameters.push(parameter("later.bias", &serde_json::json!([3])));
    assert!(refusal(&more, Algorithm::default()).contains("later.bias"));
    let mut fewer = golden.table.clone();
    fewer.parameters.pop();
    assert!(refusal(&fewer, Algorithm::default()).contains("other parameters than the model"));
    let other = refusal(&golden.table, Algorithm::Adagrad { lr_decay: None, eps: 1e-10 });
    assert!(other.contains("sum") && other.contains("table.weight"), "{other}");
}

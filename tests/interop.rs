//! MiniLM against real transformers: forward, backward, optimizer steps, and a saved directory that Python loads.
//!
//! These need the reference environment, which `tests/run` sets up; `RTRAIN_REFERENCE` names the data that `tests/interop/reference.py` wrote.
#![cfg(feature = "train")]

use pollster::block_on;
use rtrain::data::{Batch, Table, TableFormat};
use rtrain::format::json::Json;
use rtrain::format::safetensors::{Header, to_f32};
use rtrain::storage::DiskDirectory;
use rtrain::storage::commit::commit_directory;
use rtrain::train::engine::{BatchSettings, Engine};
use rtrain::train::optimizer::UpdateSettings;
use rtrain::train::preparation::{LoadedModel, TextColumns, model_directory};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn reference() -> PathBuf {
    std::env::var_os("RTRAIN_REFERENCE").expect("RTRAIN_REFERENCE is not set: run tests/run, which makes the reference data").into()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json(name: &str) -> Json {
    Json::parse(name, &std::fs::read(reference().join(name)).unwrap()).unwrap()
}

fn tensors(name: &str) -> BTreeMap<String, Vec<f32>> {
    let bytes = std::fs::read(reference().join(name)).unwrap();
    let header = Header::parse(name, &bytes).unwrap();
    header.tensors.iter().map(|tensor| (tensor.name.clone(), to_f32(tensor.dtype, header.data(tensor, &bytes)).unwrap())).collect()
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn minilm() -> LoadedModel {
    LoadedModel::for_inference(&DiskDirectory::open(reference().join("minilm_classifier")).unwrap(), true).unwrap()
}

/// The first rows of a table of the example, in batches.
fn batches(model: &LoadedModel, file: &str, rows: usize, batch_size: usize) -> Vec<Batch> {
    let path = root().join("examples/reviews").join(file);
    let table = Table::read(file, TableFormat::Csv, &std::fs::read(path).unwrap()).unwrap();
    let labels = model.task().unwrap().labels(&table.label_column("label").unwrap()).unwrap();
    let dataset = model.dataset(&table, &TextColumns::default(), Some(labels), 128).unwrap().truncated(rows);
    (0..rows as u32).collect::<Vec<_>>().chunks(batch_size).map(|indices| dataset.batch(indices)).collect()
}

fn engine(model: &LoadedModel, dropout: bool) -> Engine {
    let mut config = model.bert.clone();
    if !dropout {
        (config.hidden_dropout_prob, config.attention_probs_dropout_prob, config.classifier_dropout) = (0.0, 0.0, 0.0);
    }
    Engine::new(config, model.table.clone(), model.weights.clone())
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

fn relative(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference = norm(found.iter().zip(expected).map(|(found, expected)| f64::from(found - expected)));
    difference / norm(expected.iter().map(|value| f64::from(*value))).max(f64::MIN_POSITIVE)
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn logits_of_real_sentences() {
    let model = minilm();
    let expected = json("forward.json");
    let expected: Vec<f64> = expected.get("logits").unwrap().as_array().unwrap().iter().flat_map(numbers).collect();
    let mut engine = engine(&model, false);
    let found: Vec<f32> =
        batches(&model, "validation.csv", 64, 16).iter().flat_map(|batch| block_on(engine.logits(batch)).unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    let largest = found.iter().zip(&expected).map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max);
    println!("64 sentences: largest difference of a logit {largest:.2e}");
    assert!(largest < 2e-5);
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn gradients_of_a_real_batch() {
    let model = minilm();
    let expected = tensors("gradients.safetensors");
    let (loss, gradients) = block_on(engine(&model, false).gradients(&batches(&model, "train.csv", 16, 16)[0], 0.0)).unwrap();
    assert!((loss - json("backward.json").get("loss").unwrap().as_f64().unwrap()).abs() < 1e-5);
    assert_eq!(gradients.len(), expected.len());
    let mut largest = ("", 0.0);
    for (name, gradient) in &gradients {
        let expected = &expected[name];
        if name.ends_with("self.key.bias") {
            // Softmax does not change when all its inputs move together, so this gradient is rounding noise around 0.
            assert!(norm(gradient.iter().zip(expected).map(|(left, right)| f64::from(left - right))) < 1e-6, "{name}");
            continue;
        }
        let difference = relative(gradient, expected);
        assert!(difference < 1e-4, "{name}: {difference:e}");
        if difference > largest.1 {
            largest = (name, difference);
        }
    }
    println!("{} gradients: largest relative difference {:.2e} ({})", gradients.len(), largest.1, largest.0);
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn three_optimizer_steps() {
    let model = minilm();
    let expected = tensors("adamw.safetensors");
    let steps = json("backward.json");
    let mut engine = engine(&model, false);
    let rates = numbers(steps.get("learning_rates").unwrap());
    for (step, batch) in batches(&model, "train.csv", 48, 16).into_iter().enumerate() {
        let settings = UpdateSettings { learning_rate: rates[step], weight_decay: 0.01, max_grad_norm: 1.0 };
        let outcome = block_on(engine.train_step(&[batch], &BatchSettings::default(), &settings, None)).unwrap();
        assert!((outcome.loss() - numbers(steps.get("losses").unwrap())[step]).abs() < 1e-5);
        assert!((outcome.gradient_norm.unwrap() / numbers(steps.get("grad_norms").unwrap())[step] - 1.0).abs() < 1e-4);
    }
    let mut largest = 0.0_f64;
    block_on(engine.fetch()).unwrap();
    let weights = engine.with_weights(|weights| weights.iter().map(|values| values.to_vec()).collect::<Vec<_>>());
    for (parameter, weights) in model.table.parameters.iter().zip(weights) {
        let expected = &expected[&parameter.name];
        if parameter.name.ends_with("self.key.bias") {
            // AdamW makes steps of the size of the learning rate out of the noise in this gradient.
            let moved = weights.iter().zip(expected).map(|(left, right)| f64::from((left - right).abs())).fold(0.0, f64::max);
            assert!(moved <= 2.0 * rates.iter().sum::<f64>(), "{}: {moved:e}", parameter.name);
            continue;
        }
        let difference = relative(&weights, expected);
        assert!(difference < 1e-5, "{}: {difference:e}", parameter.name);
        largest = largest.max(difference);
    }
    println!("{} parameters after three steps: largest relative difference {largest:.2e}", model.table.parameters.len());
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn python_loads_what_is_saved_and_saves_the_same_bytes() {
    let model = minilm();
    let saved = reference().join("saved_by_rtrain");
    let weights: Vec<&[f32]> = model.weights.iter().map(Vec::as_slice).collect();
    let directory = model_directory(&model.config, &model.tokenizer, &model.table, &model.saved_names, &weights);
    directory.with_files(|files| commit_directory(&rtrain::storage::NativeFileSystem, saved.to_str().unwrap(), &files)).unwrap();
    let again = reference().join("saved_again_by_transformers");
    let python =
        std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run, which installs the reference environment");
    let status = Command::new(python)
        .env("HF_HUB_OFFLINE", "1")
        .arg(root().join("tests/interop/resave.py"))
        .args([&saved, &again])
        .status()
        .unwrap();
    assert!(status.success(), "transformers saves other bytes than rtrain");
}

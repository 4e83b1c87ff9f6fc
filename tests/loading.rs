//! Checkpoints of every shape met in the wild: what is loaded, reported, initialised and saved, against what transformers did with them.

use rtrain::architecture::{BertConfig, LoadPlan, LoadReport, ParameterTable};
use rtrain::diagnostic::Result;
use rtrain::format::config::Config;
use rtrain::format::json::Json;
use rtrain::format::safetensors::{Dtype, Tensor, from_f32, serialize};
use rtrain::format::shards;
use rtrain::storage::{DiskDirectory, Source};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The seed and the labels of `tests/golden/bert.py`.
const SEED: u64 = 42;
const NUM_LABELS: usize = 3;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert")
}

fn json(name: &str) -> Json {
    Json::parse(name, &std::fs::read(golden().join(name)).unwrap()).unwrap()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

/// A source as a classifier of three labels.
struct Loaded {
    config: Config,
    table: ParameterTable,
    weights: Vec<Vec<f32>>,
    saved_names: Vec<String>,
    report: LoadReport,
}

fn load(source: &str, ignore_mismatched_sizes: bool) -> Result<Loaded> {
    let directory = DiskDirectory::open(golden().join("sources").join(source))?;
    let mut config = Config::parse("config.json", &directory.read("config.json")?.unwrap())?.loaded();
    if config.num_labels() != NUM_LABELS {
        config.set_default_labels(NUM_LABELS);
    }
    config.set("architectures", Json::Array(vec![Json::from("BertForSequenceClassification")]));
    config.set("dtype", Json::from("float32"));
    let table = BertConfig::from_config(&config)?.sequence_classification();
    let shards = shards::read(&directory)?;
    let plan = LoadPlan::new(&table, &shards, source, ignore_mismatched_sizes)?;
    let weights = plan.weights(&table, &shards, SEED)?;
    Ok(Loaded { config, table, weights, saved_names: plan.saved_names, report: plan.report })
}

fn safetensors(table: &ParameterTable, saved_names: &[String], weights: &[Vec<f32>]) -> Vec<u8> {
    let tensors = table.parameters.iter().zip(saved_names).zip(weights).map(|((parameter, name), values)| Tensor {
        name: name.clone(),
        dtype: Dtype::F32,
        shape: parameter.shape.iter().map(|&size| size as u64).collect(),
        data: from_f32(values),
    });
    serialize(&tensors.collect::<Vec<_>>(), &[("format".to_owned(), "pt".to_owned())])
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(json: &Json) -> Vec<&str> {
    json.as_array().unwrap().iter().map(text).collect()
}

/// Every source but the 16-bit one, which transformers keeps in 16 bits.
fn sources() -> Vec<(String, Json)> {
    let entries = json("loading.json").entries().unwrap().to_vec();
    entries.into_iter().filter(|(name, _)| name != "batch" && name != "float16").collect()
}

#[test]
fn reports_what_transformers_reports() {
    for (source, expected) in json("loading.json").entries().unwrap().iter().filter(|(name, _)| name != "batch") {
        let report = load(source, true).unwrap().report;
        assert_eq!(report.missing, names(expected.get("missing_keys").unwrap()), "{source}");
        assert_eq!(report.unexpected, names(expected.get("unexpected_keys").unwrap()), "{source}");
        let mismatched = expected.get("mismatched_keys").unwrap().as_array().unwrap();
        assert_eq!(report.mismatched.len(), mismatched.len(), "{source}");
        for ((name, found, wanted), expected) in report.mismatched.iter().zip(mismatched) {
            let expected = expected.as_array().unwrap();
            let shape = |json: &Json| json.as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect::<Vec<_>>();
            assert_eq!((name.as_str(), found, wanted), (text(&expected[0]), &shape(&expected[1]), &shape(&expected[2])), "{source}");
        }
    }
}

#[test]
fn saves_what_transformers_saves() {
    let saved = json("saved.json");
    for (source, _) in sources() {
        let loaded = load(&source, true).unwrap();
        let expected = saved.get(&source).unwrap();
        let config = String::from_utf8(loaded.config.to_bytes()).unwrap();
        assert_eq!(config, text(expected.get("config_json").unwrap()), "{source}");
        let bytes = safetensors(&loaded.table, &loaded.saved_names, &loaded.weights);
        let hash = expected.get("files").unwrap().get("model.safetensors").unwrap();
        assert_eq!(sha256(&bytes), text(hash), "{source}: model.safetensors");
    }
}

#[test]
fn halves_are_widened() {
    let loaded = load("float16", false).unwrap();
    assert_eq!(loaded.report.widened, ["F16"]);
    // What was rounded to 16 bits lies within half a unit of the last place of what was not.
    let full = load("base_plain", false).unwrap();
    for ((parameter, half), full) in loaded.table.parameters.iter().zip(&loaded.weights).zip(&full.weights) {
        assert!(half.iter().zip(full).all(|(half, full)| (half - full).abs() <= full.abs() / 2048.0 + 3e-8), "{}", parameter.name);
    }
}

#[test]
fn another_shape_is_an_error_unless_ignored() {
    let error = load("two_labels", false).err().unwrap();
    assert_eq!(error.diagnostic().code, "size-mismatch");
}

#[test]
fn from_scratch_has_the_bits_of_torch() {
    let expected = json("saved.json");
    let expected = expected.get("from_scratch").unwrap();
    let config = Config::parse("config.json", text(expected.get("config_json").unwrap()).as_bytes()).unwrap();
    let table = BertConfig::from_config(&config).unwrap().sequence_classification();
    let order: Vec<&str> = table.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(order, names(expected.get("named_parameters").unwrap()));
    let plan = LoadPlan::from_scratch(&table);
    let bytes = safetensors(&table, &plan.saved_names, &plan.weights(&table, &[], SEED).unwrap());
    assert_eq!(sha256(&bytes), text(expected.get("files").unwrap().get("model.safetensors").unwrap()));
}

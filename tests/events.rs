//! Events of a training in their order against those of the real Trainer, for each set of arguments of tests/golden/semantics, and a host
//! that keeps checkpoints in memory.
#![cfg(feature = "train")]

use pollster::block_on;
use rtrain::data::{Dataset, Table, TableFormat, Task};
use rtrain::diagnostic::Result;
use rtrain::storage::DiskDirectory;
use rtrain::train::arguments::{RawValue, TrainingArguments, Values};
use rtrain::train::callback::{Course, Event, TrainerCallback, TrainerControl};
use rtrain::train::checkpoint::Checkpoint;
use rtrain::train::engine::Engine;
use rtrain::train::preparation::{LoadedModel, ModelSources, TextColumns};
use rtrain::train::{EvalSet, Host, Outcome, Progress, Trainer};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

#[test]
fn as_release_5_23_0() {
    check("5.23.0");
}

#[test]
fn as_release_4_57_6() {
    check("4.57.6");
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/semantics")
}

fn check(release: &str) {
    let golden: Value = serde_json::from_slice(&fs::read(golden().join(format!("{release}.json"))).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap().iter().filter(|case| case.get("refused").is_none());
    let (mut wrong, mut compared) = (0, 0);
    for case in cases {
        let (name, expected) = (case["name"].as_str().unwrap(), case["events"].as_str().unwrap());
        let arguments = [&golden["common"], &case["arguments"]].into_iter().flat_map(|words| words.as_array().unwrap());
        let found = events(arguments.map(|word| word.as_str().unwrap()), release, &golden["letters"]);
        compared += 1;
        if found != expected {
            wrong += 1;
            println!("{release} {name}:\n  {expected}\n  {found}");
        }
    }
    println!("{release}: events of {} of {compared} runs are the Trainer's", compared - wrong);
    assert!(wrong == 0 && compared > 0, "runs whose events are not the Trainer's");
}

/// The events of a run, and of the evaluation and the prediction after it, a letter each, by the step before which they came.
fn events<'a>(words: impl Iterator<Item = &'a str>, release: &str, letters: &Value) -> String {
    let arguments = TrainingArguments::resolve(&values(words, release)).unwrap();
    let column = |table: &Table| table.label_column(&arguments.label_column_name).unwrap();
    let train = table(arguments.train_file.as_deref().unwrap());
    let validation: Vec<Table> = arguments.validation_files.iter().map(|(_, path)| table(path)).collect();
    let (task, _) =
        Task::infer(&column(&train), &validation.iter().map(column).collect::<Vec<_>>().iter().collect::<Vec<_>>(), None).unwrap();
    let source = DiskDirectory::open(golden().join("model")).unwrap();
    let sources = ModelSources { weights: Some(&source), config: &source, tokenizer: &source, is_checkpoint: false, offline: false };
    let mut model = LoadedModel::for_training(&sources, &task, &arguments).unwrap();
    let dataset = |table: &Table| -> Dataset {
        let labels = task.labels(&column(table)).unwrap();
        model.dataset(table, &TextColumns::default(), Some(labels), model.max_length(arguments.max_seq_length)).unwrap()
    };
    let (train, validation) = (dataset(&train), validation.iter().map(dataset).collect::<Vec<_>>());
    let names = arguments.validation_files.iter().map(|(name, _)| name.as_deref());
    let eval_sets = names.zip(&validation).map(|(name, dataset)| EvalSet { name, dataset }).collect();
    let weights = std::mem::take(&mut model.weights);
    let engine = Engine::new(model.bert.clone(), model.table.clone(), weights).with_optimizer(arguments.algorithm);
    let mut trainer = Trainer::new(engine, &arguments, &task, eval_sets, None);
    let heard = Rc::new(RefCell::new(Vec::new()));
    trainer.add_callback(Recorder(Rc::clone(&heard)));
    let mut host = Memory::default();
    assert!(matches!(block_on(trainer.train(&train, &mut host)).unwrap(), Outcome::Finished(_)));
    if arguments.do_eval {
        block_on(trainer.evaluate(&mut host)).unwrap();
    }
    if let Some(path) = &arguments.test_file {
        let test = model.dataset(&table(path), &TextColumns::default(), None, arguments.max_seq_length).unwrap();
        block_on(trainer.predict(&test, &mut host)).unwrap();
    }
    written(&heard.borrow(), letters)
}

/// Arguments as on a command line, with the files of the goldens.
fn values<'a>(words: impl Iterator<Item = &'a str>, release: &str) -> Values {
    let mut values = Values::from_iter([("release".to_owned(), RawValue::command_line(release))]);
    for (name, value) in words.filter_map(|word| word.strip_prefix("--")?.split_once('=')).filter(|(name, _)| *name != "threads") {
        let mut raw = RawValue::command_line(value);
        if let Some(first) = values.get("validation_file").filter(|_| name == "validation_file") {
            raw.value = Value::Array(vec![first.value.clone(), raw.value]);
        }
        values.insert(name.to_owned(), raw);
    }
    values
}

fn table(path: &Path) -> Table {
    let name = path.display().to_string();
    Table::read(&name, TableFormat::of(&name).unwrap(), &fs::read(golden().join(path)).unwrap()).unwrap()
}

/// Notes each event with the step after which it came.
#[derive(Debug)]
struct Recorder(Rc<RefCell<Vec<(u64, &'static str)>>>);

impl TrainerCallback for Recorder {
    fn on_event(&mut self, event: Event<'_>, course: Course<'_>, _control: &mut TrainerControl) {
        self.0.borrow_mut().push((course.state.global_step, method(event)));
    }
}

/// What transformers calls for an event.
fn method(event: Event<'_>) -> &'static str {
    match event {
        Event::InitEnd => "on_init_end",
        Event::TrainBegin => "on_train_begin",
        Event::TrainEnd => "on_train_end",
        Event::EpochBegin => "on_epoch_begin",
        Event::EpochEnd => "on_epoch_end",
        Event::StepBegin => "on_step_begin",
        Event::PreOptimizerStep => "on_pre_optimizer_step",
        Event::OptimizerStep => "on_optimizer_step",
        Event::SubstepEnd => "on_substep_end",
        Event::StepEnd => "on_step_end",
        Event::Evaluate(_) => "on_evaluate",
        Event::Predict(_) => "on_predict",
        Event::Save => "on_save",
        Event::Log(_) => "on_log",
        Event::PredictionStep => "on_prediction_step",
    }
}

/// As the goldens have it: `0:ITEbpo 1:sbpo`.
fn written(heard: &[(u64, &'static str)], letters: &Value) -> String {
    let groups = heard.chunk_by(|(left, _), (right, _)| left == right);
    let group = |group: &[(u64, &'static str)]| {
        let letters: String = group.iter().map(|(_, method)| letters[method].as_str().unwrap()).collect();
        format!("{}:{letters}", group[0].0)
    };
    groups.map(group).collect::<Vec<_>>().join(" ")
}

/// A host that keeps the weights of checkpoints, and nothing else.
#[derive(Debug, Default)]
struct Memory(BTreeMap<String, Vec<Vec<f32>>>);

impl Host for Memory {
    fn seconds(&self) -> f64 {
        0.0
    }

    fn progress(&mut self, _progress: Progress<'_>) {}

    fn save(&mut self, checkpoint: Checkpoint<'_>) -> Result<()> {
        let path = self.checkpoint_path(checkpoint.state.global_step);
        let weights = checkpoint.engine.with_weights(|weights| weights.iter().map(|values| values.to_vec()).collect());
        self.0.insert(path, weights);
        Ok(())
    }

    fn checkpoint_path(&self, step: u64) -> String {
        format!("checkpoint-{step}")
    }

    fn has_directory(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn weights(&self, directory: &str) -> Result<Vec<Vec<f32>>> {
        Ok(self.0[directory].clone())
    }

    fn keep_only(&mut self, checkpoint: &str) {
        self.0.retain(|path, _| path == checkpoint);
    }
}

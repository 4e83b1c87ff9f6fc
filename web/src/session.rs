//! What a page has loaded, and the training on it.

use rtrain::data::{Table, TableFormat, Task};
use rtrain::diagnostic::{Diagnostic, Result};
use rtrain::storage::MemoryDirectory;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::{measure, predict};
use rtrain::train::preparation::{LoadedModel, TextColumns};
use rtrain::train::tables::Tables;
use rtrain::verify::verify;
use serde_json::{Map, Value, json};

use crate::arguments::{Loaded, merged, resolve};
use crate::diagnostic::{missing, to_json};
use crate::model::{describe, has_weights};
use crate::page::{Listener, numbers};
use crate::prediction::predictions;
use crate::table::{self, guess};
use crate::training::Training;

/// The roles of tables, and the arguments that name them.
const ROLES: [(&str, &str); 3] = [("train", "train_file"), ("validation", "validation_file"), ("test", "test_file")];

/// What a page has loaded, and the training on it.
#[derive(Debug, Default)]
pub struct Session {
    /// Files that wait for [`Session::load_model`].
    handed_over: MemoryDirectory,
    model: Option<MemoryDirectory>,
    tables: Tables,
    arguments: Map<String, Value>,
    /// The loaded model, ready to predict, until a training takes its place.
    inference: Option<Inference>,
    training: Option<Training>,
}

#[derive(Debug)]
struct Inference {
    engine: Engine,
    model: LoadedModel,
    task: Task,
}

impl Session {
    /// Hands over a file of a model.
    pub fn add_file(&mut self, name: String, bytes: Vec<u8>) {
        self.handed_over.files.insert(name, bytes);
    }

    /// Checks the files that were handed over and takes them as the model; a training on another one is over.
    ///
    /// # Errors
    /// As [`describe`]; what was loaded before stays.
    pub fn load_model(&mut self, name: String) -> Result<Value> {
        let directory = MemoryDirectory { name, ..std::mem::take(&mut self.handed_over) };
        let described = describe(&directory)?;
        (self.model, self.inference, self.training) = (Some(directory), None, None);
        Ok(described)
    }

    /// Reads a table and takes it for a role; the next training learns from it.
    ///
    /// # Errors
    /// The bytes are no table, or there is no such role.
    pub fn load_table(&mut self, role: &str, name: &str, bytes: &[u8]) -> Result<Value> {
        let table = Table::read(name, TableFormat::of(name)?, bytes)?;
        let described = table::describe(&table, &table::columns(&table, &self.arguments));
        match role {
            "train" => self.tables.train = Some(table),
            "validation" => self.tables.validation = vec![(None, table)],
            "test" => self.tables.test = Some(table),
            _ => return Err(missing(&format!("there is no role {role} for a table"), "the roles are train, validation and test")),
        }
        Ok(described)
    }

    /// Sets arguments; null takes one back to its default.
    ///
    /// # Errors
    /// A name or a value is wrong, or they do not fit each other; then all stay as they were.
    pub fn set_arguments(&mut self, values: &str) -> Result<()> {
        let arguments = merged(&self.arguments, values)?;
        // What has not been loaded yet is taken for granted.
        let mut loaded = self.loaded();
        for (argument, name) in &mut loaded.tables[..2] {
            name.get_or_insert_with(|| (*argument).to_owned());
        }
        resolve(&arguments, &loaded)?;
        self.arguments = arguments;
        Ok(())
    }

    /// Begins a training on what is loaded.
    ///
    /// # Errors
    /// Something is missing, or does not fit.
    pub fn start(&mut self, time: &str, listener: Listener<'_>) -> Result<()> {
        let model = self.model.as_ref().ok_or_else(no_model)?;
        if self.tables.train.is_none() {
            return Err(missing("there is no table to train on", "load a table of the role train"));
        }
        let arguments = resolve(&self.arguments, &self.loaded())?;
        (self.inference, self.training) = (None, None);
        self.training = Some(Training::start(model, &self.tables, arguments, time, listener)?);
        Ok(())
    }

    /// Makes the next step of the training; at its end an object with its metrics.
    ///
    /// # Errors
    /// There is no training, or its files could not be written.
    pub fn advance(&mut self, listener: Listener<'_>) -> Result<Option<Value>> {
        self.training.as_mut().ok_or_else(|| missing("there is no training", "begin one first"))?.advance(listener)
    }

    /// Lets the training end before its next step.
    pub fn stop(&mut self) {
        if let Some(training) = &mut self.training {
            training.stop();
        }
    }

    /// Measures the model as it is now on the validation table.
    ///
    /// # Errors
    /// There is no such table, or the model is no classifier yet.
    pub fn evaluate(&mut self, listener: Listener<'_>) -> Result<Value> {
        if let Some(training) = &mut self.training {
            return training.evaluate(listener);
        }
        let Some((_, table)) = self.tables.validation.first() else {
            return Err(missing("there is no table to evaluate on", "load a table of the role validation"));
        };
        let arguments = resolve(&self.arguments, &self.loaded())?;
        let labels = table.label_column(&arguments.label_column_name)?;
        if self.inference.is_none() {
            self.inference = Some(inference(self.model.as_ref())?);
        }
        let Some(Inference { engine, model, task }) = &mut self.inference else { return Err(no_model()) };
        let max_length = model.saved_max_length(None);
        let dataset = model.dataset(table, &TextColumns::of(&arguments), Some(task.labels(&labels)?), max_length)?;
        let rows = dataset.len();
        let progress = |done| listener(json!({"type": "evaluation", "done": done, "total": rows}));
        let predictions = predict(engine, &dataset, arguments.per_device_eval_batch_size, 0.0, progress);
        let measured = measure(task, &predictions.logits, dataset.labels());
        let metrics = measured.into_iter().map(|(name, value)| (format!("eval_{name}"), value.into()));
        let metrics: Vec<_> = [("eval_loss".to_owned(), predictions.loss.into())].into_iter().chain(metrics).collect();
        Ok(numbers(&metrics).into())
    }

    /// What the model as it is now says of texts.
    ///
    /// # Errors
    /// As [`predictions`], or the model is no classifier yet.
    pub fn predict(&mut self, texts: &str) -> Result<Value> {
        if let Some(training) = &mut self.training {
            return training.predict(texts);
        }
        if self.inference.is_none() {
            self.inference = Some(inference(self.model.as_ref())?);
        }
        let Some(Inference { engine, model, task }) = &mut self.inference else { return Err(no_model()) };
        let max_length = model.saved_max_length(None);
        predictions(engine, model, task, max_length, texts)
    }

    /// Writes the directory of the run as it is now, and lists its files; without a training, those of the loaded model.
    ///
    /// # Errors
    /// Nothing is loaded.
    pub fn list_files(&mut self) -> Result<Vec<String>> {
        match (&mut self.training, &self.model) {
            (Some(training), _) => {
                training.save()?;
                Ok(training.files())
            }
            (None, Some(model)) => Ok(model.files.keys().cloned().collect()),
            (None, None) => Err(no_model()),
        }
    }

    /// The bytes of a file that [`Session::list_files`] named.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        match &self.training {
            Some(training) => training.file(name),
            None => self.model.as_ref()?.files.get(name).cloned(),
        }
    }

    /// Checks the directory of the run as it is now, without its checkpoints: what was found, and how many files there are.
    ///
    /// # Errors
    /// Nothing is loaded.
    pub fn verify(&mut self) -> Result<Value> {
        let names = self.list_files()?;
        let of_model = names.into_iter().filter(|name| !name.contains('/'));
        let files = of_model.filter_map(|name| Some((name.clone(), self.file(&name)?))).collect();
        let report = verify(&MemoryDirectory { name: String::new(), files });
        let findings = |findings: &[Diagnostic]| findings.iter().map(to_json).collect::<Vec<_>>();
        // What lets the command line stop with an error is a finding here.
        Ok(match report {
            Ok(report) => json!({"findings": findings(&report.findings), "files": report.files.len()}),
            Err(error) => json!({"findings": findings(std::slice::from_ref(error.diagnostic())), "files": 0}),
        })
    }

    fn loaded(&self) -> Loaded {
        let named = |table: Option<&Table>| table.map(|table| table.name().to_owned());
        let validation = self.tables.validation.first().map(|(_, table)| table);
        let tables = [self.tables.train.as_ref(), validation, self.tables.test.as_ref()];
        let mut columns = Vec::new();
        if let Some(table) = &self.tables.train {
            let guess = guess(table);
            if !guess.texts.is_empty() {
                columns.push(("text_column_names", guess.texts.into()));
            }
            columns.extend(guess.labels.map(|name| ("label_column_name", name.into())));
        }
        let model = self.model.as_ref().map(|model| (model.name.clone(), has_weights(model)));
        Loaded { model, tables: std::array::from_fn(|index| (ROLES[index].1, named(tables[index]))), columns }
    }
}

fn inference(model: Option<&MemoryDirectory>) -> Result<Inference> {
    let mut model = LoadedModel::for_inference(model.ok_or_else(no_model)?, false)?;
    let task = model.task()?;
    let engine = Engine::new(model.bert.clone(), model.table.clone(), std::mem::take(&mut model.weights));
    Ok(Inference { engine, model, task })
}

fn no_model() -> rtrain::diagnostic::Error {
    missing("there is no model", "load one first")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn loaded() -> Session {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/semantics");
        let mut session = Session::default();
        for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
            session.add_file(name.to_owned(), std::fs::read(folder.join("model").join(name)).unwrap());
        }
        session.load_model("small".to_owned()).unwrap();
        session.load_table("train", "train.csv", &std::fs::read(folder.join("train.csv")).unwrap()).unwrap();
        session.set_arguments(r#"{"ignore_mismatched_sizes": true, "max_steps": 4, "save_steps": 2}"#).unwrap();
        session
    }

    /// The events of a training to its end, and what it ends with; `between` is called before every step.
    fn train(session: &mut Session, mut between: impl FnMut(&mut Session)) -> (Vec<Value>, Value) {
        let mut events = Vec::new();
        session.start("Jan01_00-00-00", &mut |event| events.push(event)).unwrap();
        loop {
            between(session);
            if let Some(outcome) = session.advance(&mut |event| events.push(event)).unwrap() {
                return (events, outcome);
            }
        }
    }

    fn losses(events: &[Value]) -> Vec<f64> {
        events.iter().filter(|event| event["type"] == "step").map(|event| event["loss"].as_f64().unwrap()).collect()
    }

    #[test]
    fn what_is_asked_between_steps_changes_no_step() {
        let mut session = loaded();
        let (events, outcome) = train(&mut session, |_| {});
        assert_eq!((losses(&events).len(), &outcome["stopped"]), (4, &false.into()));
        let names = session.list_files().unwrap();
        assert!(names.iter().any(|name| name == "checkpoint-4/optimizer.pt") && names.iter().any(|name| name == "trainer_state.json"));
        assert_eq!(session.verify().unwrap()["findings"], json!([]));
        let weights = session.file("model.safetensors").unwrap();

        let mut predictions = Vec::new();
        let (again, _) = train(&mut session, |session| {
            predictions.push(session.predict(r#"[["a good one"]]"#).unwrap());
            session.list_files().unwrap();
        });
        assert_eq!(losses(&again), losses(&events));
        assert_ne!(predictions.first(), predictions.last());
        assert_eq!(session.list_files().unwrap(), names);
        assert_eq!(session.file("model.safetensors").unwrap(), weights);
    }

    #[test]
    fn a_training_that_is_stopped_has_results() {
        let mut session = loaded();
        let mut calls = 0;
        let (events, outcome) = train(&mut session, |session| {
            calls += 1;
            if calls == 3 {
                session.stop();
            }
        });
        assert_eq!((losses(&events).len(), &outcome["stopped"]), (2, &true.into()));
        assert!(outcome["metrics"]["train_loss"].as_f64().unwrap() > 0.0);
        assert!(session.file("train_results.json").is_some());
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut session = Session::default();
        let code = |result: Result<Value>| result.unwrap_err().diagnostic().code;
        assert_eq!(code(session.load_model("m".to_owned())), "config-missing");
        assert_eq!(code(session.predict("[]")), "missing-argument");
        assert_eq!(code(session.evaluate(&mut |_| {})), "missing-argument");
        assert_eq!(code(session.load_table("train", "t.csv", b"text,label\n")), "table-empty");
        assert_eq!(session.start("t", &mut |_| {}).unwrap_err().diagnostic().message, "there is no model");
    }
}

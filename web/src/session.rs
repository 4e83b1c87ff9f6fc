//! What a page has loaded, and the training on it.

mod keeping;
#[cfg(test)]
mod tests;

use rtrain::data::{Table, TableFormat};
use rtrain::diagnostic::{Diagnostic, Result};
use rtrain::storage::MemoryDirectory;
use rtrain::train::preparation::TextColumns;
use rtrain::train::self_check::{Deviation, judge, self_check};
use rtrain::train::tables::Tables;
use rtrain::verify::verify;
use serde_json::{Map, Value, json};
use std::rc::Rc;

use crate::arguments::{Loaded, merged, resolve};
use crate::classifier::Evaluation;
use crate::device::{self, Device};
use crate::diagnostic::{missing, to_json};
use crate::inference::Inference;
use crate::model::{describe, has_weights};
use crate::requests::{Desk, Request};
use crate::surroundings::{Surroundings, Work};
use crate::table::{self, guess};
use crate::training::Training;

/// The roles of tables, and the arguments that name them.
const ROLES: [(&str, &str); 3] = [("train", "train_file"), ("validation", "validation_file"), ("test", "test_file")];

/// What a page has loaded, and the training on it.
pub struct Session {
    surroundings: Rc<dyn Surroundings>,
    device: Device,
    /// Files that wait for [`Session::load_model`].
    handed_over: MemoryDirectory,
    model: Option<MemoryDirectory>,
    tables: Tables,
    arguments: Map<String, Value>,
    /// The loaded model, ready to predict, until a training takes its place.
    inference: Option<Inference>,
    training: Option<Training>,
    /// Checkpoints from the newest of which the next training goes on.
    kept: MemoryDirectory,
}

/// What comes later.
type Answer = Work<Result<Value>>;

impl Session {
    /// A session in which nothing is loaded, on a device.
    pub fn new(surroundings: Rc<dyn Surroundings>, device: Device) -> Session {
        Session {
            surroundings,
            device,
            handed_over: MemoryDirectory::default(),
            model: None,
            tables: Tables::default(),
            arguments: Map::new(),
            inference: None,
            training: None,
            kept: MemoryDirectory::default(),
        }
    }

    /// Another session on the same device, in which nothing is loaded.
    pub fn another(&self) -> Session {
        Session::new(Rc::clone(&self.surroundings), self.device.clone())
    }

    /// Takes another device for what begins from now on.
    pub fn move_to(&mut self, device: Device) {
        self.device = device;
    }

    /// What trains and predicts.
    pub fn device(&self) -> Value {
        device::describe(&self.device)
    }

    /// Bytes of the tensors on the GPU; none where the processor computes.
    pub fn gpu_bytes(&self) -> u64 {
        self.device.as_ref().map_or(0, |gpu| gpu.allocated_bytes())
    }

    /// Ends the GPU, as a crash of its driver would.
    pub fn lose_device(&self) {
        if let Some(gpu) = &self.device {
            gpu.destroy();
        }
    }

    /// Compares the GPU with the processor: the largest deviations, case by case.
    ///
    /// # Errors
    /// There is no GPU, it is lost, or it computes wrong results.
    pub fn self_check(&self) -> Answer {
        let device = self.device.clone();
        Box::pin(async move {
            let gpu = device.ok_or_else(|| missing("there is no GPU to check", "open the session on webgpu"))?;
            let deviations = self_check(&gpu).await?;
            judge(&deviations)?;
            let row = |deviation: Deviation| json!({"case": deviation.case, "tensor": deviation.tensor, "share": deviation.share});
            Ok(deviations.into_iter().map(row).collect())
        })
    }

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

    /// Begins a training on what is loaded, once [what ends](Session::end) for it has ended.
    ///
    /// # Errors
    /// Something is missing, or does not fit.
    pub fn start(&mut self, time: &str) -> Result<Answer> {
        let model = self.model.as_ref().ok_or_else(no_model)?;
        if self.tables.train.is_none() {
            return Err(missing("there is no table to train on", "load a table of the role train"));
        }
        let arguments = resolve(&self.arguments, &self.loaded())?;
        let kept = std::mem::take(&mut self.kept);
        let training = Training::prepare(model, &self.tables, arguments, kept, time, &self.surroundings, &self.device)?;
        let training = self.training.insert(training);
        Ok(training.desk.ask(Request::Begin))
    }

    /// Ends what is at work, so that its memory is free.
    pub fn end(&mut self) -> Work<()> {
        let desks = [self.inference.take().map(|inference| inference.desk), self.training.take().map(|training| training.desk)];
        Box::pin(async {
            for desk in desks.into_iter().flatten() {
                desk.close().await;
            }
        })
    }

    /// Makes the next step of the training; at its end an object with its metrics, and null before.
    ///
    /// # Errors
    /// There is no training, or its files could not be written.
    pub fn advance(&self) -> Result<Answer> {
        let training = self.training().ok_or_else(|| missing("there is no training", "begin one first"))?;
        Ok(training.desk.ask(Request::Advance))
    }

    /// Lets the training end before its next step.
    pub fn stop(&self) {
        if let Some(training) = self.training() {
            drop(training.desk.ask(Request::Stop));
        }
    }

    /// Measures the model as it is now on the validation table.
    ///
    /// # Errors
    /// There is no such table, or the model is no classifier yet.
    pub fn evaluate(&mut self) -> Result<Answer> {
        if let Some(training) = self.training() {
            return Ok(training.desk.ask(Request::Evaluate(training.evaluation()?)));
        }
        if self.tables.validation.is_empty() {
            return Err(missing("there is no table to evaluate on", "load a table of the role validation"));
        }
        let arguments = resolve(&self.arguments, &self.loaded())?;
        self.inference()?;
        let (Some(inference), Some((_, table))) = (&self.inference, self.tables.validation.first()) else { return Err(no_model()) };
        let (classifier, labels) = (inference.classifier(), table.label_column(&arguments.label_column_name)?);
        let labels = classifier.task.labels(&labels)?;
        let dataset = classifier.model.dataset(table, &TextColumns::of(&arguments), Some(labels), classifier.max_length)?;
        let (dataset, batch_size) = (Rc::new(dataset), arguments.per_device_eval_batch_size);
        Ok(inference.desk.ask(Request::Evaluate(Evaluation { dataset, batch_size, label_smoothing_factor: 0.0 })))
    }

    /// What the model as it is now says of texts.
    ///
    /// # Errors
    /// The texts cannot be read, or the model is no classifier yet.
    pub fn predict(&mut self, texts: &str) -> Result<Answer> {
        let desk: &Desk = match self.training() {
            Some(training) => &training.desk,
            None => &self.inference()?.desk,
        };
        Ok(desk.ask(Request::Predict(texts.to_owned())))
    }

    /// Writes the directory of the run as it is now.
    pub fn save(&self) -> Answer {
        match self.training() {
            Some(training) => training.desk.ask(Request::Save),
            None => Box::pin(std::future::ready(Ok(Value::Null))),
        }
    }

    /// The files of the run as they were last [saved](Session::save); without a training, those of the loaded model.
    ///
    /// # Errors
    /// Nothing is loaded.
    pub fn list_files(&self) -> Result<Vec<String>> {
        match (self.training(), &self.model) {
            (Some(training), _) => Ok(training.files()),
            (None, Some(model)) => Ok(model.files.keys().cloned().collect()),
            (None, None) => Err(no_model()),
        }
    }

    /// The bytes of a file that [`Session::list_files`] named.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        match self.training() {
            Some(training) => training.file(name),
            None => self.model.as_ref()?.files.get(name).cloned(),
        }
    }

    /// Checks the directory of the run as it was last [saved](Session::save), without its checkpoints: what was found, and how many files
    /// there are.
    ///
    /// # Errors
    /// Nothing is loaded.
    pub fn verify(&self) -> Result<Value> {
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

    /// The training, unless it could not begin.
    fn training(&self) -> Option<&Training> {
        self.training.as_ref().filter(|training| training.desk.is_open())
    }

    /// The loaded model, ready to predict.
    fn inference(&mut self) -> Result<&Inference> {
        if !self.inference.as_ref().is_some_and(|inference| inference.desk.is_open()) {
            self.inference = Some(Inference::load(self.model.as_ref().ok_or_else(no_model)?, &self.surroundings, &self.device)?);
        }
        self.inference.as_ref().ok_or_else(no_model)
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

fn no_model() -> rtrain::diagnostic::Error {
    missing("there is no model", "load one first")
}

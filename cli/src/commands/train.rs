//! `rtrain train`: what `run_classification.py` does, from arguments to files.

use super::model::{precision, progress_bar, read_table, set_threads};
use crate::offline::offline;
use crate::{arguments, config_file, render};
use clap::ArgMatches;
use indicatif::ProgressBar;
use rtrain::architecture::LoadReport;
use rtrain::data::{Dataset, Table, Task};
use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::format::run::results::results_bytes;
use rtrain::format::torch::training_args::Surroundings;
use rtrain::storage::commit::{commit_directory, commit_file, prepare_directory, remove_directory};
use rtrain::storage::{DiskDirectory, NativeFileSystem};
use rtrain::train::arguments::TrainingArguments;
use rtrain::train::checkpoint::{Checkpoint, TRAINING_ARGS, training_args};
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::{argmax, predict};
use rtrain::train::preparation::{LoadedModel, ModelSources, TextColumns, model_directory};
use rtrain::train::{Host, Progress, Trainer};
use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

/// Trains, evaluates and predicts as the arguments say.
///
/// # Errors
/// Something is missing, malformed, or cannot be written.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    set_threads(arguments::threads_of(matches))?;
    let values = config_file::merged(arguments::train_config(matches), arguments::train_values(matches))?;
    let arguments = TrainingArguments::resolve(&values)?;
    let quiet = matches.get_flag("quiet");
    let tables = Tables::read(&arguments)?;
    let task = tables.task(&arguments, quiet)?;
    let mut model = load_model(&arguments, &task)?;
    if !quiet {
        tell_loading(&arguments, &model);
    }
    let output_dir = output_dir(&arguments);
    prepare_directory(&NativeFileSystem, &output_dir, 4 * model.table.numel() as u64)?;
    let max_length = model.max_length(arguments.max_seq_length);
    let train = tables.dataset(&model, &arguments, &task, tables.train.as_ref(), arguments.max_train_samples, max_length)?;
    let eval = tables.dataset(&model, &arguments, &task, tables.validation.as_ref(), arguments.max_eval_samples, max_length)?;
    model.tokenizer.set_truncation_and_padding(max_length as u64, arguments.pad_to_max_length);

    let weights = std::mem::take(&mut model.weights);
    let engine = Engine::new(model.bert.clone(), model.table.clone(), weights).with_precision(precision(arguments.bf16, quiet));
    let engine = engine.with_optimizer(arguments.algorithm);
    let mut trainer = Trainer::new(engine, &arguments, &task, eval.as_ref(), arguments.pad_to_max_length.then_some(max_length));
    let mut host = Terminal::new(
        &arguments,
        &model,
        output_dir,
        train.as_ref().map_or(0, |rows| arguments.length(rows.len()).total_steps as u64),
        quiet,
    )?;
    let mut all_results = Vec::new();
    if let (true, Some(train)) = (arguments.do_train, &train) {
        let mut metrics = trainer.train(train, &mut host)?;
        host.end_training();
        metrics.push(("train_samples".to_owned(), train.len().into()));
        save_model(&model, &mut trainer.engine, &host.output_dir, &host.training_args)?;
        host.write("trainer_state.json", &trainer.state.to_bytes())?;
        host.results("train", &metrics, &mut all_results)?;
    }
    if let (true, Some(eval)) = (arguments.do_eval, &eval) {
        host.end_training();
        let mut metrics = trainer.evaluate(&mut host).unwrap_or_default();
        metrics.push(("eval_samples".to_owned(), eval.len().into()));
        if arguments.do_train {
            metrics.push(("epoch".to_owned(), trainer.state.epoch.into()));
        }
        host.results("eval", &metrics, &mut all_results)?;
    }
    if let (true, Some(table)) = (arguments.do_predict, &tables.test) {
        let columns = columns(&arguments);
        let mut dataset = model.dataset(table, &columns, None, max_length)?;
        if let Some(samples) = arguments.max_predict_samples {
            dataset = dataset.truncated(samples);
        }
        let bar = progress_bar(dataset.len() as u64, quiet);
        let progress = |done| bar.set_position(done as u64);
        let logits = predict(&mut trainer.engine, &dataset, arguments.per_device_eval_batch_size, 0.0, progress).logits;
        bar.finish_and_clear();
        host.write("predict_results.txt", predict_results(&task, &logits).as_bytes())?;
    }
    Ok(0)
}

/// Writes the model with the arguments of the run.
fn save_model(model: &LoadedModel, engine: &mut Engine, directory: &str, training_args: &[u8]) -> Result<()> {
    engine.with_weights(|weights| {
        let saved = model_directory(&model.config, &model.tokenizer, &model.table, &model.saved_names, weights);
        let more = [(TRAINING_ARGS.to_owned(), vec![Cow::Borrowed(training_args)])];
        saved.with_files(|files| commit_directory(&NativeFileSystem, directory, &files.into_iter().chain(more).collect()))
    })
}

/// What transformers records of the machine.
fn surroundings() -> Surroundings {
    let time = jiff::Zoned::now().strftime("%b%d_%H-%M-%S").to_string();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Surroundings { gpus: 0, logging_folder: format!("runs/{time}_{host}"), reports: Vec::new() }
}

struct Tables {
    train: Option<Table>,
    validation: Option<Table>,
    test: Option<Table>,
}

impl Tables {
    fn read(arguments: &TrainingArguments) -> Result<Tables> {
        let read = |path: &Option<std::path::PathBuf>| path.as_deref().map(read_table).transpose();
        Ok(Tables { train: read(&arguments.train_file)?, validation: read(&arguments.validation_file)?, test: read(&arguments.test_file)? })
    }

    /// The task that the labels of the tables ask for.
    fn task(&self, arguments: &TrainingArguments, quiet: bool) -> Result<Task> {
        let column = |table: &Table| table.label_column(&arguments.label_column_name);
        let Some(train) = self.train.as_ref().or(self.validation.as_ref()) else {
            return Err(Error::misuse(
                Diagnostic::new("missing-argument", Site::default(), "there is no table with labels").hint("pass --train_file"),
            ));
        };
        let mut others = Vec::new();
        for table in [&self.validation, &self.test].into_iter().flatten() {
            if table.has_column(&arguments.label_column_name) {
                others.push(column(table)?);
            }
        }
        let (task, unknown) = Task::infer(&column(train)?, &others.iter().collect::<Vec<_>>(), arguments.do_regression)?;
        if !unknown.is_empty() && !quiet {
            anstream::eprintln!("labels that the training table does not have: {}", unknown.join(", "));
        }
        if arguments.label_smoothing_factor != 0.0 && !matches!(task, Task::SingleLabel(_)) {
            let diagnostic = Diagnostic::new("argument-conflict", Site::default(), "label_smoothing_factor needs one class label a row");
            return Err(Error::misuse(diagnostic.hint("leave it out")));
        }
        Ok(task)
    }

    fn dataset(
        &self,
        model: &LoadedModel,
        arguments: &TrainingArguments,
        task: &Task,
        table: Option<&Table>,
        max_samples: Option<usize>,
        max_length: usize,
    ) -> Result<Option<Dataset>> {
        let Some(table) = table else { return Ok(None) };
        let labels = task.labels(&table.label_column(&arguments.label_column_name)?)?;
        let dataset = model.dataset(table, &columns(arguments), Some(labels), max_length)?;
        Ok(Some(max_samples.map_or(dataset.clone(), |samples| dataset.truncated(samples))))
    }
}

fn columns(arguments: &TrainingArguments) -> TextColumns {
    TextColumns { names: arguments.text_column_names.clone(), delimiter: arguments.text_column_delimiter.clone() }
}

fn load_model(arguments: &TrainingArguments, task: &Task) -> Result<LoadedModel> {
    let open = |path: &Path| DiskDirectory::open(if path.is_file() { path.parent().unwrap_or(path) } else { path });
    let weights = arguments.model_name_or_path.as_deref().map(open).transpose()?;
    let config = arguments.config_name.as_deref().map(open).transpose()?;
    let tokenizer = arguments.tokenizer_name.as_deref().map(open).transpose()?;
    let missing = || {
        Error::misuse(
            Diagnostic::new("missing-argument", Site::default(), "there is no model").hint("pass --model_name_or_path or --config_name"),
        )
    };
    let config = config.as_ref().or(weights.as_ref()).ok_or_else(missing)?;
    let tokenizer = tokenizer.as_ref().or(weights.as_ref()).unwrap_or(config);
    let weights = weights.as_ref().map(|directory| directory as &dyn rtrain::storage::Source);
    let sources = ModelSources { weights, config, tokenizer, offline: offline() };
    LoadedModel::for_training(&sources, task, arguments)
}

/// `output_dir`; where it is a link, what it leads to, so that the link stays when the directory is replaced.
fn output_dir(arguments: &TrainingArguments) -> String {
    let path = &arguments.output_dir;
    let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
    target.as_ref().unwrap_or(path).display().to_string()
}

/// Says which tensors were initialised and which were left over, as transformers' load report does.
fn tell_loading(arguments: &TrainingArguments, model: &LoadedModel) {
    let from = arguments.model_name_or_path.as_deref().map_or_else(String::new, |path| path.display().to_string());
    match &model.report {
        Some(report) if !report.is_clean() => anstream::eprint!("{}", load_report(&from, report)),
        Some(_) => {}
        None => anstream::eprintln!("all {} parameters start from random values", model.table.numel()),
    }
    if let Some(widened) = model.report.as_ref().filter(|report| !report.widened.is_empty()) {
        anstream::eprintln!("weights stored as {} are trained and saved as F32", widened.widened.join(", "));
    }
}

fn load_report(from: &str, report: &LoadReport) -> String {
    let mut rows: Vec<(String, &str)> = report.unexpected.iter().map(|name| (name.clone(), "UNEXPECTED: not used by this model")).collect();
    rows.extend(report.missing.iter().map(|name| (name.clone(), "MISSING: newly initialized; train before use")));
    rows.extend(
        report
            .mismatched
            .iter()
            .map(|(name, found, expected)| (format!("{name} {found:?} -> {expected:?}"), "MISMATCH: newly initialized")),
    );
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = format!("BertForSequenceClassification LOAD REPORT from: {from}\n");
    for (name, status) in rows {
        text.push_str(&format!("  {name:width$} | {status}\n"));
    }
    text
}

/// `predict_results.txt` as `run_classification.py` writes it.
fn predict_results(task: &Task, logits: &[f32]) -> String {
    let width = task.num_labels().max(1);
    let mut text = "index\tprediction\n".to_owned();
    let classes = argmax(logits, width);
    for (index, row) in logits.chunks_exact(width).enumerate() {
        let prediction = match task {
            Task::Regression => format!("{:.3}", row[0]),
            Task::SingleLabel(labels) => labels.name(classes[index]).unwrap_or_default().to_owned(),
            Task::MultiLabel(labels) => {
                let named = row.iter().enumerate().filter(|(_, logit)| **logit > 0.0).filter_map(|(id, _)| labels.name(id as u32));
                format!("[{}]", named.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
            }
        };
        text.push_str(&format!("{index}\t{prediction}\n"));
    }
    text
}

/// The terminal and the disk around a run.
struct Terminal<'a> {
    started: Instant,
    /// Steps of the training, then rows of the evaluation.
    bar: ProgressBar,
    is_training: bool,
    quiet: bool,
    output_dir: String,
    arguments: &'a TrainingArguments,
    /// `training_args.bin`, the same in every directory of the run.
    training_args: Vec<u8>,
    model: &'a LoadedModel,
}

impl<'a> Terminal<'a> {
    fn new(arguments: &'a TrainingArguments, model: &'a LoadedModel, output_dir: String, steps: u64, quiet: bool) -> Result<Self> {
        let training_args = training_args(arguments, &surroundings())?;
        let bar = progress_bar(steps, quiet);
        Ok(Terminal { started: Instant::now(), bar, is_training: true, quiet, output_dir, arguments, training_args, model })
    }

    fn end_training(&mut self) {
        self.bar.finish_and_clear();
        self.is_training = false;
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        commit_file(&NativeFileSystem, &format!("{}/{name}", self.output_dir), bytes)
    }

    /// `{split}_results.json`, `all_results.json`, and the metrics on standard output.
    fn results(&self, split: &str, metrics: &[(String, Json)], all: &mut Vec<(String, Json)>) -> Result<()> {
        all.retain(|(name, _)| !metrics.iter().any(|(new, _)| new == name));
        all.extend_from_slice(metrics);
        self.write(&format!("{split}_results.json"), &results_bytes(metrics))?;
        self.write("all_results.json", &results_bytes(all))?;
        let mut sorted = metrics.to_vec();
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
        let width = sorted.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = format!("***** {split} metrics *****\n");
        for (name, value) in sorted {
            text.push_str(&format!("  {name:width$} = {:>10}\n", number(&value)));
        }
        render::print(&text)
    }
}

fn number(value: &Json) -> String {
    match value {
        Json::Float(value) => format!("{value:.4}"),
        other => dumps(other, Layout::Compact),
    }
}

impl Host for Terminal<'_> {
    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn progress(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Step { step, loss, .. } => {
                self.bar.set_position(step);
                self.bar.set_message(format!("loss {loss:.4}"));
            }
            Progress::Log(entry) if !self.quiet => {
                let values = entry.entries().unwrap_or(&[]).iter().filter(|(name, _)| name != "total_flos");
                let line = values.map(|(name, value)| format!("{name} {}", log_number(name, value))).collect::<Vec<_>>().join("  ");
                self.bar.suspend(|| anstream::eprintln!("{line}"));
            }
            Progress::Log(_) => {}
            Progress::Evaluation(done, total) if self.is_training => {
                self.bar.set_prefix(if done == total { String::new() } else { format!("evaluating {done}/{total}  ") });
            }
            Progress::Evaluation(done, total) => {
                if self.bar.is_finished() {
                    self.bar = progress_bar(total as u64, self.quiet);
                }
                self.bar.set_position(done as u64);
                if done == total {
                    self.bar.finish_and_clear();
                }
            }
        }
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint<'_>) -> Result<()> {
        let directory = format!("{}/checkpoint-{}", self.output_dir, checkpoint.state.global_step);
        checkpoint.with_files(self.model, &self.training_args, |files| commit_directory(&NativeFileSystem, &directory, &files))?;
        self.rotate()
    }
}

fn log_number(name: &str, value: &Json) -> String {
    match value {
        Json::Float(value) if name == "learning_rate" => format!("{value:.3e}"),
        other => number(other),
    }
}

impl Terminal<'_> {
    /// Removes the oldest checkpoints beyond `save_total_limit`, after the new one is whole.
    fn rotate(&self) -> Result<()> {
        use rtrain::storage::commit::FileSystem;
        let Some(limit) = self.arguments.save_total_limit.filter(|limit| *limit > 0) else { return Ok(()) };
        let io = |error: std::io::Error| Error::io(self.output_dir.as_str(), "remove old checkpoints", &error);
        let names = NativeFileSystem.list(&self.output_dir).map_err(io)?;
        let mut steps: Vec<u64> = names.iter().filter_map(|name| name.strip_prefix("checkpoint-")?.parse().ok()).collect();
        steps.sort_unstable();
        for step in steps.iter().take(steps.len().saturating_sub(limit)) {
            remove_directory(&NativeFileSystem, &format!("{}/checkpoint-{step}", self.output_dir))?;
        }
        Ok(())
    }
}

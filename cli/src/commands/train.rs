//! `rtrain train`: what `run_classification.py` does, from arguments to files.

use super::model::{open_device, precision, progress_bar, read_table, set_threads};
use crate::interruption::Interruption;
use crate::offline::offline;
use crate::terminal::Terminal;
use crate::{arguments, config_file, render};
use clap::ArgMatches;
use rtrain::architecture::LoadReport;
use rtrain::checkpoints::{Checkpoints, checkpoint_at};
use rtrain::data::Task;
use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::format::torch::training_args::Surroundings;
use rtrain::storage::commit::prepare_directory;
use rtrain::storage::{DiskDirectory, NativeFileSystem};
use rtrain::train::arguments::{ResumeFrom, TrainingArguments};
use rtrain::train::checkpoint::training_args;
use rtrain::train::device;
use rtrain::train::preparation::{LoadedModel, ModelSources};
use rtrain::train::resumption::Resumption;
use rtrain::train::run_directory::RunDirectory;
use rtrain::train::tables::Tables;
use rtrain::train::{EvalSet, Host, Outcome, Trainer};
use std::path::{Path, PathBuf};

/// Trains, evaluates and predicts as the arguments say.
///
/// # Errors
/// Something is missing, malformed, or cannot be written.
pub async fn run(matches: &ArgMatches) -> Result<u8> {
    set_threads(arguments::threads_of(matches))?;
    let values = config_file::merged(arguments::train_config(matches), arguments::train_values(matches))?;
    let arguments = TrainingArguments::resolve(&values)?;
    let quiet = matches.get_flag("quiet");
    let tables = read_tables(&arguments)?;
    let task = task(&tables, &arguments, quiet)?;
    let output_dir = output_dir(&arguments);
    let checkpoint = checkpoint(&arguments, &output_dir, quiet)?;
    let mut model = load_model(&arguments, &task, checkpoint.as_ref())?;
    if !quiet {
        tell_loading(&arguments, &model, checkpoint.as_ref());
    }
    prepare_directory(&NativeFileSystem, &output_dir, 4 * model.table.numel() as u64)?;
    let max_length = model.max_length(arguments.max_seq_length);
    let train = tables.train_dataset(&model, &arguments, &task, max_length)?;
    let eval = tables.eval_datasets(&model, &arguments, &task, max_length)?;
    let eval_sets = eval.iter().map(|(name, dataset)| EvalSet { name: name.as_deref(), dataset }).collect();
    model.tokenizer.set_truncation_and_padding(max_length as u64, arguments.pad_to_max_length);

    let weights = std::mem::take(&mut model.weights);
    let gpu = open_device(arguments.device, arguments.bf16, quiet).await?;
    let engine = device::engine(gpu, model.bert.clone(), model.table.clone(), weights).await?;
    let engine = engine.with_precision(precision(arguments.bf16, quiet)).with_optimizer(arguments.algorithm);
    let mut trainer = Trainer::new(engine, &arguments, &task, eval_sets, arguments.pad_to_max_length.then_some(max_length));
    let training_args = training_args(&arguments, &surroundings())?;
    let steps = train.as_ref().map_or(0, |rows| arguments.length(rows.len()).total_steps as u64);
    let bar = progress_bar(steps, quiet || arguments.disable_tqdm);
    let below = bar.clone();
    let interruption = Interruption::install(move |told| below.suspend(|| anstream::eprintln!("{told}")))?;
    let system = &NativeFileSystem;
    let directory = RunDirectory { system, path: &output_dir, arguments: &arguments, training_args: &training_args, model: &model };
    let mut host = Terminal::new(directory, &interruption, bar, quiet);
    if let Some(Found { resumption, .. }) = checkpoint {
        host.take_over(&resumption.state)?;
        trainer.resume_from(resumption);
    }
    let mut all_results = Vec::new();
    if let (true, Some(train)) = (arguments.do_train, &train) {
        let outcome = trainer.train(train, &mut host).await?;
        host.end_training();
        interruption.no_longer_waits();
        let Outcome::Finished(mut metrics) = outcome else {
            let checkpoint = host.checkpoint_path(trainer.state.global_step);
            let saved = format!("{checkpoint} is saved, and --resume_from_checkpoint goes on from there");
            tell_interrupted(if host.has_directory(&checkpoint) { &saved } else { "no step was done, and nothing saved" }, quiet);
            return Ok(interruption.requested().map_or(1, |signal| signal.exit_code()));
        };
        metrics.push(("train_samples".to_owned(), train.len().into()));
        directory.save_model(&mut trainer.engine).await?;
        directory.save_state(&trainer.state)?;
        host.remove_extra_checkpoints()?;
        host.results("train", &metrics, &mut all_results)?;
        if let Some(signal) = interruption.requested() {
            tell_interrupted(&format!("the training was over; {output_dir} has its model"), quiet);
            return Ok(signal.exit_code());
        }
    }
    if arguments.do_eval && !eval.is_empty() {
        host.end_training();
        let mut metrics = trainer.evaluate(&mut host).await?;
        metrics.push(("eval_samples".to_owned(), eval.iter().map(|(_, dataset)| dataset.len()).sum::<usize>().into()));
        if arguments.do_train {
            metrics.extend(trainer.where_it_stands());
        }
        host.results("eval", &metrics, &mut all_results)?;
    }
    if let (true, Some(dataset)) = (arguments.do_predict, tables.test_dataset(&model, &arguments, max_length)?) {
        host.end_training();
        let logits = trainer.predict(&dataset, &mut host).await?.logits;
        directory.save_predictions(&task, &logits)?;
    }
    Ok(0)
}

/// What transformers records of the machine.
fn surroundings() -> Surroundings {
    let time = jiff::Zoned::now().strftime("%b%d_%H-%M-%S").to_string();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Surroundings { gpus: 0, logging_folder: format!("runs/{time}_{host}"), reports: Vec::new() }
}

fn read_tables(arguments: &TrainingArguments) -> Result<Tables> {
    let read = |path: &Option<PathBuf>| path.as_deref().map(read_table).transpose();
    let named = |(name, path): &(Option<String>, PathBuf)| Ok((name.clone(), read_table(path)?));
    let validation = arguments.validation_files.iter().map(named).collect::<Result<_>>()?;
    Ok(Tables { train: read(&arguments.train_file)?, validation, test: read(&arguments.test_file)? })
}

fn task(tables: &Tables, arguments: &TrainingArguments, quiet: bool) -> Result<Task> {
    let (task, unknown) = tables.task(arguments)?;
    if !unknown.is_empty() && !quiet {
        anstream::eprintln!("labels that the training table does not have: {}", unknown.join(", "));
    }
    Ok(task)
}

/// A checkpoint to go on from.
struct Found {
    /// Its directory.
    path: String,
    resumption: Resumption,
}

/// The checkpoint that `resume_from_checkpoint` asks for; says what it passes over.
fn checkpoint(arguments: &TrainingArguments, output_dir: &str, quiet: bool) -> Result<Option<Found>> {
    let tell = |diagnostic: &Diagnostic| {
        if !quiet {
            render::print_warning(diagnostic);
        }
    };
    let mut found = match &arguments.resume_from_checkpoint {
        None => return Ok(None),
        Some(ResumeFrom::Newest) => Checkpoints::new(&NativeFileSystem, output_dir).newest(tell)?,
        Some(ResumeFrom::Directory(path)) => checkpoint_at(&NativeFileSystem, &path.display().to_string(), tell)?,
    };
    // A checkpoint of the output directory is known by its path, however it was written.
    let own = Path::new(output_dir).join(Path::new(&found.path).file_name().unwrap_or_default());
    if own.canonicalize().is_ok_and(|own| Path::new(&found.path).canonicalize().is_ok_and(|found| own == found)) {
        found.path = own.display().to_string();
    }
    let resumption = Resumption::read(&DiskDirectory::open(Path::new(&found.path))?, found.progress)?;
    Ok(Some(Found { path: found.path, resumption }))
}

fn tell_interrupted(what: &str, quiet: bool) {
    if !quiet {
        anstream::eprintln!("interrupted; {what}");
    }
}

fn load_model(arguments: &TrainingArguments, task: &Task, checkpoint: Option<&Found>) -> Result<LoadedModel> {
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
    let resumed = checkpoint.map(|checkpoint| DiskDirectory::open(Path::new(&checkpoint.path))).transpose()?;
    let weights = resumed.as_ref().or(weights.as_ref()).map(|directory| directory as &dyn rtrain::storage::Source);
    let sources = ModelSources { weights, config, tokenizer, is_checkpoint: resumed.is_some(), offline: offline() };
    LoadedModel::for_training(&sources, task, arguments)
}

/// `output_dir`; where it is a link, what it leads to, so that the link stays when the directory is replaced.
fn output_dir(arguments: &TrainingArguments) -> String {
    let path = &arguments.output_dir;
    let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
    target.as_ref().unwrap_or(path).display().to_string()
}

/// Says which tensors were initialised and which were left over, as transformers' load report does.
fn tell_loading(arguments: &TrainingArguments, model: &LoadedModel, checkpoint: Option<&Found>) {
    if let Some(Found { path, resumption }) = checkpoint {
        anstream::eprintln!("going on from {path}, after step {}", resumption.state.global_step);
    }
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

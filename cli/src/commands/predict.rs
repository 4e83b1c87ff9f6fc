//! `rtrain predict`: what a saved model says of texts.

use super::model::{open_device, precision, progress_bar, read_table, set_threads};
use crate::arguments::{self, OutputFormat, PredictInput, PredictOptions};
use crate::offline::offline;
use crate::render;
use clap::ArgMatches;
use rtrain::data::Task;
use rtrain::diagnostic::Result;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::storage::commit::commit_file;
use rtrain::storage::{DiskDirectory, NativeFileSystem};
use rtrain::train::device;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::{argmax, predict};
use rtrain::train::preparation::{LoadedModel, TextColumns};

/// Prints a prediction for every text: as JSON a list of `{"text", "label", "logits"}`.
///
/// # Errors
/// The model or the table cannot be read, or they do not fit each other.
pub async fn run(matches: &ArgMatches) -> Result<u8> {
    set_threads(arguments::threads_of(matches))?;
    let options = PredictOptions::from_matches(matches)?;
    let mut model = LoadedModel::for_inference(&DiskDirectory::open(&options.directory)?, offline())?;
    let task = model.task()?;
    let max_length = model.saved_max_length(options.data.max_seq_length);
    let (mut dataset, texts) = match options.input {
        PredictInput::Texts { texts, pairs } => {
            let first: Vec<&str> = texts.iter().map(String::as_str).collect();
            let second: Vec<&str> = pairs.iter().map(String::as_str).collect();
            (model.encode("--text", &first, (!second.is_empty()).then_some(&second[..]), None, max_length)?, texts)
        }
        PredictInput::Table(path) => {
            let table = read_table(&path)?;
            let columns = TextColumns { names: options.data.text_column_names, delimiter: options.data.text_column_delimiter };
            (model.dataset(&table, &columns, None, max_length)?, columns.first(&table)?)
        }
    };
    if let Some(samples) = options.data.max_samples {
        dataset = dataset.truncated(samples);
    }
    let quiet = matches.get_flag("quiet");
    let gpu = open_device(options.data.device, options.data.bf16, quiet).await?;
    let engine = device::engine(gpu, model.bert.clone(), model.table.clone(), std::mem::take(&mut model.weights)).await?;
    let mut engine = engine.with_precision(precision(options.data.bf16, quiet));
    let bar = progress_bar(dataset.len() as u64, quiet);
    let progress = async |_: &mut Engine, done| bar.set_position(done as u64);
    let logits = predict(&mut engine, &dataset, options.data.per_device_eval_batch_size, 0.0, progress).await?.logits;
    bar.finish_and_clear();
    let text = render(&task, &texts, &logits, options.format);
    match options.output_file {
        Some(path) => commit_file(&NativeFileSystem, &path.display().to_string(), text.as_bytes())?,
        None => render::print(&text)?,
    }
    Ok(0)
}

fn render(task: &Task, texts: &[String], logits: &[f32], format: OutputFormat) -> String {
    let width = task.num_labels().max(1);
    let rows = texts.iter().zip(logits.chunks_exact(width));
    match format {
        OutputFormat::Json => {
            let entry = |(text, row): (&String, &[f32])| {
                let logits = row.iter().map(|logit| Json::Float(f64::from(*logit))).collect();
                Json::Object(vec![
                    ("text".to_owned(), text.as_str().into()),
                    ("label".to_owned(), label(task, row)),
                    ("logits".to_owned(), Json::Array(logits)),
                ])
            };
            dumps(&Json::Array(rows.map(entry).collect()), Layout::PythonUnicode { indent: 2 }) + "\n"
        }
        OutputFormat::Text => rows.map(|(text, row)| format!("{}\t{text}\n", plain(&label(task, row)))).collect(),
    }
}

/// The name of the class, the list of names, or the value.
fn label(task: &Task, row: &[f32]) -> Json {
    match task {
        Task::Regression => Json::Float(f64::from(row[0])),
        Task::SingleLabel(labels) => labels.name(argmax(row, row.len())[0]).unwrap_or_default().into(),
        Task::MultiLabel(labels) => {
            let positive = row.iter().zip(0..).filter(|(logit, _)| **logit > 0.0);
            Json::Array(positive.filter_map(|(_, id)| labels.name(id)).map(Json::from).collect())
        }
    }
}

fn plain(label: &Json) -> String {
    match label {
        Json::String(name) => name.clone(),
        other => dumps(other, Layout::Compact),
    }
}

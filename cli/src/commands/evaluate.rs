//! `rtrain evaluate`: a saved model measured on a table.

use super::model::{open_device, precision, progress_bar, read_table, set_threads};
use crate::arguments::{self, EvaluateOptions, OutputFormat};
use crate::offline::offline;
use crate::render;
use clap::ArgMatches;
use rtrain::diagnostic::Result;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::storage::DiskDirectory;
use rtrain::train::device;
use rtrain::train::engine::Engine;
use rtrain::train::evaluation::{measure, predict};
use rtrain::train::preparation::{LoadedModel, TextColumns};

/// Prints loss and metrics.
///
/// # Errors
/// The model or the table cannot be read, or they do not fit each other.
pub async fn run(matches: &ArgMatches) -> Result<u8> {
    set_threads(arguments::threads_of(matches))?;
    let options = EvaluateOptions::from_matches(matches);
    let mut model = LoadedModel::for_inference(&DiskDirectory::open(&options.directory)?, offline())?;
    let task = model.task()?;
    let table = read_table(&options.table)?;
    let labels = task.labels(&table.label_column(&options.label_column_name)?)?;
    let columns = TextColumns { names: options.data.text_column_names, delimiter: options.data.text_column_delimiter };
    let max_length = model.saved_max_length(options.data.max_seq_length);
    let mut dataset = model.dataset(&table, &columns, Some(labels), max_length)?;
    if let Some(samples) = options.data.max_samples {
        dataset = dataset.truncated(samples);
    }
    let quiet = matches.get_flag("quiet");
    let gpu = open_device(options.data.device, options.data.bf16, quiet).await?;
    let engine = device::engine(gpu, model.bert.clone(), model.table.clone(), std::mem::take(&mut model.weights)).await?;
    let mut engine = engine.with_precision(precision(options.data.bf16, quiet));
    let bar = progress_bar(dataset.len() as u64, quiet);
    let progress = async |_: &mut Engine, done| bar.set_position(done as u64);
    let predictions = predict(&mut engine, &dataset, options.data.per_device_eval_batch_size, 0.0, progress).await?;
    bar.finish_and_clear();
    let mut metrics = vec![("loss".to_owned(), Json::from(predictions.loss))];
    metrics.extend(
        measure(&task, &predictions.logits, dataset.labels()).into_iter().map(|(name, value)| (name.to_owned(), Json::Float(value))),
    );
    metrics.push(("samples".to_owned(), dataset.len().into()));
    let text = match options.format {
        OutputFormat::Json => dumps(&Json::Object(metrics), Layout::PythonUnicode { indent: 2 }) + "\n",
        OutputFormat::Text => metrics.iter().map(|(name, value)| format!("{name:22} {}\n", dumps(value, Layout::Compact))).collect(),
    };
    render::print(&text)?;
    Ok(0)
}

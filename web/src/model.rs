//! A model as a page hands it over: its files, and what is told of it.

use rtrain::architecture::{BertConfig, LoadPlan};
use rtrain::diagnostic::{Diagnostic, Error, Result, Site};
use rtrain::format::config::Config;
use rtrain::format::shards;
use rtrain::format::tokenizer::Tokenizer;
use rtrain::storage::{MemoryDirectory, Source};
use serde_json::{Value, json};

/// Ends of the names of files with weights.
const WEIGHTS: [&str; 4] = [".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json"];

/// Whether there is a file of weights, of whatever format; without one training starts from random weights.
pub fn has_weights(directory: &MemoryDirectory) -> bool {
    directory.files.keys().any(|name| WEIGHTS.iter().any(|end| name.ends_with(end)) && name != "training_args.bin")
}

/// Checks what can be checked before a training is asked for, and tells of the model.
///
/// # Errors
/// A file is missing or malformed, or the weights do not fit the config.
pub fn describe(directory: &MemoryDirectory) -> Result<Value> {
    let Some(bytes) = directory.files.get("config.json") else {
        let diagnostic = Diagnostic::new("config-missing", Site::file(directory.path("")), "there is no config.json among these files");
        let names = directory.files.keys().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Error::misuse(
            diagnostic
                .found(if names.is_empty() { "no files".to_owned() } else { names })
                .hint("choose all files of a HuggingFace model: config.json, model.safetensors and those of the tokenizer"),
        ));
    };
    let config = Config::parse(&directory.path("config.json"), bytes)?;
    let bert = BertConfig::from_config(&config)?;
    let table = bert.sequence_classification();
    let has_weights = has_weights(directory);
    let has_classifier = has_weights && {
        let shards = shards::read(directory)?;
        // The classifier may have another shape than its config says; training draws it anew if it is told to.
        LoadPlan::new(&table, &shards, &directory.path(""), true)?.report.missing.is_empty()
    };
    let tokenizer = Tokenizer::load(directory, false)?;
    let lengths = [usize::try_from(tokenizer.model_max_length()).unwrap_or(usize::MAX), bert.max_position_embeddings];
    Ok(json!({
        "modelType": config.model_type(),
        "parameters": table.numel(),
        "layers": bert.num_hidden_layers,
        "hiddenSize": bert.hidden_size,
        "vocabSize": bert.vocab_size,
        "labels": has_classifier.then(|| config.labels()),
        "bytes": directory.files.values().map(Vec::len).sum::<usize>(),
        "maxLength": lengths.into_iter().min(),
        "fromScratch": !has_weights,
    }))
}

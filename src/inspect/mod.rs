//! What a file or a directory holds, without running any of it.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod json_files;
mod report_json;
mod safetensors;
mod statistics;
#[cfg(test)]
mod tests;
mod torch_files;

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::format::json::Json;
use crate::storage::{Content, Source};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// A few facts of each file.
    Overview,
    /// All that a file says of itself, tensors row by row.
    Full,
    /// And the tensors' values: least, greatest, mean, how many are NaN or infinite.
    Statistics,
}

/// What a file says of itself, and what it holds many of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// Names and values.
    pub facts: Vec<(String, Json)>,
    /// Tables with rows, such as one of tensors.
    pub tables: Vec<Table>,
}

/// A table of what a file holds many of.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What its rows are, such as `tensors`.
    pub name: &'static str,
    /// What its columns are.
    pub columns: Vec<&'static str>,
    /// One value a column.
    pub rows: Vec<Vec<Json>>,
}

/// What one file is and holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// File name, or its path as the user knows it.
    pub name: String,
    /// What kind of file it is; nothing where rtrain does not know it.
    pub kind: Option<&'static str>,
    /// Size in bytes.
    pub bytes: u64,
    /// What it holds; nothing where the kind is not known or the file could not be read.
    pub contents: Contents,
    /// Why it could not be read.
    pub error: Option<Diagnostic>,
}

type Matches = fn(&str) -> bool;
type Describe = fn(&str, &dyn Content, Detail) -> Result<Contents>;

/// Which names a kind of file has, what it is called, and what says what it holds.
const KINDS: [(Matches, &str, Describe); 14] = [
    (|name| name == "config.json", "config", json_files::config),
    (|name| name == "tokenizer.json", "tokenizer", json_files::tokenizer),
    (|name| name.ends_with(".safetensors"), "safetensors", safetensors::describe),
    (|name| name == "optimizer.pt", "optimizer state", torch_files::optimizer),
    (|name| name == "scheduler.pt", "scheduler state", torch_files::scheduler),
    (|name| name == "scaler.pt", "scaler state", torch_files::scaler),
    (|name| name.starts_with("rng_state") && name.ends_with(".pth"), "generator states", torch_files::generators),
    (|name| name == "training_args.bin", "training arguments", torch_files::training_arguments),
    (|name| name.ends_with(".bin"), "state dict", torch_files::state_dict),
    (|name| name.ends_with(".index.json"), "shard index", json_files::index),
    (|name| name == "trainer_state.json", "trainer state", json_files::any),
    (|name| name.ends_with("_results.json"), "results", json_files::any),
    (|name| name.ends_with("_config.json"), "settings", json_files::any),
    (|name| name.ends_with(".json"), "JSON", json_files::any),
];

/// Describes one file. `path` is its path as the user knows it, `name` what it is called.
///
/// # Errors
/// The file cannot be read from the disk. What is wrong inside of it stands in the description.
pub fn inspect_file(name: &str, path: &str, content: &dyn Content, detail: Detail) -> Result<Description> {
    let mut description =
        Description { name: name.to_owned(), kind: None, bytes: content.length(), contents: Contents::default(), error: None };
    let Some((_, kind, describe)) = KINDS.iter().find(|(matches, _, _)| matches(name)) else { return Ok(description) };
    description.kind = Some(kind);
    match describe(path, content, detail) {
        Ok(contents) => description.contents = contents,
        Err(error @ Error::Io(_)) => return Err(error),
        Err(error) => description.error = Some(error.diagnostic().clone()),
    }
    Ok(description)
}

/// Describes every file of a directory, by name.
///
/// # Errors
/// A file cannot be read from the disk.
pub fn inspect_directory(source: &dyn Source, detail: Detail) -> Result<Vec<Description>> {
    let mut descriptions = Vec::new();
    for name in source.names()? {
        if let Some(content) = source.open(&name)? {
            descriptions.push(inspect_file(&name, &source.path(&name), content.as_ref(), detail)?);
        }
    }
    Ok(descriptions)
}

//! Checkpoints in a row of bytes, for a store that outlives the tab, and back from it.

use rtrain::checkpoints::{Checkpoints, RECORDS, Record, records_bytes};
use rtrain::diagnostic::{Diagnostic, Result};
use rtrain::format::json::Json;
use rtrain::storage::{MemoryDirectory, MemoryFileSystem};
use rtrain::train::checkpoint::Checkpoint;
use rtrain::train::resumption::Resumption;
use rtrain::train::run_directory::RunDirectory;
use rtrain::train::tally;
use serde_json::{Value, json};
use std::fmt;

type Take = dyn FnMut(&[u8]);

/// Somebody who takes bytes as they come.
pub struct Sink(pub Box<Take>);

impl fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sink")
    }
}

/// The steps of the checkpoints in the directory of a run.
pub fn steps(system: &MemoryFileSystem, output_dir: &str) -> Result<Vec<u64>> {
    Checkpoints::new(system, output_dir).steps()
}

/// Hands the checkpoint of a step to a sink, file after file; what it consists of.
pub fn pack(system: &MemoryFileSystem, output_dir: &str, step: u64, sink: Sink) -> Value {
    let mut row = Row::new(sink);
    let folder = format!("checkpoint-{step}/");
    let record = record_of(step);
    for path in system.paths() {
        let Some(name) = path.strip_prefix(output_dir).and_then(|rest| rest.strip_prefix('/')) else { continue };
        if name.starts_with(&folder) || name == record {
            system.with_file(&path, |bytes| row.add(name, [bytes]));
        }
    }
    row.end(step)
}

/// Hands a checkpoint that the run itself does not save to a sink, without a copy in memory; what it consists of.
///
/// # Errors
/// None: what the sink cannot take it tells itself.
pub fn pack_extra(checkpoint: Checkpoint<'_>, directory: RunDirectory<'_>, sink: Sink) -> Result<Value> {
    let (step, progress) = (checkpoint.state.global_step, checkpoint.progress.clone());
    checkpoint.with_files(directory.model, directory.training_args, |files| {
        let mut row = Row::new(sink);
        for (name, pieces) in &files {
            row.add(&format!("checkpoint-{step}/{name}"), pieces.iter().map(AsRef::as_ref));
        }
        row.add(&record_of(step), [records_bytes(&[Record::new(&files, progress)]).as_slice()]);
        Ok(row.end(step))
    })
}

/// The newest of the checkpoints that were handed over, and a system with all that the run itself has saved; nothing where none was.
///
/// # Errors
/// None of them is whole.
pub fn unpack(
    kept: MemoryDirectory,
    output_dir: &str,
    mut tell: impl FnMut(&Diagnostic),
) -> Result<(MemoryFileSystem, Option<(MemoryDirectory, Resumption)>)> {
    let system = MemoryFileSystem::default();
    if kept.files.is_empty() {
        return Ok((system, None));
    }
    for (name, bytes) in kept.files {
        system.insert(&format!("{output_dir}/{name}"), bytes);
    }
    let checkpoints = Checkpoints::new(&system, output_dir);
    let newest = checkpoints.newest(&mut tell)?;
    let files = checkpoint_files(&system, &newest.path);
    let resumption = Resumption::read(&files, newest.progress)?;
    let is_extra = |step: &u64| checkpoints.progress(*step).is_some_and(|progress: Json| tally::is_extra(&progress));
    let extras = checkpoints.steps()?.into_iter().filter(is_extra).collect();
    checkpoints.remove(extras)?;
    Ok((system, Some((files, resumption))))
}

fn checkpoint_files(system: &MemoryFileSystem, path: &str) -> MemoryDirectory {
    let prefix = format!("{path}/");
    let name = |path: &String| path.strip_prefix(&prefix).map(str::to_owned);
    let files = system.paths().iter().filter_map(|path| Some((name(path)?, system.read(path)?))).collect();
    MemoryDirectory { name: path.to_owned(), files }
}

fn record_of(step: u64) -> String {
    format!("{RECORDS}/checkpoint-{step}.json")
}

/// Files one after the other, with their sizes and one checksum of all bytes.
struct Row {
    sink: Sink,
    files: Vec<Value>,
    bytes: u64,
    hasher: crc32fast::Hasher,
}

impl Row {
    fn new(sink: Sink) -> Self {
        Row { sink, files: Vec::new(), bytes: 0, hasher: crc32fast::Hasher::new() }
    }

    fn add<'b>(&mut self, name: &str, pieces: impl IntoIterator<Item = &'b [u8]>) {
        let before = self.bytes;
        for piece in pieces {
            self.hasher.update(piece);
            self.bytes += piece.len() as u64;
            (self.sink.0)(piece);
        }
        self.files.push(json!({"name": name, "bytes": self.bytes - before}));
    }

    fn end(self, step: u64) -> Value {
        json!({"step": step, "files": self.files, "bytes": self.bytes, "crc32": self.hasher.finalize()})
    }
}

//! The checkpoints of a run: saving one so that it is whole or not there, removing old ones, and finding the one to go on from.
//!
//! A checkpoint's directory holds the files of `Trainer` and nothing else. What rtrain wants to know besides them stands in a [`Record`]
//! beside it, at `.rtrain/checkpoint-5.json` in the directory of the run: the checksum of each file, and the progress of the run that
//! `trainer_state.json` has no place for.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod record;
mod resuming;
mod rotation;
#[cfg(test)]
mod tests;

pub use record::{Record, RecordedFile, parse_records, records_bytes};
pub use resuming::{Resumable, checkpoint_at};

use crate::diagnostic::{Error, Result};
use crate::format::json::Json;
use crate::storage::FileSystem;
use crate::storage::commit::{
    Files, check_space, clear_stages_in, commit_directory, commit_file_before, finish_replacing, total_bytes, with_outcome,
};

/// The folder of a run that holds the records of its checkpoints.
pub const RECORDS: &str = ".rtrain";

/// The checkpoints in the directory of a run.
#[derive(Clone, Copy)]
pub struct Checkpoints<'a> {
    system: &'a dyn FileSystem,
    output_dir: &'a str,
}

impl<'a> Checkpoints<'a> {
    /// Those of `output_dir`, which need not be there yet.
    pub fn new(system: &'a dyn FileSystem, output_dir: &'a str) -> Self {
        Checkpoints { system, output_dir: output_dir.trim_end_matches('/') }
    }

    /// The directory of the checkpoint of a step.
    pub fn path(&self, step: u64) -> String {
        format!("{}/checkpoint-{step}", self.output_dir)
    }

    /// The steps of the checkpoints, ascending, whether they are whole or not.
    ///
    /// # Errors
    /// The system refuses.
    pub fn steps(&self) -> Result<Vec<u64>> {
        let refused = |error| Error::io(self.output_dir, "list the checkpoints", &error);
        if self.system.is_directory(self.output_dir).map_err(refused)?.is_none() {
            return Ok(Vec::new());
        }
        let names = self.system.list(self.output_dir).map_err(refused)?;
        let mut steps: Vec<u64> = names.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Saves a checkpoint with what the run wants to get back when it goes on; one of the same step is replaced.
    ///
    /// # Errors
    /// Too little space, or the system refuses. The error says whether the checkpoint is what it was (not there, or the old one), or is new
    /// and complete and it is not known whether the disk would keep it.
    pub fn save(&self, step: u64, files: &Files<'_>, progress: &Json) -> Result<()> {
        let path = self.path(step);
        let unchanged = |error| with_outcome(error, &format!("{path} is what it was before"));
        finish_replacing(self.system, self.output_dir).map_err(unchanged)?;
        self.clear_left_overs();
        let mut records = vec![Record::new(files, progress.clone())];
        // As long as the old checkpoint stands there, its record has to be found beside the new one.
        records.extend(self.record_of_present(step));
        let bytes = records_bytes(&records);
        let needed = total_bytes(files).saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        check_space(self.system, &path, needed)?;
        commit_file_before(self.system, &self.record_path(step), &bytes, &path)?;
        commit_directory(self.system, &path, files)
    }

    /// What was given to [`Checkpoints::save`] with the checkpoint of a step, as far as its record can be read.
    pub fn progress(&self, step: u64) -> Option<Json> {
        let records = record::read(self.system, &self.path(step)).ok()??;
        records.into_iter().next().map(|record| record.progress)
    }

    fn record_path(&self, step: u64) -> String {
        format!("{}/{RECORDS}/checkpoint-{step}.json", self.output_dir)
    }

    /// The record that the present checkpoint of a step is whole by.
    fn record_of_present(&self, step: u64) -> Option<Record> {
        let source = self.system.open_directory(&self.path(step)).ok()?;
        let records = record::read(self.system, &self.path(step)).ok()??;
        records.into_iter().find(|record| record.differences(source.as_ref()).is_ok_and(|differences| differences.is_empty()))
    }

    /// Removes staging directories, and records whose checkpoint is gone. What cannot be removed does no harm.
    fn clear_left_overs(&self) {
        let _ = clear_stages_in(self.system, self.output_dir);
        let folder = format!("{}/{RECORDS}", self.output_dir);
        let _ = clear_stages_in(self.system, &folder);
        for name in self.system.list(&folder).unwrap_or_default() {
            let step = name.strip_suffix(".json").and_then(step_of);
            if step.is_some_and(|step| matches!(self.system.is_directory(&self.path(step)), Ok(None))) {
                let _ = self.system.remove(&format!("{folder}/{name}"));
            }
        }
    }
}

/// The step in the name of a checkpoint's directory.
fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("checkpoint-")?;
    digits.parse().ok().filter(|step: &u64| step.to_string() == digits)
}

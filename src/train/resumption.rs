//! A checkpoint to go on from: of rtrain, or of transformers' `Trainer`.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_load_optimizer_and_scheduler`, `_load_rng_state`).

use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::json::Json;
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::rng_state::RngState;
use crate::format::torch::scheduler_state::SchedulerState;
use crate::storage::Source;

/// Everything that a checkpoint holds of its run, but for the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumption {
    /// The directory.
    pub path: String,
    /// `trainer_state.json`
    pub state: TrainerState,
    /// `optimizer.pt`, which is as large as the weights and parsed where it is needed; without it the optimizer starts anew.
    pub optimizer: Option<Vec<u8>>,
    /// `scheduler.pt`; without it the schedule is where its step says.
    pub schedule: Option<SchedulerState>,
    /// `rng_state.pth`; without it the generators start anew.
    pub generators: Option<RngState>,
    /// What rtrain keeps beside its checkpoints: what [`super::tally::Tally::to_json`] made.
    pub progress: Option<Json>,
}

impl Resumption {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// It has no `trainer_state.json`, or a file is malformed.
    pub fn read(source: &dyn Source, progress: Option<Json>) -> Result<Resumption> {
        let path = source.path("");
        let state = parsed(source, "trainer_state.json", TrainerState::parse)?.ok_or_else(|| {
            let diagnostic = Diagnostic::new("checkpoint-invalid", Site::file(path.clone()), "this is no checkpoint of a run");
            Error::misuse(diagnostic.expected("a directory with trainer_state.json").hint("name one that train has saved: checkpoint-…"))
        })?;
        Ok(Resumption {
            path,
            state,
            optimizer: source.read("optimizer.pt")?,
            schedule: parsed(source, "scheduler.pt", SchedulerState::parse)?,
            generators: parsed(source, "rng_state.pth", RngState::parse)?,
            progress,
        })
    }
}

fn parsed<T>(source: &dyn Source, name: &str, parse: fn(&str, &[u8]) -> Result<T>) -> Result<Option<T>> {
    source.read(name)?.map(|bytes| parse(&source.path(name), &bytes)).transpose()
}

//! The directory of a run: its model, its results and its checkpoints, on a disk or in memory.

use super::arguments::TrainingArguments;
use super::checkpoint::{Checkpoint, TRAINING_ARGS};
use super::engine::Engine;
use super::evaluation::predicted;
use super::preparation::{LoadedModel, model_directory};
use crate::architecture::LoadPlan;
use crate::checkpoints::Checkpoints;
use crate::data::Task;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::json::Json;
use crate::format::run::predictions::Predictions;
use crate::format::run::results::results_bytes;
use crate::format::run::trainer_state::TrainerState;
use crate::format::shards;
use crate::storage::FileSystem;
use crate::storage::commit::{commit_directory, commit_file};
use std::borrow::Cow;

/// Where a run is written, and what is the same in all that is written of it.
#[derive(Clone, Copy)]
pub struct RunDirectory<'a> {
    /// What the directory is on.
    pub system: &'a dyn FileSystem,
    /// Its path.
    pub path: &'a str,
    /// The arguments of the run.
    pub arguments: &'a TrainingArguments,
    /// `training_args.bin`, by [`training_args`](super::checkpoint::training_args()).
    pub training_args: &'a [u8],
    /// The model without its weights.
    pub model: &'a LoadedModel,
}

impl<'a> RunDirectory<'a> {
    /// The checkpoints in it.
    pub fn checkpoints(&self) -> Checkpoints<'a> {
        Checkpoints::new(self.system, self.path)
    }

    /// Writes the model as it is now, with the arguments of the run.
    ///
    /// # Errors
    /// The system refuses, or the engine's device is lost.
    pub async fn save_model(&self, engine: &mut Engine) -> Result<()> {
        let model = self.model;
        engine.fetch().await?;
        engine.with_weights(|weights| {
            let saved = model_directory(&model.config, &model.tokenizer, &model.table, &model.saved_names, weights);
            let more = [(TRAINING_ARGS.to_owned(), vec![Cow::Borrowed(self.training_args)])];
            saved.with_files(|files| commit_directory(self.system, self.path, &files.into_iter().chain(more).collect()))
        })
    }

    /// Writes `trainer_state.json`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn save_state(&self, state: &TrainerState) -> Result<()> {
        self.write("trainer_state.json", &state.to_bytes())
    }

    /// Writes `{split}_results.json`, and `all_results.json` with the metrics of all splits so far.
    ///
    /// # Errors
    /// The system refuses.
    pub fn save_results(&self, split: &str, metrics: &[(String, Json)], all: &mut Vec<(String, Json)>) -> Result<()> {
        all.retain(|(name, _)| !metrics.iter().any(|(new, _)| new == name));
        all.extend_from_slice(metrics);
        self.write(&format!("{split}_results.json"), &results_bytes(metrics))?;
        self.write("all_results.json", &results_bytes(all))
    }

    /// Writes `predict_results.txt`.
    ///
    /// # Errors
    /// The system refuses.
    pub fn save_predictions(&self, task: &Task, logits: &[f32]) -> Result<()> {
        self.write("predict_results.txt", &Predictions { rows: predicted(task, logits) }.to_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        commit_file(self.system, &format!("{}/{name}", self.path), bytes)
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// As [`Checkpoints::save`].
    pub fn save_checkpoint(&self, checkpoint: Checkpoint<'_>) -> Result<()> {
        let (step, progress) = (checkpoint.state.global_step, checkpoint.progress.clone());
        checkpoint.with_files(self.model, self.training_args, |files| self.checkpoints().save(step, &files, &progress))
    }

    /// Removes the checkpoints that are too many, but never those of this step and of the best one.
    ///
    /// # Errors
    /// The system refuses.
    pub fn rotate(&self, step: u64, best: Option<&str>) -> Result<()> {
        let best = best.and_then(|path| self.step_of(path));
        self.checkpoints().rotate(step, self.arguments.save_total_limit, best).map(drop)
    }

    /// Removes all checkpoints but the one at this path.
    ///
    /// # Errors
    /// The system refuses.
    pub fn keep_only(&self, checkpoint: &str) -> Result<()> {
        self.checkpoints().keep_best(Some(1), self.step_of(checkpoint)).map(drop)
    }

    /// The weights of a checkpoint, in the order of the model's table.
    ///
    /// # Errors
    /// It is not there, or holds other weights.
    pub fn weights(&self, checkpoint: &str) -> Result<Vec<Vec<f32>>> {
        let source = self.system.open_directory(checkpoint)?;
        let (shards, table) = (shards::read(source.as_ref())?, &self.model.table);
        let plan = LoadPlan::new(table, &shards, checkpoint, false)?;
        match plan.report.missing.first() {
            None => plan.weights(table, &shards, self.arguments.seed),
            Some(name) => {
                let diagnostic = Diagnostic::new("checkpoint-damaged", Site::file(checkpoint), "the checkpoint lacks a tensor");
                Err(Error::malformed(diagnostic.expected(name)))
            }
        }
    }

    /// The step of a checkpoint, by its path.
    fn step_of(&self, path: &str) -> Option<u64> {
        let checkpoints = self.checkpoints();
        checkpoints.steps().ok()?.into_iter().find(|step| checkpoints.path(*step) == path)
    }
}

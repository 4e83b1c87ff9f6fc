//! What the loop asks of the program around it.

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::train::checkpoint::Checkpoint;
use crate::train::engine::Engine;
use std::pin::Pin;

/// A clock, an ear, a place for checkpoints, and a way out.
pub trait Host {
    /// Seconds since some moment in the past.
    fn seconds(&self) -> f64;

    /// Hears of progress.
    fn progress(&mut self, progress: Progress<'_>);

    /// Saves a checkpoint, and then removes those that are too many.
    ///
    /// # Errors
    /// It could not be saved; the run ends.
    fn save(&mut self, checkpoint: Checkpoint<'_>) -> Result<()>;

    /// Where the checkpoint of a step is saved.
    fn checkpoint_path(&self, step: u64) -> String;

    /// Whether this directory is there.
    fn has_directory(&self, path: &str) -> bool;

    /// The weights in a directory, in the order of the model's table.
    ///
    /// # Errors
    /// The directory is not there, or holds other weights.
    fn weights(&self, directory: &str) -> Result<Vec<Vec<f32>>>;

    /// Removes all checkpoints but this one; one that cannot be removed is not worth losing a run.
    fn keep_only(&mut self, checkpoint: &str);

    /// Whether the run is to save and end after the step that it is in.
    fn is_interrupted(&self) -> bool {
        false
    }

    /// Gives other work its turn, between two micro batches and between two parts of an evaluation. Meanwhile the host may ask the engine for
    /// logits; weights and gradients are to stay.
    fn give_way<'a>(&'a mut self, _engine: &'a mut Engine) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(std::future::ready(()))
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A step was done.
    Step {
        /// Its number, from 1.
        step: u64,
        /// Steps of the run.
        total: u64,
        /// Epochs done, a part of one among them.
        epoch: f64,
        /// Its loss.
        loss: f64,
        /// The learning rate that it was made with.
        learning_rate: f64,
        /// Tokens of its rows.
        tokens: usize,
    },
    /// Metrics were logged; the entry of `log_history`.
    Log(&'a Json),
    /// So many of so many rows were evaluated.
    Evaluation(usize, usize),
    /// Something that the user should know of, in a sentence.
    Notice(&'a str),
}

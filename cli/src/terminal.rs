//! The terminal, the disk and the signals around a run.

use crate::commands::model::progress_bar;
use crate::interruption::Interruption;
use crate::render;
use indicatif::ProgressBar;
use rtrain::diagnostic::Result;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::format::run::trainer_state::TrainerState;
use rtrain::train::checkpoint::Checkpoint;
use rtrain::train::run_directory::RunDirectory;
use rtrain::train::{Host, Progress, tally};
use std::path::Path;
use std::time::Instant;

/// The terminal, the disk and the signals around a run.
pub struct Terminal<'a> {
    /// Where the run is written.
    pub directory: RunDirectory<'a>,
    /// Steps whose checkpoints a run that was left alone would not have; they go once there is a newer one.
    extra_checkpoints: Vec<u64>,
    started: Instant,
    /// Steps of the training, then rows of the evaluation.
    bar: ProgressBar,
    is_training: bool,
    quiet: bool,
    interruption: &'a Interruption,
}

impl<'a> Terminal<'a> {
    /// A terminal with a bar of the steps.
    pub fn new(directory: RunDirectory<'a>, interruption: &'a Interruption, bar: ProgressBar, quiet: bool) -> Self {
        let (started, is_training, extra_checkpoints) = (Instant::now(), true, Vec::new());
        Terminal { directory, extra_checkpoints, started, bar, is_training, quiet, interruption }
    }

    /// Takes over the checkpoints of a run that goes on from `state`, and removes those that its last process did not come to remove.
    ///
    /// # Errors
    /// The system refuses.
    pub fn take_over(&mut self, state: &TrainerState) -> Result<()> {
        let (checkpoints, step) = (self.directory.checkpoints(), state.global_step);
        let steps = checkpoints.steps()?;
        let is_extra = |step: &u64| checkpoints.progress(*step).is_some_and(|progress| tally::is_extra(&progress));
        self.extra_checkpoints = steps.iter().copied().filter(is_extra).collect();
        let is_newest = steps.last() == Some(&step) && !self.extra_checkpoints.contains(&step);
        if is_newest { self.remove_superfluous(step, state.best_model_checkpoint.as_deref()) } else { Ok(()) }
    }

    /// Takes the bar of the training away.
    pub fn end_training(&mut self) {
        self.bar.finish_and_clear();
        self.is_training = false;
    }

    /// Writes `{split}_results.json` and `all_results.json`, and the metrics on standard output.
    ///
    /// # Errors
    /// The system refuses.
    pub fn results(&self, split: &str, metrics: &[(String, Json)], all: &mut Vec<(String, Json)>) -> Result<()> {
        self.directory.save_results(split, metrics, all)?;
        let mut sorted = metrics.to_vec();
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
        let width = sorted.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = format!("***** {split} metrics *****\n");
        for (name, value) in sorted {
            text.push_str(&format!("  {name:width$} = {:>10}\n", number(&value)));
        }
        render::print(&text)
    }

    /// Removes checkpoints that only interruptions have left.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove_extra_checkpoints(&mut self) -> Result<()> {
        let extra = std::mem::take(&mut self.extra_checkpoints);
        self.directory.checkpoints().remove(extra).map(drop)
    }

    /// Removes what there is too much of beside the checkpoint of a step.
    fn remove_superfluous(&mut self, step: u64, best: Option<&str>) -> Result<()> {
        self.extra_checkpoints.retain(|extra| *extra != step);
        self.remove_extra_checkpoints()?;
        if let Err(error) = self.directory.rotate(step, best) {
            self.tell(&format!("note: old checkpoints stay: {error}"));
        }
        Ok(())
    }

    fn tell(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| anstream::eprintln!("{line}"));
        }
    }
}

impl Host for Terminal<'_> {
    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn progress(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Step { step, loss, .. } => {
                self.bar.set_position(step);
                self.bar.set_message(format!("loss {loss:.4}"));
            }
            // What is logged after the training is printed as results.
            Progress::Log(_) if !self.is_training => {}
            Progress::Log(entry) => {
                let values = entry.entries().unwrap_or(&[]).iter().filter(|(name, _)| name != "total_flos");
                self.tell(&values.map(|(name, value)| format!("{name} {}", log_number(name, value))).collect::<Vec<_>>().join("  "));
            }
            Progress::Notice(notice) => self.tell(&format!("note: {notice}")),
            Progress::Evaluation(done, total) if self.is_training => {
                self.bar.set_prefix(if done == total { String::new() } else { format!("evaluating {done}/{total}  ") });
            }
            Progress::Evaluation(done, total) => {
                if self.bar.is_finished() {
                    self.bar = progress_bar(total as u64, self.quiet || self.directory.arguments.disable_tqdm);
                }
                self.bar.set_position(done as u64);
                if done == total {
                    self.bar.finish_and_clear();
                }
            }
        }
    }

    fn save(&mut self, checkpoint: Checkpoint<'_>) -> Result<()> {
        let (step, best, is_extra) = (checkpoint.state.global_step, checkpoint.state.best_model_checkpoint.clone(), checkpoint.is_extra);
        self.directory.save_checkpoint(checkpoint)?;
        if is_extra {
            return Ok(());
        }
        self.remove_superfluous(step, best.as_deref())
    }

    fn checkpoint_path(&self, step: u64) -> String {
        self.directory.checkpoints().path(step)
    }

    fn has_directory(&self, path: &str) -> bool {
        Path::new(path).is_dir()
    }

    fn weights(&self, directory: &str) -> Result<Vec<Vec<f32>>> {
        self.directory.weights(directory)
    }

    fn keep_only(&mut self, checkpoint: &str) {
        self.extra_checkpoints.retain(|step| self.directory.checkpoints().path(*step) == checkpoint);
        if let Err(error) = self.directory.keep_only(checkpoint) {
            self.tell(&format!("note: old checkpoints stay: {error}"));
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interruption.requested().is_some()
    }
}

fn number(value: &Json) -> String {
    match value {
        Json::Float(value) => format!("{value:.4}"),
        other => dumps(other, Layout::Compact),
    }
}

fn log_number(name: &str, value: &Json) -> String {
    match value {
        Json::Float(value) if name == "learning_rate" => format!("{value:.3e}"),
        other => number(other),
    }
}

//! Checkpoints, and the end of a training.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_save_checkpoint`, `_finalize_training`, `_load_best_model`).

use super::logging::speed;
use super::{Host, Progress, Run, Trainer};
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::rng_state::{CpuGenerator, RngState};
use crate::train::arguments::SaveStrategy;
use crate::train::callback::{Event, TrainerControl};
use crate::train::checkpoint::Checkpoint;

impl Trainer<'_> {
    pub(super) async fn save(&mut self, run: &Run<'_>, host: &mut dyn Host) -> Result<()> {
        if self.arguments.save_strategy != SaveStrategy::No {
            self.name_best_checkpoint(host);
        }
        let control = self.control;
        self.state.callbacks = self.exported_states();
        record(&mut self.state, control);
        self.write(self.state.clone(), false, run, |checkpoint| host.save(checkpoint)).await?;
        self.fire(Event::Save);
        Ok(())
    }

    pub(super) async fn save_before_leaving(&mut self, run: &Run<'_>, host: &mut dyn Host) -> Result<()> {
        self.with_extra_checkpoint(run, |checkpoint| host.save(checkpoint)).await.map(drop)
    }

    /// Hands out the step that was just done as a checkpoint, unless it was saved already; the run's own state does not know of this one,
    /// since a run that was left alone would not have it.
    ///
    /// # Errors
    /// As `save`, or the engine's device is lost.
    pub async fn with_extra_checkpoint<R>(&mut self, run: &Run<'_>, save: impl FnOnce(Checkpoint<'_>) -> Result<R>) -> Result<Option<R>> {
        let step = self.state.global_step;
        if step == 0 || self.tally.saved_step == Some(step) {
            return Ok(None);
        }
        let mut state = TrainerState { callbacks: self.exported_states(), ..self.state.clone() };
        record(&mut state, TrainerControl { should_save: true, ..self.control });
        self.write(state, true, run, save).await.map(Some)
    }

    async fn write<R>(
        &mut self,
        state: TrainerState,
        is_extra: bool,
        run: &Run<'_>,
        save: impl FnOnce(Checkpoint<'_>) -> Result<R>,
    ) -> Result<R> {
        self.engine.fetch().await?;
        let progress = self.tally.to_json(&self.state, self.control, is_extra);
        let generators = RngState { cpu: CpuGenerator::of(self.arguments.seed, &self.generators.torch), ..self.seeded.clone() };
        let Trainer { engine, arguments, .. } = self;
        let saved =
            save(Checkpoint { engine, state: &state, arguments, schedule: &run.schedule, generators: &generators, progress, is_extra })?;
        self.tally.saved_step = Some(self.state.global_step);
        Ok(saved)
    }

    /// The best checkpoint is named once it is there, or about to be.
    fn name_best_checkpoint(&mut self, host: &dyn Host) {
        let Some(best) = self.state.best_global_step.filter(|step| *step > 0) else { return };
        let path = host.checkpoint_path(best);
        if best == self.state.global_step || host.has_directory(&path) {
            self.state.best_model_checkpoint = Some(path);
        }
    }

    pub(super) async fn finish(&mut self, run: &Run<'_>, host: &mut dyn Host) -> Result<Vec<(String, Json)>> {
        let seconds = host.seconds() - run.started;
        let steps = self.state.global_step - self.tally.steps_before;
        let share = steps as f64 / (self.state.max_steps.max(1)) as f64;
        let mut metrics = speed("train", seconds, self.samples(run) * share, steps);
        metrics.push(("total_flos".to_owned(), self.state.total_flos.into()));
        metrics.push(("train_loss".to_owned(), self.tally.mean(self.state.global_step).into()));
        self.log(metrics.clone(), None, host);
        if let Some(best) = &self.state.best_model_checkpoint {
            if self.arguments.load_best_model_at_end {
                match host.weights(best) {
                    Ok(weights) => self.engine.set_weights(weights).await?,
                    Err(error) => {
                        host.progress(Progress::Notice(&format!("the model of the last step is kept, not the best one: {error}")))
                    }
                }
            }
            if self.arguments.save_total_limit == Some(1) {
                host.keep_only(best);
            }
        }
        self.fire(Event::TrainEnd);
        // Without progress bars transformers prints what is logged, and takes this out before it does.
        metrics.retain(|(name, _)| name != "total_flos" || !self.arguments.disable_tqdm);
        metrics.extend(self.where_it_stands());
        Ok(metrics)
    }

    /// Rows per epoch times epochs; with `max_steps`, batch size times steps.
    fn samples(&self, run: &Run<'_>) -> f64 {
        let arguments = self.arguments;
        match arguments.max_steps {
            Some(steps) => (steps * arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps) as f64,
            None => run.dataset.len() as f64 * arguments.num_train_epochs,
        }
    }
}

/// Writes down the switches, as they are when a checkpoint is saved.
fn record(state: &mut TrainerState, control: TrainerControl) {
    state.should_training_stop = control.should_training_stop;
    state.should_epoch_stop = control.should_epoch_stop;
    state.should_evaluate = control.should_evaluate;
    state.should_log = control.should_log;
    state.in_checkpoint = control.should_save;
}

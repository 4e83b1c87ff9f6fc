//! Where a run goes on that a checkpoint has brought so far.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_init_training_state`, `_load_callback_state`) and `trainer_utils.py`
//! (`compare_trainer_and_checkpoint_args`).

use super::{Host, Progress, Run, Trainer};
use crate::diagnostic::Result;
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::train::arguments::StepCount;
use crate::train::resumption::Resumption;
use crate::train::tally::Tally;

/// Where the loop starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Start {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// Optimizer steps of that epoch that are done.
    pub steps_in_epoch: usize,
    /// Whether the end of the epoch before it is still to come.
    pub ends_epoch: bool,
    /// Whether a callback had stopped the run.
    pub is_stopped: bool,
    /// Whether this is another run's continuation.
    pub is_resumed: bool,
}

impl Trainer<'_> {
    /// Lets the next [`Trainer::train`] go on from a checkpoint. The engine must have its weights.
    pub fn resume_from(&mut self, checkpoint: Resumption) {
        self.resumption = Some(checkpoint);
    }

    pub(super) async fn resume(&mut self, run: &mut Run<'_>, host: &mut dyn Host) -> Result<Start> {
        let Some(checkpoint) = self.resumption.take() else { return Ok(Start::default()) };
        let missing = [
            (checkpoint.optimizer.is_none(), "optimizer.pt: the optimizer starts anew"),
            (checkpoint.schedule.is_none(), "scheduler.pt: the learning rate follows the step alone"),
            (checkpoint.generators.is_none(), "rng_state.pth: dropout draws anew from the seed"),
        ];
        for (_, what) in missing.into_iter().filter(|(is_missing, _)| *is_missing) {
            host.progress(Progress::Notice(&format!("{} has no {what}", checkpoint.path)));
        }
        // Before the first step an optimizer remembers nothing.
        if let Some(bytes) = checkpoint.optimizer.filter(|_| checkpoint.state.global_step > 0) {
            let path = format!("{}/optimizer.pt", checkpoint.path);
            self.engine.restore_optimizer(&path, &OptimizerState::parse(&path, &bytes)?).await?;
        }
        let mut planned = run.schedule.clone();
        (0..checkpoint.state.global_step.min(self.state.max_steps)).for_each(|_| planned.step());
        match &checkpoint.schedule {
            Some(schedule) => run.schedule.restore(&format!("{}/scheduler.pt", checkpoint.path), schedule)?,
            None => run.schedule = planned.clone(),
        }
        let [saved, given] = [&run.schedule, &planned].map(|schedule| format!("{:.4e}", schedule.learning_rate()));
        if !planned.follows_metric() && saved != given {
            host.progress(Progress::Notice(&format!(
                "{} has a learning rate of {saved} where the arguments give {given}: learning_rate stays the checkpoint's, and \
                 lr_scheduler_type, its warmup and the length of the run are those of the arguments",
                checkpoint.path
            )));
        }
        if let Some(generators) = checkpoint.generators {
            self.generators.torch = generators.cpu.generator();
            self.seeded = generators;
        }
        self.take_state(checkpoint.state, host);
        let (mut tally, mut is_stopped) = (Tally::after(&self.state), false);
        if let Some(progress) = checkpoint.progress {
            (tally, is_stopped) = Tally::from_json(&checkpoint.path, progress, &mut self.state)?;
        }
        self.tally = tally;
        if host.checkpoint_path(self.state.global_step) == checkpoint.path {
            self.tally.saved_step = Some(self.state.global_step);
        }
        let steps_per_epoch = run.length.steps_per_epoch as u64;
        let steps_in_epoch = self.state.global_step % steps_per_epoch;
        let is_over = is_stopped || self.state.global_step >= self.state.max_steps;
        Ok(Start {
            epoch: (self.state.global_step / steps_per_epoch) as usize,
            steps_in_epoch: if self.arguments.ignore_data_skip { 0 } else { steps_in_epoch as usize },
            ends_epoch: self.tally.epoch_is_open && (steps_in_epoch == 0 || is_over),
            is_stopped,
            is_resumed: true,
        })
    }

    /// Takes over the state, but for how long the run is to be, and lets callbacks take theirs.
    fn take_state(&mut self, state: TrainerState, host: &mut dyn Host) {
        let (max_steps, num_train_epochs) = (self.state.max_steps, self.state.num_train_epochs);
        self.state = state;
        (self.state.max_steps, self.state.num_train_epochs) = (max_steps, num_train_epochs);
        for difference in self.differences() {
            host.progress(Progress::Notice(&difference));
        }
        if let Some(best) = self.state.best_model_checkpoint.take_if(|best| !host.has_directory(best)) {
            host.progress(Progress::Notice(&format!(
                "the best checkpoint {best} is not there any more; the next best one takes its place"
            )));
        }
        let with_arguments = self.arguments.restore_callback_states_from_checkpoint;
        for callback in &mut self.callbacks {
            let Some((name, _)) = callback.exported_state() else { continue };
            if let Some((_, state)) = self.state.callbacks.iter().find(|(known, _)| known == name) {
                callback.restore(state, with_arguments);
            }
        }
    }

    /// Arguments that are not those of the checkpoint, whose own count.
    fn differences(&self) -> Vec<String> {
        let arguments = self.arguments;
        let steps = [
            ("logging_steps", arguments.logging_steps, self.state.logging_steps),
            ("eval_steps", arguments.eval_steps, self.state.eval_steps),
            ("save_steps", arguments.save_steps, self.state.save_steps),
        ];
        let of_steps = steps.into_iter().filter_map(|(name, given, saved)| {
            let given = match given {
                StepCount::Steps(steps) => steps as f64,
                StepCount::Share(_) => given.of(self.state.max_steps as usize) as f64,
            };
            let saved = saved.to_f64();
            (given != saved).then(|| format!("{name} stays {saved}, as the checkpoint has it, and does not become {given}"))
        });
        let (given, saved) = (arguments.per_device_train_batch_size as u64, self.state.train_batch_size);
        let of_batches = saved.filter(|saved| *saved != given);
        let of_batches = of_batches.map(|saved| format!("per_device_train_batch_size becomes {given}; the checkpoint had {saved}"));
        of_steps.chain(of_batches).collect()
    }
}

//! How long a training is: batches, steps, epochs and warmup, counted as transformers' `Trainer` counts them.

use super::{IntervalStrategy, SamplingStrategy, SaveStrategy, TrainingArguments};
use crate::format::json::number::Number;
use crate::format::torch::pickle::Value;

/// A number of optimizer steps, or a share of all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StepCount {
    /// So many steps.
    Steps(usize),
    /// This share of all steps, above 0 and below 1, rounded up.
    Share(f64),
}

impl StepCount {
    /// The number of steps where the training has `total_steps`.
    ///
    /// # Source
    /// transformers 5.23.0, `trainer_callback.py`, `TrainerState.compute_steps`.
    pub fn of(self, total_steps: usize) -> usize {
        match self {
            StepCount::Steps(steps) => steps,
            StepCount::Share(share) => (total_steps as f64 * share).ceil() as usize,
        }
    }
}

/// How long a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingLength {
    /// Batches of one pass over the training rows.
    pub batches_per_epoch: usize,
    /// Optimizer steps of one whole epoch, at least 1.
    pub steps_per_epoch: usize,
    /// Optimizer steps of the whole training.
    pub total_steps: usize,
    /// Epochs begun; the last one may end early, at `total_steps`.
    pub num_epochs: usize,
}

impl TrainingArguments {
    /// The steps between two log entries, evaluations and checkpoints as `trainer_state.json` has them, of a training of `total_steps`.
    ///
    /// # Source
    /// transformers 5.23.0, `training_args.py` (`__post_init__`: numbers of the command line are floats, and become whole where they are
    /// above 1 and count) and `trainer_callback.py` (`TrainerState.compute_steps`).
    pub fn recorded_steps(&self, total_steps: usize) -> [Number; 3] {
        let given = |name: &str| self.given.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        let recorded = |count: StepCount, value: Option<&Value>, counts: bool| match (count, value.and_then(Value::as_float)) {
            (StepCount::Steps(_), Some(number))
                if !(counts && number > 1.0) && value.is_some_and(|value| matches!(value, Value::Float(_))) =>
            {
                Number::Float(number)
            }
            _ => Number::from(count.of(total_steps) as u64),
        };
        let evaluates = self.eval_strategy == IntervalStrategy::Steps;
        let eval_steps = given("eval_steps").filter(|value| value.as_float() != Some(0.0));
        let eval_steps = eval_steps.or_else(|| given("logging_steps").filter(|_| evaluates));
        [
            recorded(self.logging_steps, given("logging_steps"), self.logging_strategy == IntervalStrategy::Steps),
            recorded(self.eval_steps, eval_steps, evaluates),
            recorded(self.save_steps, given("save_steps"), self.save_strategy == SaveStrategy::Steps),
        ]
    }

    /// How long a training on `num_rows` rows is.
    ///
    /// # Source
    /// transformers 5.23.0, `trainer.py`, `Trainer.set_initial_training_values`.
    pub fn length(&self, num_rows: usize) -> TrainingLength {
        // Batches that are balanced come in whole steps.
        let together = match self.train_sampling_strategy {
            SamplingStrategy::BatchRebalance => self.gradient_accumulation_steps.max(1),
            _ => 1,
        };
        let rows = self.per_device_train_batch_size.max(1) * together;
        let batches_per_epoch = together * if self.dataloader_drop_last { num_rows / rows } else { num_rows.div_ceil(rows) };
        let steps_per_epoch = batches_per_epoch.div_ceil(self.gradient_accumulation_steps.max(1)).max(1);
        let (total_steps, num_epochs) = match self.max_steps {
            Some(max_steps) => (max_steps, max_steps.div_ceil(steps_per_epoch)),
            None => ((self.num_train_epochs * steps_per_epoch as f64).ceil() as usize, self.num_train_epochs.ceil() as usize),
        };
        TrainingLength { batches_per_epoch, steps_per_epoch, total_steps, num_epochs }
    }

    /// The steps over which the learning rate rises, of a training of `total_steps`: from 1 on a number of steps (a fraction is cut off),
    /// below 1 a share of all steps, rounded up.
    ///
    /// # Source
    /// transformers 5.23.0, `training_args.py`, `TrainingArguments.get_warmup_steps`.
    pub fn warmup_steps(&self, total_steps: usize) -> usize {
        if self.warmup_steps >= 1.0 { self.warmup_steps as usize } else { (total_steps as f64 * self.warmup_steps).ceil() as usize }
    }
}

//! The training loop, step by step as transformers' `Trainer` does it.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_inner_training_loop`, `_maybe_log_save_evaluate`) and `trainer_callback.py` (`DefaultFlowCallback`).

use super::arguments::{DropoutRng, IntervalStrategy, TrainingArguments, TrainingLength};
use super::checkpoint::Checkpoint;
use super::engine::{Engine, StepSettings};
use super::evaluation::{measure, predict};
use super::sampler::{Sampler, iterate_evaluation};
use super::schedule::Schedule;
use crate::data::{Dataset, Task};
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::number::Number;
use crate::format::run::trainer_state::TrainerState;
use crate::random::Generators;

/// What the loop asks of the program around it: a clock, an ear, and a place for checkpoints.
pub trait Host {
    /// Seconds since some moment in the past.
    fn seconds(&self) -> f64;

    /// Hears of progress.
    fn progress(&mut self, progress: Progress<'_>);

    /// Saves a checkpoint.
    ///
    /// # Errors
    /// It could not be saved; the run ends.
    fn checkpoint(&mut self, checkpoint: Checkpoint<'_>) -> Result<()>;
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
        /// Its loss.
        loss: f64,
    },
    /// Metrics were logged; the entry of `log_history`.
    Log(&'a Json),
    /// So many of so many rows were evaluated.
    Evaluation(usize, usize),
}

/// A run: model, data, arguments, state.
#[derive(Debug)]
pub struct Trainer<'a> {
    /// The model.
    pub engine: Engine,
    /// The arguments.
    pub arguments: &'a TrainingArguments,
    /// What the labels mean.
    pub task: &'a Task,
    /// Rows to evaluate on during the run and after it.
    pub eval_dataset: Option<&'a Dataset>,
    /// What batches would be padded to (`pad_to_max_length`); nothing to pad them to their longest row.
    pub padded_length: Option<usize>,
    /// What `trainer_state.json` is written from.
    pub state: TrainerState,
}

impl<'a> Trainer<'a> {
    /// A run that has made no step.
    pub fn new(
        engine: Engine,
        arguments: &'a TrainingArguments,
        task: &'a Task,
        eval_dataset: Option<&'a Dataset>,
        padded_length: Option<usize>,
    ) -> Self {
        Trainer { engine, arguments, task, eval_dataset, padded_length, state: TrainerState::default() }
    }

    /// Trains, and returns the training metrics as `train_results.json` has them.
    ///
    /// # Errors
    /// A checkpoint could not be saved.
    pub fn train(&mut self, dataset: &Dataset, host: &mut dyn Host) -> Result<Vec<(String, Json)>> {
        let arguments = self.arguments;
        let length = arguments.length(dataset.len());
        self.begin(&length);
        let started = host.seconds();
        let mut loop_state = Loop::new(arguments, &length);
        let lengths = dataset.examples().iter().map(|example| self.padded_length.unwrap_or(example.token_ids.len()));
        let sampler = Sampler::new(arguments, lengths.collect());
        let mut total_loss = 0_f32;
        for epoch in 0..length.num_epochs {
            let batches = sampler.batches(epoch as u64, &mut loop_state.generators.torch);
            let mut batches_done = 0;
            for group in batches.chunks(arguments.gradient_accumulation_steps) {
                total_loss += self.step(dataset, group, &mut loop_state, host);
                batches_done += group.len();
                self.state.epoch = Some((epoch as f64 + batches_done as f64 / length.batches_per_epoch as f64).into());
                self.after_step(&length, &mut loop_state, host)?;
                if self.state.global_step == length.total_steps as u64 {
                    break;
                }
            }
            self.after_epoch(&mut loop_state, host)?;
        }
        Ok(self.finish(dataset.len(), &length, total_loss, host.seconds() - started, host))
    }

    fn begin(&mut self, length: &TrainingLength) {
        let arguments = self.arguments;
        let steps = |count: super::arguments::StepCount| count.of(length.total_steps) as u64;
        self.state.max_steps = length.total_steps as u64;
        self.state.num_train_epochs = length.num_epochs as u64;
        self.state.train_batch_size = Some(arguments.per_device_train_batch_size as u64);
        self.state.logging_steps = steps(arguments.logging_steps).into();
        self.state.eval_steps = steps(arguments.eval_steps).into();
        self.state.save_steps = steps(arguments.save_steps).into();
    }

    /// One optimizer step; returns its loss as `Trainer` adds it up, in `f32`.
    fn step(&mut self, dataset: &Dataset, group: &[Vec<u32>], loop_state: &mut Loop, host: &mut dyn Host) -> f32 {
        let batches: Vec<_> = group.iter().map(|indices| dataset.batch(indices)).collect();
        for batch in &batches {
            let padded_length = self.padded_length.unwrap_or_else(|| batch.max_length());
            let flos = 6.0 * (batch.len() * padded_length) as f64 * self.parameters_without_embeddings();
            self.state.total_flos = (self.state.total_flos.to_f64() + flos).into();
        }
        let arguments = self.arguments;
        let learning_rate = arguments.learning_rate * loop_state.schedule.factor(self.state.global_step);
        let settings = StepSettings {
            learning_rate,
            weight_decay: arguments.weight_decay,
            adam_beta1: arguments.adam_beta1,
            adam_beta2: arguments.adam_beta2,
            adam_epsilon: arguments.adam_epsilon,
            max_grad_norm: arguments.max_grad_norm,
            label_smoothing_factor: arguments.label_smoothing_factor,
            neftune_noise_alpha: arguments.neftune_noise_alpha,
            padded_length: self.padded_length,
            gradient_checkpointing: arguments.gradient_checkpointing,
        };
        loop_state.generators.begin_step(self.state.global_step);
        let outcome = self.engine.train_step(&batches, &settings, Some(&mut loop_state.generators));
        self.state.global_step += 1;
        loop_state.loss_since_log += outcome.loss as f32;
        loop_state.gradient_norm = outcome.gradient_norm as f32;
        loop_state.learning_rate = learning_rate;
        host.progress(Progress::Step { step: self.state.global_step, total: self.state.max_steps, loss: outcome.loss });
        outcome.loss as f32
    }

    fn parameters_without_embeddings(&self) -> f64 {
        let parameters = &self.engine.table().parameters;
        parameters
            .iter()
            .filter(|parameter| !parameter.name.ends_with("_embeddings.weight"))
            .map(|parameter| parameter.numel() as f64)
            .sum()
    }

    fn after_step(&mut self, length: &TrainingLength, loop_state: &mut Loop, host: &mut dyn Host) -> Result<()> {
        let (step, arguments) = (self.state.global_step, self.arguments);
        let last = step == length.total_steps as u64;
        let due = |strategy: IntervalStrategy, interval: Number| {
            strategy == IntervalStrategy::Steps && step.is_multiple_of(interval.to_u64().unwrap_or(1).max(1))
        };
        if due(arguments.logging_strategy, self.state.logging_steps) || (step == 1 && arguments.logging_first_step) {
            self.log_loss(loop_state, host);
        }
        if due(arguments.eval_strategy, self.state.eval_steps) || (last && arguments.eval_strategy == IntervalStrategy::Steps) {
            self.evaluate_and_log(loop_state, host);
        }
        self.state.should_training_stop |= last;
        if due(arguments.save_strategy, self.state.save_steps) || (last && arguments.save_strategy == IntervalStrategy::Steps) {
            self.save(loop_state, host)?;
        }
        Ok(())
    }

    fn after_epoch(&mut self, loop_state: &mut Loop, host: &mut dyn Host) -> Result<()> {
        let arguments = self.arguments;
        if arguments.logging_strategy == IntervalStrategy::Epoch {
            self.log_loss(loop_state, host);
        }
        if arguments.eval_strategy == IntervalStrategy::Epoch {
            self.evaluate_and_log(loop_state, host);
        }
        if arguments.save_strategy == IntervalStrategy::Epoch {
            self.save(loop_state, host)?;
        }
        Ok(())
    }

    fn save(&mut self, loop_state: &Loop, host: &mut dyn Host) -> Result<()> {
        self.state.in_checkpoint = true;
        let factor = loop_state.schedule.factor(self.state.global_step);
        let Trainer { engine, state, arguments, .. } = self;
        host.checkpoint(Checkpoint { engine, state, arguments, factor, generator: &loop_state.generators.torch })
    }

    fn log_loss(&mut self, loop_state: &mut Loop, host: &mut dyn Host) {
        let steps = self.state.global_step - loop_state.last_logged;
        if steps == 0 {
            return;
        }
        let loss = f64::from(loop_state.loss_since_log) / steps as f64;
        let loss = self.arguments.release.logged_loss_decimals.map_or(loss, |decimals| rounded(loss, decimals));
        let entries = vec![
            ("loss".to_owned(), Json::Float(loss)),
            ("grad_norm".to_owned(), Json::Float(f64::from(loop_state.gradient_norm))),
            ("learning_rate".to_owned(), Json::Float(loop_state.learning_rate)),
        ];
        loop_state.loss_since_log = 0.0;
        loop_state.last_logged = self.state.global_step;
        self.log(entries, host);
    }

    fn evaluate_and_log(&mut self, loop_state: &mut Loop, host: &mut dyn Host) {
        iterate_evaluation(self.arguments, self.eval_dataset.map_or(0, Dataset::len), &mut loop_state.generators.torch);
        if let Some(metrics) = self.evaluate(host) {
            self.log(metrics, host);
        }
    }

    /// Measures the model on the evaluation rows: `eval_loss`, the metrics of the task, and how fast it went.
    pub fn evaluate(&mut self, host: &mut dyn Host) -> Option<Vec<(String, Json)>> {
        let dataset = self.eval_dataset?;
        let started = host.seconds();
        let batch_size = self.arguments.per_device_eval_batch_size;
        let predictions = predict(&mut self.engine, dataset, batch_size, self.arguments.label_smoothing_factor, |done| {
            host.progress(Progress::Evaluation(done, dataset.len()));
        });
        let mut metrics = vec![("eval_loss".to_owned(), predictions.loss.into())];
        let measured = measure(self.task, &predictions.logits, dataset.labels());
        metrics.extend(measured.into_iter().map(|(name, value)| (format!("eval_{name}"), Json::Float(value))));
        metrics.extend(speed("eval", host.seconds() - started, dataset.len(), dataset.len().div_ceil(batch_size.max(1))));
        Some(metrics)
    }

    fn log(&mut self, mut entries: Vec<(String, Json)>, host: &mut dyn Host) {
        entries.push(("epoch".to_owned(), self.state.epoch.into()));
        entries.push(("step".to_owned(), self.state.global_step.into()));
        let entry = Json::Object(entries);
        host.progress(Progress::Log(&entry));
        self.state.log_history.push(entry);
    }

    fn finish(
        &mut self,
        num_rows: usize,
        length: &TrainingLength,
        total_loss: f32,
        seconds: f64,
        host: &mut dyn Host,
    ) -> Vec<(String, Json)> {
        let samples = self.trained_samples(num_rows, length);
        let mut metrics = speed("train", seconds, samples, length.total_steps);
        metrics.push(("total_flos".to_owned(), self.state.total_flos.into()));
        metrics.push(("train_loss".to_owned(), (f64::from(total_loss) / self.state.global_step.max(1) as f64).into()));
        self.log(metrics.clone(), host);
        metrics.retain(|(name, _)| name != "total_flos");
        metrics.push(("epoch".to_owned(), self.state.epoch.into()));
        metrics
    }

    /// Rows per epoch times epochs; with `max_steps`, batch size times steps.
    fn trained_samples(&self, num_rows: usize, length: &TrainingLength) -> usize {
        let arguments = self.arguments;
        match arguments.max_steps {
            Some(steps) => steps * arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps,
            None if arguments.num_train_epochs.fract() == 0.0 => num_rows * length.num_epochs,
            None => (num_rows as f64 * arguments.num_train_epochs) as usize,
        }
    }
}

#[derive(Debug)]
struct Loop {
    schedule: Schedule,
    generators: Generators,
    loss_since_log: f32,
    last_logged: u64,
    gradient_norm: f32,
    learning_rate: f64,
}

impl Loop {
    fn new(arguments: &TrainingArguments, length: &TrainingLength) -> Loop {
        let schedule = Schedule {
            kind: arguments.lr_scheduler_type,
            warmup_steps: arguments.warmup_steps(length.total_steps) as u64,
            total_steps: length.total_steps as u64,
        };
        let generators = Generators::new(arguments.seed);
        let generators = match arguments.dropout_rng {
            DropoutRng::Torch => generators,
            DropoutRng::Fast => generators.with_fast_dropout(arguments.seed),
        };
        Loop { schedule, generators, loss_since_log: 0.0, last_logged: 0, gradient_norm: 0.0, learning_rate: 0.0 }
    }
}

/// `{split}_runtime` in seconds, rounded to 4 digits, and the rates, to 3.
///
/// # Source
/// transformers 5.23.0, `trainer_utils.py`, `speed_metrics`.
fn speed(split: &str, seconds: f64, samples: usize, steps: usize) -> Vec<(String, Json)> {
    let rate = |count: usize| Json::Float(rounded(count as f64 / seconds.max(1e-9), 3));
    vec![
        (format!("{split}_runtime"), Json::Float(rounded(seconds, 4))),
        (format!("{split}_samples_per_second"), rate(samples)),
        (format!("{split}_steps_per_second"), rate(steps)),
    ]
}

/// As Python's `round`: the decimal number with so many digits that is nearest to the value itself.
fn rounded(value: f64, decimals: u8) -> f64 {
    format!("{value:.*}", usize::from(decimals)).parse().unwrap_or(value)
}

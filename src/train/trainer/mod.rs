//! The training loop, event by event as transformers' `Trainer` does it.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_inner_training_loop`, `_run_epoch`, `_maybe_log_save_evaluate`).

mod evaluating;
mod host;
mod logging;
mod resuming;
mod saving;

use super::arguments::{DropoutRng, InputTokens, TrainingArguments, TrainingLength};
use super::best::Best;
use super::callback::{Course, DefaultFlow, Event, TrainerCallback, TrainerControl};
use super::early_stopping::EarlyStopping;
use super::engine::{BatchSettings, Engine, StepOutcome};
use super::evaluation::metric_names;
use super::optimizer::UpdateSettings;
use super::resumption::Resumption;
use super::sampler::Sampler;
use super::schedule::Schedule;
use super::tally::Tally;
use crate::data::{Batch, Dataset, Task};
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::rng_state::RngState;
use crate::random::Generators;

pub use host::{Host, Progress};

/// Rows to evaluate on.
#[derive(Debug, Clone, Copy)]
pub struct EvalSet<'a> {
    /// What its metrics are called after, where there are several.
    pub name: Option<&'a str>,
    /// The rows.
    pub dataset: &'a Dataset,
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
    pub eval_sets: Vec<EvalSet<'a>>,
    /// What batches would be padded to (`pad_to_max_length`); nothing to pad them to their longest row.
    pub padded_length: Option<usize>,
    /// What `trainer_state.json` is written from.
    pub state: TrainerState,
    callbacks: Vec<Box<dyn TrainerCallback>>,
    control: TrainerControl,
    tally: Tally,
    generators: Generators,
    /// All generators as they were when this process began.
    seeded: RngState,
    resumption: Option<Resumption>,
}

/// How a training ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is over; the metrics as `train_results.json` has them.
    Finished(Vec<(String, Json)>),
    /// Somebody asked for an end; what was done is in the checkpoint of the last step.
    Interrupted,
}

/// A training that is under way: what its loop knows between two steps.
#[derive(Debug)]
pub struct Run<'a> {
    dataset: &'a Dataset,
    sampler: Sampler,
    length: TrainingLength,
    schedule: Schedule,
    /// Operations that transformers estimates for a token: 6 for each parameter outside of the embeddings.
    flos_a_token: f64,
    started: f64,
    /// The epoch that it is in, or that is next.
    epoch: usize,
    /// Steps of that epoch that a checkpoint has behind it.
    skipped: usize,
    /// The batches that are left of the epoch, if it has begun.
    batches: Option<std::vec::IntoIter<Vec<u32>>>,
    batches_done: usize,
}

/// What an optimizer step found, and what it was made with.
struct StepDone {
    loss: f64,
    learning_rate: f64,
    tokens: usize,
}

impl<'a> Trainer<'a> {
    /// A run that has made no step.
    pub fn new(
        engine: Engine,
        arguments: &'a TrainingArguments,
        task: &'a Task,
        eval_sets: Vec<EvalSet<'a>>,
        padded_length: Option<usize>,
    ) -> Self {
        let generators = Generators::new(arguments.seed);
        let seeded = RngState::after(arguments.seed, &generators.torch);
        let generators = match arguments.dropout_rng {
            DropoutRng::Torch => generators,
            DropoutRng::Fast => generators.with_fast_dropout(arguments.seed),
        };
        let mut trainer = Trainer {
            engine,
            arguments,
            task,
            eval_sets,
            padded_length,
            state: TrainerState::default(),
            callbacks: vec![Box::new(DefaultFlow)],
            control: TrainerControl::default(),
            tally: Tally::default(),
            generators,
            seeded,
            resumption: None,
        };
        if let Some(patience) = arguments.early_stopping_patience {
            trainer.add_callback(EarlyStopping::new(patience, arguments.early_stopping_threshold));
        }
        trainer
    }

    /// Lets a callback hear of everything that happens from now on.
    pub fn add_callback(&mut self, callback: impl TrainerCallback + 'static) {
        self.callbacks.push(Box::new(callback));
        self.fire_at_last(Event::InitEnd);
    }

    /// Trains to the end, or until the host is interrupted.
    ///
    /// # Errors
    /// As [`Trainer::start`] and [`Trainer::advance`].
    pub async fn train(&mut self, dataset: &Dataset, host: &mut dyn Host) -> Result<Outcome> {
        let mut run = self.start(dataset, host).await?;
        loop {
            if let Some(outcome) = self.advance(&mut run, host).await? {
                return Ok(outcome);
            }
        }
    }

    /// Begins a training, or goes on with one, up to its first step.
    ///
    /// # Errors
    /// The arguments do not fit each other or the checkpoint to go on from; or the engine's device is lost.
    pub async fn start<'d>(&mut self, dataset: &'d Dataset, host: &mut dyn Host) -> Result<Run<'d>> {
        let arguments = self.arguments;
        if let Some(best) = Best::of(arguments) {
            best.check(&metric_names(self.task, &self.eval_sets))?;
        }
        let length = arguments.length(dataset.len());
        let schedule = Schedule::new(arguments, length.total_steps)?;
        self.begin(&length);
        let lengths = dataset.examples().iter().map(|example| self.padded_length.unwrap_or(example.token_ids.len()));
        let sampler = Sampler::new(arguments, lengths.collect());
        let parameters = self.engine.table().parameters.iter();
        let counted = parameters.filter(|parameter| !parameter.name.ends_with("_embeddings.weight"));
        let flos_a_token = 6.0 * counted.map(|parameter| parameter.numel() as f64).sum::<f64>();
        let started = host.seconds();
        let mut run =
            Run { dataset, sampler, length, schedule, flos_a_token, started, epoch: 0, skipped: 0, batches: None, batches_done: 0 };
        let start = self.resume(&mut run, host).await?;
        (run.epoch, run.skipped) = (start.epoch, start.steps_in_epoch);
        self.fire(Event::TrainBegin);
        self.control.should_training_stop |= start.is_stopped;
        if arguments.eval_on_start && !start.is_resumed {
            self.evaluate(host).await?;
        }
        if start.ends_epoch {
            self.end_epoch(&mut run, host).await?;
        }
        Ok(run)
    }

    /// Makes one optimizer step with what belongs to it (logging, evaluation, checkpoint), or ends an epoch, or the training: then it says
    /// how. Between two calls the caller may do what takes its time, such as predictions with the weights as they are.
    ///
    /// # Errors
    /// A checkpoint could not be saved, or the engine's device is lost; the run cannot go on.
    pub async fn advance(&mut self, run: &mut Run<'_>, host: &mut dyn Host) -> Result<Option<Outcome>> {
        if run.batches.is_none() {
            let is_over = run.epoch >= run.length.num_epochs || self.state.global_step >= self.state.max_steps;
            if is_over || host.is_interrupted() || self.control.should_training_stop {
                return self.leave(run, host).await.map(Some);
            }
            self.begin_epoch(run);
        }
        if self.control.should_training_stop || !self.next_step(run, host).await? {
            (run.batches, run.epoch, run.skipped) = (None, run.epoch + 1, 0);
            if !host.is_interrupted() {
                self.end_epoch(run, host).await?;
            }
        }
        Ok(None)
    }

    /// Lets the training end before its next step as if that were its last: with results, and the best model where that is asked for.
    pub fn stop(&mut self) {
        self.control.should_training_stop = true;
    }

    async fn leave(&mut self, run: &Run<'_>, host: &mut dyn Host) -> Result<Outcome> {
        if host.is_interrupted() {
            self.save_before_leaving(run, host).await?;
            return Ok(Outcome::Interrupted);
        }
        Ok(Outcome::Finished(self.finish(run, host).await?))
    }

    fn begin(&mut self, length: &TrainingLength) {
        let arguments = self.arguments;
        let [logging_steps, eval_steps, save_steps] = arguments.recorded_steps(length.total_steps);
        self.state.max_steps = length.total_steps as u64;
        self.state.num_train_epochs = length.num_epochs as u64;
        self.state.train_batch_size = Some(arguments.per_device_train_batch_size as u64);
        self.state.logging_steps = logging_steps;
        self.state.eval_steps = eval_steps;
        self.state.save_steps = save_steps;
        self.state.callbacks = self.exported_states();
    }

    fn begin_epoch(&mut self, run: &mut Run<'_>) {
        self.fire(Event::EpochBegin);
        self.tally.epoch_is_open = true;
        let mut batches = self.batches(run.epoch, run.skipped, run);
        run.batches_done = (run.skipped * self.arguments.gradient_accumulation_steps).min(batches.len());
        batches.drain(..run.batches_done);
        run.batches = Some(batches.into_iter());
    }

    /// The next step of the epoch, unless there is none; whether the epoch goes on.
    async fn next_step(&mut self, run: &mut Run<'_>, host: &mut dyn Host) -> Result<bool> {
        let group: Vec<Vec<u32>> = run.batches.iter_mut().flatten().take(self.arguments.gradient_accumulation_steps).collect();
        if group.is_empty() {
            return Ok(false);
        }
        self.fire(Event::StepBegin);
        let Some(step) = self.step(&group, run, host).await? else { return Ok(false) };
        run.batches_done += group.len();
        let epoch = run.epoch as f64 + run.batches_done as f64 / run.length.batches_per_epoch as f64;
        self.state.epoch = Some(epoch.into());
        let StepDone { loss, learning_rate, tokens } = step;
        let (step, total) = (self.state.global_step, self.state.max_steps);
        host.progress(Progress::Step { step, total, epoch, loss, learning_rate, tokens });
        self.fire(Event::StepEnd);
        self.log_evaluate_save(run, host).await?;
        Ok(!(host.is_interrupted() || self.control.should_epoch_stop || self.control.should_training_stop))
    }

    /// The batches of an epoch. One that was begun in another process has the order that it had there, and its draws lie behind.
    fn batches(&mut self, epoch: usize, skipped: usize, run: &Run<'_>) -> Vec<Vec<u32>> {
        let torch = &mut self.generators.torch;
        if skipped == 0 {
            self.tally.epoch_began_with = run.sampler.draws_order().then(|| torch.clone());
            return run.sampler.batches(epoch as u64, torch);
        }
        let mut began_with = self.tally.epoch_began_with.clone().unwrap_or_else(|| Generators::new(self.arguments.seed).torch);
        run.sampler.batches(epoch as u64, &mut began_with)
    }

    async fn end_epoch(&mut self, run: &mut Run<'_>, host: &mut dyn Host) -> Result<()> {
        self.tally.epoch_is_open = false;
        self.fire(Event::EpochEnd);
        self.log_evaluate_save(run, host).await
    }

    /// One optimizer step, unless a callback stops within it.
    async fn step(&mut self, group: &[Vec<u32>], run: &mut Run<'_>, host: &mut dyn Host) -> Result<Option<StepDone>> {
        let arguments = self.arguments;
        let settings = BatchSettings {
            label_smoothing_factor: arguments.label_smoothing_factor,
            neftune_noise_alpha: arguments.neftune_noise_alpha,
            padded_length: self.padded_length,
            gradient_checkpointing: arguments.gradient_checkpointing,
        };
        self.generators.begin_step(self.state.global_step);
        let mut tokens = 0;
        for (index, rows) in group.iter().enumerate() {
            let batch = run.dataset.batch(rows);
            self.engine.accumulate(&batch, &settings, Some(&mut self.generators)).await?;
            self.count(&batch, run.flos_a_token);
            tokens += batch.total_tokens();
            if index + 1 < group.len() {
                self.fire(Event::SubstepEnd);
                if self.control.should_epoch_stop || self.control.should_training_stop {
                    let outcome = self.engine.outcome().await?;
                    self.add_losses(&outcome, group.len());
                    return Ok(None);
                }
                host.give_way(&mut self.engine).await;
            }
        }
        self.fire(Event::PreOptimizerStep);
        let learning_rate = run.schedule.learning_rate();
        let update = UpdateSettings { learning_rate, weight_decay: arguments.weight_decay, max_grad_norm: arguments.max_grad_norm };
        self.engine.apply(&update).await?;
        let outcome = self.engine.outcome().await?;
        let loss = self.add_losses(&outcome, group.len());
        self.fire(Event::OptimizerStep);
        run.schedule.step();
        self.state.global_step += 1;
        let is_logged = arguments.max_grad_norm > 0.0 || arguments.release.trainer.logs_norm_without_clipping;
        self.tally.gradient_norm = outcome.gradient_norm.filter(|_| is_logged).map(|norm| f64::from(norm as f32));
        self.tally.learning_rate = Some(learning_rate);
        Ok(Some(StepDone { loss, learning_rate, tokens }))
    }

    /// Adds the losses of micro batches to those that are to be logged: their sum, each divided by how many the step has.
    fn add_losses(&mut self, outcome: &StepOutcome, group: usize) -> f64 {
        let mut sum = 0.0;
        for loss in outcome.losses.iter().map(|loss| loss / group as f64) {
            self.tally.add_loss(loss as f32, self.state.global_step, self.arguments.logging_nan_inf_filter);
            sum += loss;
        }
        sum
    }

    /// Counts the tokens of a batch, and the operations that transformers estimates for it.
    fn count(&mut self, batch: &Batch, flos_a_token: f64) {
        let padded_length = self.padded_length.unwrap_or_else(|| batch.max_length());
        let padded_tokens = (batch.len() * padded_length) as u64;
        self.state.total_flos = (self.state.total_flos.to_f64() + padded_tokens as f64 * flos_a_token).into();
        let tokens = match self.arguments.include_num_input_tokens_seen {
            InputTokens::No => return,
            InputTokens::All => padded_tokens,
            InputTokens::NonPadding => batch.total_tokens() as u64,
        };
        self.state.num_input_tokens_seen = (self.state.num_input_tokens_seen.to_u64().unwrap_or(0) + tokens).into();
    }

    /// Tells every callback of an event, in their order.
    fn fire(&mut self, event: Event<'_>) {
        self.control.reset_for(event);
        for callback in &mut self.callbacks {
            callback.on_event(event, Course { arguments: self.arguments, state: &self.state }, &mut self.control);
        }
    }

    fn fire_at_last(&mut self, event: Event<'_>) {
        if let Some(callback) = self.callbacks.last_mut() {
            callback.on_event(event, Course { arguments: self.arguments, state: &self.state }, &mut self.control);
        }
    }

    fn exported_states(&self) -> Vec<(String, Json)> {
        self.callbacks.iter().filter_map(|callback| callback.exported_state()).map(|(name, state)| (name.to_owned(), state)).collect()
    }
}

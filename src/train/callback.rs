//! What happens in the course of a training, who hears of it, and how they steer it.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `trainer_callback.py`: the same events, in the same order.

use super::arguments::{IntervalStrategy, SaveStrategy, TrainingArguments};
use crate::format::json::Json;
use crate::format::json::number::Number;
use crate::format::run::trainer_state::TrainerState;
use std::fmt::Debug;

/// Metrics by name, in the order in which they are logged.
pub type Metrics = [(String, Json)];

/// Something that happened, called as transformers calls its method without `on_`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// The trainer is set up.
    InitEnd,
    /// The training begins.
    TrainBegin,
    /// The training is over.
    TrainEnd,
    /// An epoch begins.
    EpochBegin,
    /// An epoch is over.
    EpochEnd,
    /// The first batch of an optimizer step is next.
    StepBegin,
    /// The gradients are complete and clipped.
    PreOptimizerStep,
    /// The weights have moved; the schedule has not.
    OptimizerStep,
    /// A batch was done that does not complete an optimizer step.
    SubstepEnd,
    /// An optimizer step was done.
    StepEnd,
    /// A data set was evaluated.
    Evaluate(&'a Metrics),
    /// A data set was predicted.
    Predict(&'a Metrics),
    /// A checkpoint was saved.
    Save,
    /// These values were logged.
    Log(&'a Metrics),
    /// A batch was evaluated or predicted.
    PredictionStep,
}

/// Where the training stands.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// What was asked for.
    pub arguments: &'a TrainingArguments,
    /// What was done.
    pub state: &'a TrainerState,
}

/// Switches that steer the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrainerControl {
    /// Ends the training after this step.
    pub should_training_stop: bool,
    /// Ends the epoch after this step; reset when the next one begins.
    pub should_epoch_stop: bool,
    /// Saves a checkpoint after this step; reset by the save, and when the next step begins.
    pub should_save: bool,
    /// Evaluates after this step; reset by the evaluation, and when the next step begins.
    pub should_evaluate: bool,
    /// Logs the loss after this step; reset by the log, and when the next step begins.
    pub should_log: bool,
}

impl TrainerControl {
    /// What an event resets before anybody hears of it.
    pub(super) fn reset_for(&mut self, event: Event<'_>) {
        match event {
            Event::TrainBegin => self.should_training_stop = false,
            Event::EpochBegin => self.should_epoch_stop = false,
            Event::StepBegin => (self.should_log, self.should_evaluate, self.should_save) = (false, false, false),
            Event::Evaluate(_) => self.should_evaluate = false,
            Event::Save => self.should_save = false,
            Event::Log(_) => self.should_log = false,
            _ => {}
        }
    }
}

/// Somebody who hears of every event, in the order in which callbacks were added, after the trainer's own [`DefaultFlow`].
///
/// # Examples
/// A run that is good enough ends, and its last step is saved:
/// ```
/// use rtrain::train::callback::{Course, Event, TrainerCallback, TrainerControl};
///
/// #[derive(Debug)]
/// struct GoodEnough {
///     accuracy: f64,
/// }
///
/// impl TrainerCallback for GoodEnough {
///     fn on_event(&mut self, event: Event<'_>, course: Course<'_>, control: &mut TrainerControl) {
///         let Event::Evaluate(metrics) = event else { return };
///         let accuracy = metrics.iter().find(|(name, _)| name == "eval_accuracy").and_then(|(_, value)| value.as_f64());
///         if accuracy.is_some_and(|accuracy| accuracy >= self.accuracy) {
///             println!("good enough after step {}", course.state.global_step);
///             control.should_save = true;
///             control.should_training_stop = true;
///         }
///     }
/// }
///
/// # use rtrain::train::arguments::{RawValue, TrainingArguments, Values};
/// # let given = [("model_name_or_path", "m"), ("train_file", "t.csv"), ("output_dir", "o")];
/// # let values = Values::from_iter(given.map(|(name, value)| (name.to_owned(), RawValue::command_line(value))));
/// # let (arguments, state) = (TrainingArguments::resolve(&values)?, Default::default());
/// # let course = Course { arguments: &arguments, state: &state };
/// // `trainer.add_callback(GoodEnough { accuracy: 0.9 })`, and then after an evaluation:
/// let mut control = TrainerControl::default();
/// GoodEnough { accuracy: 0.9 }.on_event(Event::Evaluate(&[("eval_accuracy".to_owned(), 0.92.into())]), course, &mut control);
/// assert!(control.should_training_stop && control.should_save);
/// # Ok::<(), rtrain::diagnostic::Error>(())
/// ```
pub trait TrainerCallback: Debug {
    /// Hears of an event, and may steer the loop.
    fn on_event(&mut self, event: Event<'_>, course: Course<'_>, control: &mut TrainerControl);

    /// Name and state to be kept in `trainer_state.json`, for a callback that has one: an object with `args` and `attributes`.
    fn exported_state(&self) -> Option<(&'static str, Json)> {
        None
    }

    /// Takes the attributes of a state that [`TrainerCallback::exported_state`] gave, and its arguments if `with_arguments`.
    fn restore(&mut self, _state: &Json, _with_arguments: bool) {}
}

/// The trainer's own callback: logs, evaluates, saves and stops as the arguments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DefaultFlow;

impl TrainerCallback for DefaultFlow {
    fn on_event(&mut self, event: Event<'_>, course: Course<'_>, control: &mut TrainerControl) {
        match event {
            Event::StepEnd => after_step(course, control),
            Event::EpochEnd => after_epoch(course, control),
            _ => {}
        }
    }
}

fn after_step(Course { arguments, state }: Course<'_>, control: &mut TrainerControl) {
    let step = state.global_step;
    let falls_on = |interval: Number| interval.to_u64().is_some_and(|interval| interval > 0 && step.is_multiple_of(interval));
    let evaluates = arguments.eval_strategy == IntervalStrategy::Steps && arguments.eval_delay <= step as f64;
    let saves = arguments.save_strategy == SaveStrategy::Steps;
    control.should_log |= step == 1 && arguments.logging_first_step;
    control.should_log |= arguments.logging_strategy == IntervalStrategy::Steps && falls_on(state.logging_steps);
    control.should_evaluate |= evaluates && falls_on(state.eval_steps);
    control.should_save |= saves && falls_on(state.save_steps);
    if step >= state.max_steps {
        control.should_training_stop = true;
        control.should_evaluate |= evaluates && arguments.release.trainer.evaluates_last_step;
        control.should_save |= saves;
    }
}

fn after_epoch(Course { arguments, state }: Course<'_>, control: &mut TrainerControl) {
    let epoch = state.epoch.map_or(0.0, Number::to_f64);
    control.should_log |= arguments.logging_strategy == IntervalStrategy::Epoch;
    control.should_evaluate |= arguments.eval_strategy == IntervalStrategy::Epoch && arguments.eval_delay <= epoch;
    control.should_save |= arguments.save_strategy == SaveStrategy::Epoch;
}

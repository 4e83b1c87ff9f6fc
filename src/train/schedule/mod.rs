//! How the learning rate changes in the course of a run.
//!
//! [`Schedule`] is what the training loop holds. Its state is the one that `scheduler.pt` has, of transformers or of rtrain, so that a run that
//! was stopped goes on as if it had not been.

mod curve;
#[cfg(test)]
mod golden;
mod metric;
mod settings;
#[cfg(test)]
mod tests;

use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::torch::scheduler_state::{Schedule as State, SchedulerState};

use super::arguments::TrainingArguments;
use curve::{Curve, Span};

/// A learning rate schedule, and where it stands.
///
/// # Numerics
/// Each learning rate is transformers', to the last bit, where the system's C library computes `cos` and `pow` as glibc does.
///
/// # Source
/// transformers 4.57.6 and 5.23.0, `optimization.py` (`get_scheduler`); torch 2.15.0, `LambdaLR` and `ReduceLROnPlateau`.
///
/// # Examples
/// ```
/// use rtrain::train::{arguments::{RawValue, TrainingArguments, Values}, schedule::Schedule};
///
/// let given = [("model_name_or_path", "m"), ("train_file", "t.csv"), ("output_dir", "o"), ("learning_rate", "0.5"), ("warmup_steps", "2")];
/// let values = Values::from_iter(given.map(|(name, value)| (name.to_owned(), RawValue::command_line(value))));
/// let mut schedule = Schedule::new(&TrainingArguments::resolve(&values)?, 10)?;
/// let mut rates = Vec::new();
/// for _ in 0..4 {
///     rates.push(schedule.learning_rate());
///     schedule.step();
/// }
/// assert_eq!(rates, [0.0, 0.25, 0.5, 0.4375]);
/// # Ok::<(), rtrain::diagnostic::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The function of the step, and how far it goes; `None` where the schedule follows a metric.
    curve: Option<(Curve, Span)>,
    state: State,
}

/// Whether the settings are those of the schedule.
pub(super) fn check(arguments: &TrainingArguments) -> Result<()> {
    settings::read(arguments).map(|_| ())
}

impl Schedule {
    /// The schedule of a run of `total_steps` optimizer steps, before the first of them.
    ///
    /// # Errors
    /// `argument-conflict` where `lr_scheduler_kwargs` are not those of `lr_scheduler_type`, or the schedule has no learning rate at a step of
    /// this run.
    pub fn new(arguments: &TrainingArguments, total_steps: usize) -> Result<Self> {
        let (curve, mut state) = settings::read(arguments)?;
        let steps = |steps: usize| i64::try_from(steps).unwrap_or(i64::MAX).min(1 << 53);
        let span = Span { warmup: steps(arguments.warmup_steps(total_steps)), total: steps(total_steps) };
        if matches!(curve, Some(Curve::Polynomial { .. })) && span.warmup == span.total {
            let diagnostic = Diagnostic::new("argument-conflict", Site::default(), "lr_scheduler_type polynomial has no step to decay in");
            let hint = "make warmup_steps smaller; transformers divides by zero after the last step";
            return Err(Error::misuse(diagnostic.expected(format!("other than {total_steps} warmup_steps")).hint(hint)));
        }
        if let (Some(curve), State::Lambda(state)) = (&curve, &mut state) {
            state.advance(0, curve.factor(0, span));
        }
        Ok(Schedule { curve: curve.map(|curve| (curve, span)), state })
    }

    /// Whether the learning rate follows the metric of the evaluations, and not the steps.
    pub fn follows_metric(&self) -> bool {
        self.curve.is_none()
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        self.state.last_lr().first().map_or(0.0, |rate| rate.to_f64())
    }

    /// The learning rate without the schedule: `initial_lr` of `optimizer.pt`, which has none where the schedule follows a metric.
    pub fn initial_learning_rate(&self) -> Option<f64> {
        match &self.state {
            State::Lambda(state) => state.base_lrs.first().map(|rate| rate.to_f64()),
            _ => None,
        }
    }

    /// Hears that an optimizer step is done. A step past the last one is as good as any, as in transformers.
    pub fn step(&mut self) {
        if let (Some((curve, span)), State::Lambda(state)) = (&self.curve, &mut self.state) {
            let step = state.last_epoch.saturating_add(1);
            state.advance(step, curve.factor(step, *span));
        }
    }

    /// Hears the value of `metric_for_best_model` that an evaluation has found.
    pub fn observe(&mut self, metric: f64) {
        match &mut self.state {
            State::Plateau(state) => metric::observe_plateau(state, metric),
            State::Greedy(state) => metric::observe_greedy(state, metric),
            State::Lambda(_) | State::Other(_) => {}
        }
    }

    /// What `scheduler.pt` says of it.
    pub fn state(&self) -> SchedulerState {
        SchedulerState::new(self.state.clone())
    }

    /// Goes on from the state in `scheduler.pt`. As in transformers its learning rates count, and the function and its length remain those
    /// of the arguments.
    ///
    /// # Errors
    /// `scheduler-state` where the state is that of another kind of schedule.
    pub fn restore(&mut self, path: &str, state: &SchedulerState) -> Result<()> {
        let same_kind = std::mem::discriminant(&self.state) == std::mem::discriminant(&state.schedule);
        let groups = |state: &State| state.last_lr().len();
        // Far from any number of steps that there is.
        let is_mad = matches!(&state.schedule, State::Lambda(state) if !(0..1 << 53).contains(&state.last_epoch));
        if !same_kind || groups(&self.state) != groups(&state.schedule) || is_mad {
            let diagnostic = Diagnostic::new("scheduler-state", Site::file(path), "the state is that of another schedule");
            let diagnostic = diagnostic.expected(described(&self.state)).found(described(&state.schedule));
            return Err(Error::misuse(diagnostic.hint("give the lr_scheduler_type that the checkpoint was made with")));
        }
        let mut restored = state.schedule.clone();
        if let (State::Lambda(restored), State::Lambda(own)) = (&mut restored, &self.state) {
            restored.lr_lambdas.clone_from(&own.lr_lambdas);
        }
        self.state = restored;
        Ok(())
    }
}

fn described(state: &State) -> String {
    let kind = match state {
        State::Lambda(_) => "a function of the step",
        State::Plateau(_) => "reduce_lr_on_plateau",
        State::Greedy(_) => "greedy",
        State::Other(_) => "an unknown schedule",
    };
    format!("{kind} of {} parameter groups", state.last_lr().len())
}

//! Stops a training whose evaluations get no better.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `trainer_callback.py` (`EarlyStoppingCallback`).

use super::best::{Best, value_of};
use super::callback::{Course, Event, TrainerCallback, TrainerControl};
use crate::format::json::Json;

/// Counts evaluations in a row that were no better than the best one, and stops the training at `patience`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStopping {
    patience: u64,
    threshold: f64,
    counter: u64,
}

impl EarlyStopping {
    /// A count that has not begun; only what is better by more than `threshold` counts as better.
    pub fn new(patience: u64, threshold: f64) -> Self {
        EarlyStopping { patience, threshold, counter: 0 }
    }
}

impl TrainerCallback for EarlyStopping {
    fn on_event(&mut self, event: Event<'_>, course: Course<'_>, control: &mut TrainerControl) {
        let Event::Evaluate(metrics) = event else { return };
        let Some(best) = Best::of(course.arguments) else { return };
        // With several data sets, this one may not be the one that the metric is of.
        let Some(value) = value_of(metrics, &best.name) else { return };
        let is_better = course.state.best_metric.is_none_or(|known| {
            let known = known.to_f64();
            best.improves(value, known) && (value - known).abs() > self.threshold
        });
        self.counter = if is_better { 0 } else { self.counter + 1 };
        control.should_training_stop |= self.counter >= self.patience;
    }

    fn exported_state(&self) -> Option<(&'static str, Json)> {
        let object = |entries: Vec<(&str, Json)>| Json::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let arguments = vec![("early_stopping_patience", self.patience.into()), ("early_stopping_threshold", Json::Float(self.threshold))];
        let attributes = vec![("early_stopping_patience_counter", self.counter.into())];
        Some(("EarlyStoppingCallback", object(vec![("args", object(arguments)), ("attributes", object(attributes))])))
    }

    fn restore(&mut self, state: &Json, with_arguments: bool) {
        let value = |group: &str, name: &str| state.get(group).and_then(|values| values.get(name).cloned());
        if let Some(counter) = value("attributes", "early_stopping_patience_counter").and_then(|value| value.as_u64()) {
            self.counter = counter;
        }
        if with_arguments {
            self.patience = value("args", "early_stopping_patience").and_then(|value| value.as_u64()).unwrap_or(self.patience);
            self.threshold = value("args", "early_stopping_threshold").and_then(|value| value.as_f64()).unwrap_or(self.threshold);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::run::trainer_state::TrainerState;
    use crate::train::arguments::{RawValue, TrainingArguments, Values};

    fn arguments() -> TrainingArguments {
        let given = [
            ("model_name_or_path", "m"),
            ("train_file", "t.csv"),
            ("validation_file", "v.csv"),
            ("output_dir", "o"),
            ("eval_strategy", "steps"),
            ("metric_for_best_model", "accuracy"),
        ];
        let values: Values = given.into_iter().map(|(name, value)| (name.to_owned(), RawValue::command_line(value))).collect();
        TrainingArguments::resolve(&values).unwrap()
    }

    /// Whether the training stops after each of these evaluations, where 0.5 is the best so far.
    fn stops(callback: &mut EarlyStopping, accuracies: &[f64]) -> Vec<bool> {
        let (arguments, state) = (arguments(), TrainerState { best_metric: Some(0.5.into()), ..TrainerState::default() });
        let mut stops = Vec::new();
        for accuracy in accuracies {
            let mut control = TrainerControl::default();
            let metrics = [("eval_accuracy".to_owned(), Json::Float(*accuracy))];
            callback.on_event(Event::Evaluate(&metrics), Course { arguments: &arguments, state: &state }, &mut control);
            stops.push(control.should_training_stop);
        }
        stops
    }

    #[test]
    fn the_count_begins_anew_when_it_gets_better() {
        assert_eq!(stops(&mut EarlyStopping::new(2, 0.0), &[0.4, 0.6, 0.5, 0.3]), [false, false, false, true]);
        assert_eq!(stops(&mut EarlyStopping::new(1, 0.2), &[0.9, 0.6]), [false, true]);
    }

    #[test]
    fn a_restored_count_goes_on() {
        let mut first = EarlyStopping::new(2, 0.0);
        stops(&mut first, &[0.1]);
        let (name, state) = first.exported_state().unwrap();
        assert_eq!(name, "EarlyStoppingCallback");
        for (with_arguments, expected) in [(false, [false, true]), (true, [true, true])] {
            let mut second = EarlyStopping::new(3, 0.0);
            second.restore(&state, with_arguments);
            assert_eq!(stops(&mut second, &[0.1, 0.1]), expected);
        }
    }

    #[test]
    fn metrics_of_another_data_set_do_not_count() {
        let (arguments, state) = (arguments(), TrainerState::default());
        let (mut callback, mut control) = (EarlyStopping::new(1, 0.0), TrainerControl::default());
        let metrics = [("eval_long_accuracy".to_owned(), Json::Float(0.0))];
        callback.on_event(Event::Evaluate(&metrics), Course { arguments: &arguments, state: &state }, &mut control);
        assert_eq!((callback, control), (EarlyStopping::new(1, 0.0), TrainerControl::default()));
    }
}

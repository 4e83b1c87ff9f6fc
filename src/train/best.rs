//! Which evaluation was the best one.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `trainer.py` (`_determine_best_metric`).

use super::arguments::TrainingArguments;
use super::callback::Metrics;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::json::Json;

/// The metric that tells, and in which direction it is better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// Its name, with the `eval_` that evaluations put before it.
    pub name: String,
    greater: bool,
}

impl Best {
    /// What `metric_for_best_model` and `greater_is_better` say.
    pub fn of(arguments: &TrainingArguments) -> Option<Best> {
        let metric = arguments.metric_for_best_model.as_ref()?;
        let name = if metric.starts_with("eval_") { metric.clone() } else { format!("eval_{metric}") };
        Some(Best { name, greater: arguments.greater_is_better })
    }

    /// Whether a value is better than a known one.
    pub fn improves(&self, value: f64, known: f64) -> bool {
        if self.greater { value > known } else { value < known }
    }

    /// Whether a value is better than all before it; a value that is not a number never is.
    pub fn is_new(&self, value: f64, best: Option<f64>) -> bool {
        let worst = if self.greater { f64::NEG_INFINITY } else { f64::INFINITY };
        self.improves(value, best.unwrap_or(worst))
    }

    /// Checks that evaluations will have the metric, before hours are spent on the first one.
    ///
    /// # Errors
    /// None of `names`, which have their `eval_`, is the metric.
    pub fn check(&self, names: &[String]) -> Result<()> {
        if names.contains(&self.name) {
            return Ok(());
        }
        let message = format!("no evaluation gives metric_for_best_model {}", self.name.trim_start_matches("eval_"));
        let diagnostic = Diagnostic::new("argument-conflict", Site::default(), message);
        let known: Vec<&str> = names.iter().map(|name| name.trim_start_matches("eval_")).collect();
        Err(Error::misuse(diagnostic.expected(format!("one of {}", known.join(", "))).hint("give one of these")))
    }
}

/// The value of a metric.
pub fn value_of(metrics: &Metrics, name: &str) -> Option<f64> {
    metrics.iter().find(|(known, _)| known == name).and_then(|(_, value)| Json::as_f64(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_is_more_or_less() {
        let more = Best { name: "eval_accuracy".to_owned(), greater: true };
        let less = Best { name: "eval_loss".to_owned(), greater: false };
        assert!(more.is_new(0.1, None) && less.is_new(9.0, None));
        assert!(more.is_new(0.6, Some(0.5)) && !more.is_new(0.5, Some(0.5)) && !less.is_new(0.6, Some(0.5)));
        assert!(!more.is_new(f64::NAN, None) && !less.is_new(f64::NAN, Some(1.0)));
    }

    #[test]
    fn a_metric_that_nobody_measures_is_refused() {
        let best = Best { name: "eval_acuracy".to_owned(), greater: true };
        let error = best.check(&["eval_loss".to_owned(), "eval_accuracy".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("one of loss, accuracy"), "{error}");
    }
}

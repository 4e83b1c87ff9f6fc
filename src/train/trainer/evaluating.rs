//! Evaluations in the course of a training and after it.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`evaluate`, `evaluation_loop`, `_evaluate`, `_determine_best_metric`).

use super::logging::speed;
use super::{EvalSet, Host, Progress, Run, Trainer};
use crate::data::Dataset;
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::train::arguments::SaveStrategy;
use crate::train::best::{Best, value_of};
use crate::train::callback::{Course, Event};
use crate::train::engine::Engine;
use crate::train::evaluation::{Predictions, measure, predict};
use crate::train::sampler::iterate_evaluation;
use std::borrow::Cow;

impl Trainer<'_> {
    /// Measures the model on all evaluation rows, and logs `eval_loss`, the metrics of the task, and how fast it went.
    ///
    /// # Errors
    /// The engine's device is lost.
    pub async fn evaluate(&mut self, host: &mut dyn Host) -> Result<Vec<(String, Json)>> {
        let mut all = Vec::new();
        for set in self.eval_sets.clone() {
            iterate_evaluation(self.arguments, set.dataset.len(), &mut self.generators.torch);
            let metrics = self.evaluate_set(set, host).await?;
            self.log(metrics.clone(), None, host);
            self.fire(Event::Evaluate(&metrics));
            all.extend(metrics);
        }
        Ok(all)
    }

    /// Evaluates, and lets schedule and best metric know.
    pub(super) async fn evaluate_and_judge(&mut self, run: &mut Run<'_>, host: &mut dyn Host) -> Result<()> {
        let metrics = self.evaluate(host).await?;
        let Some(best) = Best::of(self.arguments) else { return Ok(()) };
        let Some(value) = value_of(&metrics, &best.name) else { return Ok(()) };
        run.schedule.observe(value);
        let is_new = best.is_new(value, self.state.best_metric.map(|known| known.to_f64()));
        if is_new {
            self.state.best_metric = Some(value.into());
            if self.arguments.save_strategy != SaveStrategy::No {
                self.state.best_global_step = Some(self.state.global_step);
            }
        }
        if self.arguments.save_strategy == SaveStrategy::Best {
            self.control.should_save = is_new;
        }
        Ok(())
    }

    /// Predicts rows; labels are not looked at.
    ///
    /// # Errors
    /// The engine's device is lost.
    pub async fn predict(&mut self, dataset: &Dataset, host: &mut dyn Host) -> Result<Predictions> {
        let started = host.seconds();
        let batches = dataset.len().div_ceil(self.arguments.per_device_eval_batch_size.max(1));
        let predictions = self.run_over(dataset, 0.0, host).await?;
        self.fire(Event::Predict(&speed("test", host.seconds() - started, dataset.len() as f64, batches as u64)));
        Ok(predictions)
    }

    async fn evaluate_set(&mut self, set: EvalSet<'_>, host: &mut dyn Host) -> Result<Vec<(String, Json)>> {
        let started = host.seconds();
        let arguments = self.arguments;
        let batch_size = arguments.per_device_eval_batch_size.max(1);
        let left_out = if arguments.dataloader_drop_last { set.dataset.len() % batch_size } else { 0 };
        let rows = set.dataset.len() - left_out;
        let dataset = if left_out == 0 { Cow::Borrowed(set.dataset) } else { Cow::Owned(set.dataset.clone().truncated(rows)) };
        let predictions = self.run_over(&dataset, arguments.label_smoothing_factor, host).await?;
        let split = set.prefix();
        let mut metrics = vec![(format!("{split}_loss"), predictions.loss.into())];
        let measured = measure(self.task, &predictions.logits, dataset.labels());
        metrics.extend(measured.into_iter().map(|(name, value)| (format!("{split}_{name}"), Json::Float(value))));
        metrics.extend(speed(&split, host.seconds() - started, rows as f64, rows.div_ceil(batch_size) as u64));
        Ok(metrics)
    }

    /// Runs the model over all rows; host and callbacks hear of the batches.
    async fn run_over(&mut self, dataset: &Dataset, label_smoothing_factor: f64, host: &mut dyn Host) -> Result<Predictions> {
        let (arguments, state, rows) = (self.arguments, &self.state, dataset.len());
        let batch_size = arguments.per_device_eval_batch_size.max(1);
        let (mut batches_told, callbacks, control) = (0, &mut self.callbacks, &mut self.control);
        predict(&mut self.engine, dataset, batch_size, label_smoothing_factor, async |engine: &mut Engine, done| {
            host.progress(Progress::Evaluation(done, rows));
            let batches = if done == rows { rows.div_ceil(batch_size) } else { done / batch_size };
            for _ in batches_told..batches {
                for callback in callbacks.iter_mut() {
                    callback.on_event(Event::PredictionStep, Course { arguments, state }, control);
                }
            }
            batches_told = batches;
            host.give_way(engine).await;
        })
        .await
    }
}

impl EvalSet<'_> {
    /// What its metrics begin with.
    pub(in crate::train) fn prefix(&self) -> String {
        self.name.map_or_else(|| "eval".to_owned(), |name| format!("eval_{name}"))
    }
}

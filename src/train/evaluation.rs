//! A model measured on a data set, and its predictions.

use super::engine::Engine;
use super::metrics;
use crate::data::{Dataset, Labels, Task};

/// What a model says about a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// (rows, `num_labels`), row-major.
    pub logits: Vec<f32>,
    /// Mean loss over all rows, where the data set has labels.
    pub loss: Option<f64>,
}

/// Runs the model over all rows in evaluation mode; `progress` hears the number of rows done.
pub fn predict(
    engine: &mut Engine,
    dataset: &Dataset,
    batch_size: usize,
    label_smoothing_factor: f64,
    mut progress: impl FnMut(usize),
) -> Predictions {
    let rows: Vec<u32> = (0..dataset.len() as u32).collect();
    let mut logits = Vec::with_capacity(rows.len() * engine.config().num_labels);
    let (mut loss, mut done) = (0.0, 0);
    for indices in rows.chunks(batch_size.max(1)) {
        let batch = dataset.batch(indices);
        let outputs = engine.logits(&batch);
        if let Some(labels) = &batch.labels {
            loss += engine.loss(&outputs, labels, label_smoothing_factor) * indices.len() as f64;
        }
        logits.extend(outputs);
        done += indices.len();
        progress(done);
    }
    let mean = f64::from((loss / rows.len().max(1) as f64) as f32);
    Predictions { logits, loss: dataset.labels().map(|_| mean) }
}

/// The class with the highest logit of each row; the first of equals.
///
/// # Shapes
/// `logits` is (rows, `num_labels`), row-major.
pub fn argmax(logits: &[f32], num_labels: usize) -> Vec<u32> {
    let highest = |row: &[f32]| row.iter().enumerate().fold(0, |best, (class, logit)| if *logit > row[best] { class } else { best }) as u32;
    logits.chunks_exact(num_labels.max(1)).map(highest).collect()
}

/// The metrics of a task by name, without a prefix: for classes `accuracy`, `f1` (binary; two classes only), `f1_macro` and
/// `matthews_correlation`; for several labels a row `f1` (micro, as `run_classification.py` has it), `f1_macro` and `accuracy` (all labels of
/// a row right); for regression `mse`, `pearson` and `spearmanr`.
///
/// Empty where the data set has no labels.
pub fn measure(task: &Task, logits: &[f32], labels: Option<&Labels>) -> Vec<(&'static str, f64)> {
    match labels {
        Some(Labels::Classes(labels)) => {
            let predictions = argmax(logits, task.num_labels());
            let mut measured = vec![("accuracy", metrics::accuracy(&predictions, labels))];
            if task.num_labels() == 2 {
                measured.push(("f1", metrics::f1_binary(&predictions, labels)));
            }
            measured.push(("f1_macro", metrics::f1_macro(&predictions, labels)));
            measured.push(("matthews_correlation", metrics::matthews_correlation(&predictions, labels)));
            measured
        }
        Some(Labels::MultiHot { num_labels, values }) => {
            let predictions: Vec<bool> = logits.iter().map(|logit| *logit > 0.0).collect();
            let labels: Vec<bool> = values.iter().map(|value| *value > 0.5).collect();
            vec![
                ("f1", metrics::multilabel_f1_micro(&predictions, &labels)),
                ("f1_macro", metrics::multilabel_f1_macro(&predictions, &labels, *num_labels)),
                ("accuracy", metrics::subset_accuracy(&predictions, &labels, *num_labels)),
            ]
        }
        Some(Labels::Values(labels)) => {
            let widen = |values: &[f32]| -> Vec<f64> { values.iter().map(|value| f64::from(*value)).collect() };
            let (predictions, labels) = (widen(logits), widen(labels));
            vec![
                ("mse", metrics::mse(&predictions, &labels)),
                ("pearson", metrics::pearson(&predictions, &labels)),
                ("spearmanr", metrics::spearman(&predictions, &labels)),
            ]
        }
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::argmax;

    #[test]
    fn the_first_of_equal_logits_wins() {
        assert_eq!(argmax(&[1.0, 1.0, 0.0, -3.0, -2.0, -2.0], 3), [0, 1]);
    }
}

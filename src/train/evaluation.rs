//! A model measured on a data set, and its predictions.

use super::engine::Engine;
use super::metrics;
use super::trainer::EvalSet;
use crate::data::{Dataset, Labels, Task};
use crate::diagnostic::Result;

/// What a model says about a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// (rows, `num_labels`), row-major.
    pub logits: Vec<f32>,
    /// Mean loss over all rows, where the data set has labels.
    pub loss: Option<f64>,
}

/// Tokens that one forward pass takes at least, as long as there are rows: fewer leave the processor waiting for the weights.
const TOKENS_AT_ONCE: usize = 2048;

/// Runs the model over all rows in evaluation mode; `progress` hears the number of rows done, and may ask the engine for other logits.
///
/// `batch_size` says which rows share a loss, as in transformers; how many go through the model at once is decided by their lengths, and
/// changes nothing.
///
/// # Errors
/// The device is lost.
pub async fn predict(
    engine: &mut Engine,
    dataset: &Dataset,
    batch_size: usize,
    label_smoothing_factor: f64,
    mut progress: impl AsyncFnMut(&mut Engine, usize),
) -> Result<Predictions> {
    let num_labels = engine.config().num_labels;
    let rows: Vec<u32> = (0..dataset.len() as u32).collect();
    let mut logits = Vec::with_capacity(rows.len() * num_labels);
    let mut rest = rows.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rows_at_once(dataset, rest));
        logits.extend(engine.logits(&dataset.batch(now)).await?);
        rest = later;
        progress(engine, dataset.len() - rest.len()).await;
    }
    let loss = dataset.labels().map(|labels| {
        let batches = rows.chunks(batch_size.max(1)).zip(logits.chunks(batch_size.max(1) * num_labels));
        let losses = batches.map(|(rows, logits)| engine.loss(logits, &labels.select(rows), label_smoothing_factor) * rows.len() as f64);
        f64::from((losses.sum::<f64>() / rows.len().max(1) as f64) as f32)
    });
    Ok(Predictions { logits, loss })
}

fn rows_at_once(dataset: &Dataset, rows: &[u32]) -> usize {
    let mut tokens = 0;
    let enough = rows.iter().position(|row| {
        tokens += dataset.examples()[*row as usize].token_ids.len();
        tokens >= TOKENS_AT_ONCE
    });
    enough.map_or(rows.len(), |last| last + 1)
}

/// The class with the highest logit of each row; the first of equals.
///
/// # Shapes
/// `logits` is (rows, `num_labels`), row-major.
pub fn argmax(logits: &[f32], num_labels: usize) -> Vec<u32> {
    let highest = |row: &[f32]| row.iter().enumerate().fold(0, |best, (class, logit)| if *logit > row[best] { class } else { best }) as u32;
    logits.chunks_exact(num_labels.max(1)).map(highest).collect()
}

/// What is predicted of each row, in the words of `predict_results.txt`: a class, a list of labels, or a number with three digits.
///
/// # Source
/// transformers, `examples/pytorch/text-classification/run_classification.py`.
pub fn predicted(task: &Task, logits: &[f32]) -> Vec<String> {
    let width = task.num_labels().max(1);
    let classes = argmax(logits, width);
    let rows = logits.chunks_exact(width).zip(classes);
    rows.map(|(row, class)| match task {
        Task::Regression => format!("{:.3}", row[0]),
        Task::SingleLabel(labels) => labels.name(class).unwrap_or_default().to_owned(),
        Task::MultiLabel(labels) => {
            let named = row.iter().zip(0..).filter(|(logit, _)| **logit > 0.0).filter_map(|(_, id)| labels.name(id));
            format!("[{}]", named.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
        }
    })
    .collect()
}

/// The names that evaluations of these data sets give to their metrics.
pub fn metric_names(task: &Task, sets: &[EvalSet<'_>]) -> Vec<String> {
    let measured: &[&str] = match task {
        Task::Regression => &["mse", "pearson", "spearmanr"],
        Task::SingleLabel(labels) if labels.len() == 2 => &["accuracy", "f1", "f1_macro", "matthews_correlation"],
        Task::SingleLabel(_) => &["accuracy", "f1_macro", "matthews_correlation"],
        Task::MultiLabel(_) => &["f1", "f1_macro", "accuracy"],
    };
    let names = |set: &EvalSet<'_>| ["loss"].iter().chain(measured).map(|name| format!("{}_{name}", set.prefix())).collect::<Vec<_>>();
    sets.iter().flat_map(names).collect()
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
    use super::*;
    use crate::data::LabelSet;

    #[test]
    fn names_are_those_of_what_is_measured() {
        let labels = |count: usize| LabelSet::from_names((0..count).map(|id| format!("l{id}"))).unwrap();
        let hot = Labels::MultiHot { num_labels: 2, values: vec![1.0, 0.0] };
        for (task, labels) in [
            (Task::Regression, Labels::Values(vec![0.5])),
            (Task::SingleLabel(labels(2)), Labels::Classes(vec![1])),
            (Task::SingleLabel(labels(3)), Labels::Classes(vec![1])),
            (Task::MultiLabel(labels(2)), hot),
        ] {
            let dataset = Dataset::new(Vec::new(), None).unwrap();
            let names = metric_names(&task, &[EvalSet { name: Some("a"), dataset: &dataset }]);
            let logits = vec![0.0; task.num_labels().max(1)];
            let measured = measure(&task, &logits, Some(&labels)).into_iter().map(|(name, _)| format!("eval_a_{name}"));
            assert_eq!(names, ["eval_a_loss".to_owned()].into_iter().chain(measured).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_of_equal_logits_wins() {
        assert_eq!(argmax(&[1.0, 1.0, 0.0, -3.0, -2.0, -2.0], 3), [0, 1]);
    }
}

//! Evaluation metrics with the meaning that scikit-learn and scipy give them.
//!
//! Every function compares predictions with labels, in that order, element by element. A metric that the inputs leave undefined, be it
//! because there is nothing to compare or because the lengths differ, is NaN; nothing here panics.

use std::collections::BTreeMap;

/// Share of predictions that equal their label; NaN where there are none.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.accuracy_score`.
///
/// # Examples
/// ```
/// use rtrain::train::metrics::accuracy;
/// assert_eq!(accuracy(&[0, 1, 1, 2], &[0, 1, 2, 2]), 0.75);
/// ```
pub fn accuracy(predictions: &[u32], labels: &[u32]) -> f64 {
    if !comparable(predictions, labels) {
        return f64::NAN;
    }
    let correct = predictions.iter().zip(labels).filter(|(prediction, label)| prediction == label).count();
    correct as f64 / labels.len() as f64
}

/// F1 of class 1 against all others; 0 where class 1 is neither predicted nor present, NaN where there are no rows.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.f1_score(average="binary")`.
pub fn f1_binary(predictions: &[u32], labels: &[u32]) -> f64 {
    if !comparable(predictions, labels) {
        return f64::NAN;
    }
    let mut counts = ClassCounts::default();
    for (&prediction, &label) in predictions.iter().zip(labels) {
        counts.add(prediction == 1, label == 1);
    }
    counts.f1()
}

/// Unweighted mean of the F1 of every class that occurs in the predictions or the labels; NaN where there are no rows.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.f1_score(average="macro")`.
pub fn f1_macro(predictions: &[u32], labels: &[u32]) -> f64 {
    if !comparable(predictions, labels) {
        return f64::NAN;
    }
    let classes = class_counts(predictions, labels);
    classes.values().map(ClassCounts::f1).sum::<f64>() / classes.len() as f64
}

/// Matthews correlation coefficient over any number of classes; 0 where all predictions or all labels are one class, NaN where there are
/// no rows.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.matthews_corrcoef`; Gorodkin, "Comparing two K-category assignments by a K-category correlation
/// coefficient", 2004.
pub fn matthews_correlation(predictions: &[u32], labels: &[u32]) -> f64 {
    if !comparable(predictions, labels) {
        return f64::NAN;
    }
    let rows = labels.len() as f64;
    let (mut correct, mut both, mut predicted, mut actual) = (0.0, 0.0, 0.0, 0.0);
    for counts in class_counts(predictions, labels).values() {
        correct += counts.true_positives as f64;
        both += counts.predicted as f64 * counts.actual as f64;
        predicted += (counts.predicted as f64).powi(2);
        actual += (counts.actual as f64).powi(2);
    }
    let variances = (rows * rows - predicted) * (rows * rows - actual);
    if variances == 0.0 { 0.0 } else { (correct * rows - both) / variances.sqrt() }
}

/// F1 over all cells of a multi-label problem taken together; 0 where no cell is predicted or labelled true, NaN where there are no cells.
///
/// # Shapes
/// Both are `rows * num_labels` long; how the cells are arranged does not matter as long as both agree.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.f1_score(average="micro")` on indicator matrices.
pub fn multilabel_f1_micro(predictions: &[bool], labels: &[bool]) -> f64 {
    if !comparable(predictions, labels) {
        return f64::NAN;
    }
    let mut counts = ClassCounts::default();
    for (&prediction, &label) in predictions.iter().zip(labels) {
        counts.add(prediction, label);
    }
    counts.f1()
}

/// Unweighted mean of the F1 of every column of a multi-label problem; a column without a true cell counts 0.
///
/// NaN where there are no rows or the length is no multiple of `num_labels`.
///
/// # Shapes
/// Both are `rows` by `num_labels`, one row after the other.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.f1_score(average="macro")` on indicator matrices.
pub fn multilabel_f1_macro(predictions: &[bool], labels: &[bool], num_labels: usize) -> f64 {
    if !comparable(predictions, labels) || !labels.len().is_multiple_of(num_labels) {
        return f64::NAN;
    }
    let mut columns = vec![ClassCounts::default(); num_labels];
    for (predicted_row, row) in predictions.chunks(num_labels).zip(labels.chunks(num_labels)) {
        for ((column, &prediction), &label) in columns.iter_mut().zip(predicted_row).zip(row) {
            column.add(prediction, label);
        }
    }
    columns.iter().map(ClassCounts::f1).sum::<f64>() / num_labels as f64
}

/// Share of rows of a multi-label problem in which every cell is predicted right.
///
/// NaN where there are no rows or the length is no multiple of `num_labels`.
///
/// # Shapes
/// Both are `rows` by `num_labels`, one row after the other.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.accuracy_score` on indicator matrices.
pub fn subset_accuracy(predictions: &[bool], labels: &[bool], num_labels: usize) -> f64 {
    if !comparable(predictions, labels) || !labels.len().is_multiple_of(num_labels) {
        return f64::NAN;
    }
    let rows = predictions.chunks(num_labels).zip(labels.chunks(num_labels));
    let correct = rows.filter(|(prediction, label)| prediction == label).count();
    correct as f64 / (labels.len() / num_labels) as f64
}

/// Mean squared error; NaN where there are no rows.
///
/// # Numerics
/// Summed in order, so the last bits differ from numpy's pairwise sum.
///
/// # Source
/// scikit-learn 1.9.1, `sklearn.metrics.mean_squared_error`.
pub fn mse(predictions: &[f64], labels: &[f64]) -> f64 {
    if !comparable(predictions, labels) {
        return f64::NAN;
    }
    predictions.iter().zip(labels).map(|(prediction, label)| (prediction - label).powi(2)).sum::<f64>() / labels.len() as f64
}

/// Pearson correlation coefficient; NaN where there are fewer than two rows, where a side is constant, or where a value is NaN.
///
/// # Numerics
/// Each side is centred and scaled by its largest deviation before it is squared, so that large values do not overflow. The result is
/// clamped to `-1..=1`, and two rows give exactly -1 or 1.
///
/// # Source
/// scipy 1.17.1, `scipy.stats.pearsonr`.
pub fn pearson(predictions: &[f64], labels: &[f64]) -> f64 {
    if !comparable(predictions, labels) || constant(predictions) || constant(labels) {
        return f64::NAN;
    }
    let correlation = unit_deviations(predictions).zip(unit_deviations(labels)).map(|(x, y)| x * y).sum::<f64>();
    let correlation = correlation.clamp(-1.0, 1.0);
    if labels.len() == 2 { correlation.round() } else { correlation }
}

/// Spearman rank correlation coefficient, where equal values share the mean of their ranks.
///
/// NaN where there are fewer than two rows, where a side is constant, or where a value is NaN.
///
/// # Source
/// scipy 1.17.1, `scipy.stats.spearmanr`.
pub fn spearman(predictions: &[f64], labels: &[f64]) -> f64 {
    if predictions.iter().chain(labels).any(|value| value.is_nan()) {
        return f64::NAN;
    }
    pearson(&average_ranks(predictions), &average_ranks(labels))
}

fn comparable<T>(predictions: &[T], labels: &[T]) -> bool {
    !labels.is_empty() && predictions.len() == labels.len()
}

/// What a confusion matrix says of one class.
#[derive(Clone, Default)]
struct ClassCounts {
    true_positives: usize,
    predicted: usize,
    actual: usize,
}

impl ClassCounts {
    fn add(&mut self, prediction: bool, label: bool) {
        self.true_positives += usize::from(prediction && label);
        self.predicted += usize::from(prediction);
        self.actual += usize::from(label);
    }

    fn f1(&self) -> f64 {
        let occurrences = self.predicted + self.actual;
        if occurrences == 0 { 0.0 } else { 2.0 * self.true_positives as f64 / occurrences as f64 }
    }
}

fn class_counts(predictions: &[u32], labels: &[u32]) -> BTreeMap<u32, ClassCounts> {
    let mut classes = BTreeMap::<u32, ClassCounts>::new();
    for (&prediction, &label) in predictions.iter().zip(labels) {
        classes.entry(prediction).or_default().add(true, prediction == label);
        if prediction != label {
            classes.entry(label).or_default().add(false, true);
        }
    }
    classes
}

fn constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// The deviations from the mean, scaled to a Euclidean norm of 1.
fn unit_deviations(values: &[f64]) -> impl Iterator<Item = f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let largest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    let norm = largest * values.iter().map(|value| ((value - mean) / largest).powi(2)).sum::<f64>().sqrt();
    values.iter().map(move |value| (value - mean) / norm)
}

/// Ranks from 1; equal values share the mean of the ranks they span.
fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for ties in order.chunk_by(|&left, &right| values[left] == values[right]) {
        let rank = below as f64 + (ties.len() + 1) as f64 / 2.0;
        for &index in ties {
            ranks[index] = rank;
        }
        below += ties.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn numbers(case: &Value, name: &str) -> Vec<f64> {
        let array = case[name].as_array().unwrap_or_else(|| panic!("{name} is an array"));
        array.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
    }

    fn classes(case: &Value, name: &str) -> Vec<u32> {
        numbers(case, name).into_iter().map(|value| value as u32).collect()
    }

    fn cells(case: &Value, name: &str) -> Vec<bool> {
        numbers(case, name).into_iter().map(|value| value == 1.0).collect()
    }

    fn measure(metric: &str, case: &Value) -> f64 {
        let (predicted, actual) = (classes(case, "predictions"), classes(case, "labels"));
        let (predicted_cells, actual_cells) = (cells(case, "predictions"), cells(case, "labels"));
        let (predicted_values, actual_values) = (numbers(case, "predictions"), numbers(case, "labels"));
        let num_labels = case["num_labels"].as_u64().unwrap_or(0) as usize;
        match metric {
            "accuracy" => accuracy(&predicted, &actual),
            "f1_binary" => f1_binary(&predicted, &actual),
            "f1_macro" => f1_macro(&predicted, &actual),
            "matthews_correlation" => matthews_correlation(&predicted, &actual),
            "multilabel_f1_micro" => multilabel_f1_micro(&predicted_cells, &actual_cells),
            "multilabel_f1_macro" => multilabel_f1_macro(&predicted_cells, &actual_cells, num_labels),
            "subset_accuracy" => subset_accuracy(&predicted_cells, &actual_cells, num_labels),
            "mse" => mse(&predicted_values, &actual_values),
            "pearson" => pearson(&predicted_values, &actual_values),
            "spearman" => spearman(&predicted_values, &actual_values),
            other => panic!("unknown metric {other}"),
        }
    }

    #[test]
    fn metrics_equal_sklearn_and_scipy() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/metrics.json")).unwrap();
        let mut compared = 0;
        for case in golden["cases"].as_array().unwrap() {
            for (metric, expected) in case["expected"].as_object().unwrap() {
                let actual = measure(metric, case);
                let expected = expected.as_f64().unwrap_or(f64::NAN);
                let close = (actual - expected).abs() <= 1e-12 * expected.abs().max(1.0) || (actual.is_nan() && expected.is_nan());
                assert!(close, "{}: {metric} is {actual}, expected {expected}", case["name"]);
                compared += 1;
            }
        }
        assert!(compared >= 100, "only {compared} values compared");
    }

    #[test]
    fn nothing_to_compare_is_nan() {
        let undefined = [
            accuracy(&[], &[]),
            f1_binary(&[], &[]),
            f1_macro(&[], &[]),
            matthews_correlation(&[], &[]),
            multilabel_f1_micro(&[], &[]),
            multilabel_f1_macro(&[], &[], 3),
            multilabel_f1_macro(&[true], &[true], 0),
            subset_accuracy(&[], &[], 3),
            subset_accuracy(&[true; 4], &[true; 4], 3),
            mse(&[], &[]),
            pearson(&[], &[]),
            spearman(&[], &[]),
            spearman(&[1.0], &[1.0]),
            accuracy(&[1], &[1, 1]),
        ];
        assert!(undefined.iter().all(|value| value.is_nan()), "{undefined:?}");
    }

    proptest! {
        #[test]
        fn correlations_are_in_range_or_nan(rows in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20)) {
            let (predictions, labels): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            for value in [pearson(&predictions, &labels), spearman(&predictions, &labels)] {
                prop_assert!(value.is_nan() || (-1.0..=1.0).contains(&value));
            }
        }

        #[test]
        fn perfect_predictions_score_one(labels in prop::collection::vec(0u32..4, 1..30)) {
            prop_assert_eq!(accuracy(&labels, &labels), 1.0);
            prop_assert_eq!(f1_macro(&labels, &labels), 1.0);
        }
    }
}

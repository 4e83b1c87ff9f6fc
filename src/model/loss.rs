//! The losses of sequence classification.

use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Tensor, TensorData};

use crate::data::Labels;
use crate::kernels;

/// The loss of a batch: what kind, the labels decide, as `problem_type` does in transformers.
///
/// Label smoothing is defined for classes only; a `label_smoothing_factor` other than 0 with other labels is for the caller to refuse, and
/// is ignored here.
///
/// # Shapes
/// `logits` is (B, `num_labels`); the result is (1).
///
/// # Panics
/// Where the labels do not fit the shape of the logits, or there are no rows.
///
/// # Source
/// transformers 5.23.0, `loss/loss_utils.py` (`ForSequenceClassificationLoss`) and `trainer_pt_utils.py` (`LabelSmoother`).
pub fn loss(logits: Tensor<2>, labels: &Labels, label_smoothing_factor: f64) -> Tensor<1> {
    match labels {
        Labels::Classes(classes) => cross_entropy(logits, classes, label_smoothing_factor),
        Labels::MultiHot { num_labels, values } => binary_cross_entropy_with_logits(logits, *num_labels, values),
        Labels::Values(values) => mean_squared_error(logits, values),
    }
}

/// `(1 - factor) · nll + factor · mean over classes of -log p`, averaged over the batch; the plain cross entropy where `factor` is 0.
///
/// # Shapes
/// `logits` is (B, C), `classes` (B), the result (1).
///
/// # Panics
/// Where there are not as many classes as rows, or a class is not below C.
pub fn cross_entropy(logits: Tensor<2>, classes: &[u32], label_smoothing_factor: f64) -> Tensor<1> {
    let [rows, num_labels] = logits.dims();
    assert_eq!(classes.len(), rows, "one class a row");
    kernels::cross_entropy(logits, probabilities(classes, num_labels, label_smoothing_factor))
}

/// What a model is to learn of classes: all but the factor for the class itself, and the factor spread evenly over all.
///
/// # Shapes
/// `classes` is (B), the result (B, `num_labels`), row-major.
///
/// # Panics
/// Where a class is not below `num_labels`.
pub fn probabilities(classes: &[u32], num_labels: usize, label_smoothing_factor: f64) -> Vec<f32> {
    let elsewhere = label_smoothing_factor / num_labels as f64;
    let mut targets = vec![elsewhere as f32; classes.len() * num_labels];
    for (row, class) in targets.chunks_exact_mut(num_labels).zip(classes) {
        row[*class as usize] = (1.0 - label_smoothing_factor + elsewhere) as f32;
    }
    targets
}

/// Binary cross entropy of every logit by itself, averaged over all of them.
///
/// # Shapes
/// `logits` and `targets` are (B, `num_labels`), the result (1).
///
/// # Panics
/// Where the shapes differ.
///
/// # Source
/// torch, `binary_cross_entropy_with_logits`: `(1 - y) · x - log σ(x)`.
pub fn binary_cross_entropy_with_logits(logits: Tensor<2>, num_labels: usize, targets: &[f32]) -> Tensor<1> {
    let [rows, columns] = logits.dims();
    assert_eq!((columns, targets.len()), (num_labels, rows * columns), "one target a logit");
    let negative = targets.iter().map(|target| 1.0 - target).collect();
    let negative = Tensor::from_data(TensorData::new::<f32, _>(negative, [rows, columns]), &logits.device());
    (logits.clone() * negative - log_sigmoid(logits)).mean()
}

/// The mean squared error of a regression.
///
/// # Shapes
/// `logits` is (B, 1), `targets` (B), the result (1).
///
/// # Panics
/// Where the shapes differ.
pub fn mean_squared_error(logits: Tensor<2>, targets: &[f32]) -> Tensor<1> {
    assert_eq!(logits.dims(), [targets.len(), 1], "one logit and one target a row");
    let targets = Tensor::from_data(TensorData::new(targets.to_vec(), [targets.len(), 1]), &logits.device());
    let difference = logits - targets;
    (difference.clone() * difference).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn value(logits: Vec<f32>, columns: usize, labels: &Labels, factor: f64) -> f32 {
        let rows = logits.len() / columns;
        let logits = Tensor::from_data(TensorData::new(logits, [rows, columns]), &Device::flex());
        loss(logits, labels, factor).into_scalar()
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_classes() {
        for factor in [0.0, 0.1, 1.0] {
            let found = value(vec![2.0; 8], 4, &Labels::Classes(vec![0, 3]), factor);
            assert!((found - 4f32.ln()).abs() < 1e-6, "{found}");
        }
    }

    #[test]
    fn smoothing_charges_certainty() {
        let labels = Labels::Classes(vec![0]);
        assert!(value(vec![20.0, 0.0], 2, &labels, 0.0) < 1e-6);
        let found = value(vec![20.0, 0.0], 2, &labels, 0.1);
        assert!((found - 1.0).abs() < 1e-5, "{found}");
    }

    #[test]
    fn far_logits_stay_finite() {
        let labels = Labels::MultiHot { num_labels: 2, values: vec![1.0, 0.0] };
        assert_eq!(value(vec![-200.0, 200.0], 2, &labels, 0.0), 200.0);
        assert_eq!(value(vec![200.0, -200.0], 2, &labels, 0.0), 0.0);
    }

    #[test]
    fn a_regression_is_charged_by_the_square() {
        assert_eq!(value(vec![1.0, -1.0], 1, &Labels::Values(vec![3.0, 0.0]), 0.0), 2.5);
    }
}

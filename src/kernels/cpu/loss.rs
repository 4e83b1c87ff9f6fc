//! Cross entropy with targets that are probabilities.

use super::math::{exp, max, sum, sum2};
use super::parallel::for_shares;
use super::pool::take;
use crate::simd::vectorized;

/// The mean over rows of `-Σ targets · log softmax(logits)`, and softmax of the logits, (B, C).
pub fn cross_entropy(logits: &[f32], targets: &[f32], columns: usize) -> (f32, Vec<f32>) {
    let rows = logits.len() / columns;
    let (mut probabilities, mut losses) = (take(logits.len()), vec![0.0; rows]);
    for_shares(&mut losses, 1, |first, losses| {
        let range = first * columns..(first + losses.len()) * columns;
        row_losses(losses, &logits[range.clone()], &targets[range]);
    });
    for_shares(&mut probabilities, columns, |first, probabilities| {
        softmax(probabilities, &logits[first * columns..first * columns + probabilities.len()], columns);
    });
    (sum(&losses) / rows as f32, probabilities)
}

/// The gradient of the logits, `(probabilities - targets) · gradient / B`, in place of the probabilities; targets of a row add up to 1.
pub fn cross_entropy_backward(gradient: f32, mut probabilities: Vec<f32>, targets: &[f32], columns: usize) -> Vec<f32> {
    let scale = gradient / (probabilities.len() / columns) as f32;
    for_shares(&mut probabilities, columns, |first, rows| {
        let targets = &targets[first * columns..first * columns + rows.len()];
        rows.iter_mut().zip(targets).for_each(|(value, target)| *value = (*value - target) * scale);
    });
    probabilities
}

vectorized! {
    fn row_losses<'a>(losses: &'a mut [f32], logits: &'a [f32], targets: &'a [f32]) {
        let columns = logits.len() / losses.len().max(1);
        for ((loss, logits), targets) in losses.iter_mut().zip(logits.chunks_exact(columns)).zip(targets.chunks_exact(columns)) {
            let greatest = max(logits);
            let log_sum = greatest + sum2(logits, logits, |logit, _| exp(logit - greatest)).ln();
            *loss = sum2(logits, targets, |logit, target| target * (log_sum - logit));
        }
    }
}

vectorized! {
    fn softmax<'a>(probabilities: &'a mut [f32], logits: &'a [f32], columns: usize) {
        for (probabilities, logits) in probabilities.chunks_exact_mut(columns).zip(logits.chunks_exact(columns)) {
            let greatest = max(logits);
            probabilities.iter_mut().zip(logits).for_each(|(probability, logit)| *probability = exp(*logit - greatest));
            let scale = 1.0 / sum(probabilities);
            probabilities.iter_mut().for_each(|probability| *probability *= scale);
        }
    }
}

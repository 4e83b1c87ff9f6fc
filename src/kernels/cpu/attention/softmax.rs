//! Softmax and dropout of attention scores, row by row.

use crate::kernels::cpu::math::{exp, max, sum};
use crate::simd::vectorized;

vectorized! {
    /// Scores to probabilities, with dropout, in place.
    pub fn softmax<'a>(scores: &'a mut [f32], log_sums: &'a mut [f32], kept: Option<&'a [u8]>, keep_scale: f32) {
        let length = scores.len() / log_sums.len();
        for (index, (row, log_sum)) in scores.chunks_exact_mut(length).zip(log_sums).enumerate() {
            let greatest = max(row);
            for score in row.iter_mut() {
                *score = exp(*score - greatest);
            }
            let total = sum(row);
            *log_sum = greatest + total.ln();
            match kept {
                Some(kept) => {
                    let scale = keep_scale / total;
                    for (score, keep) in row.iter_mut().zip(&kept[index * length..(index + 1) * length]) {
                        *score *= f32::from(*keep) * scale;
                    }
                }
                None => {
                    let scale = 1.0 / total;
                    for score in row.iter_mut() {
                        *score *= scale;
                    }
                }
            }
        }
    }
}

vectorized! {
    /// Scores to probabilities with dropout, and the gradient of those to the gradient of the scores, in place.
    pub fn softmax_backward<'a>(
        scores: &'a mut [f32],
        slopes: &'a mut [f32],
        log_sums: &'a [f32],
        deltas: &'a [f32],
        kept: Option<&'a [u8]>,
        keep_scale: f32,
    ) {
        let length = scores.len() / log_sums.len();
        let rows = scores.chunks_exact_mut(length).zip(slopes.chunks_exact_mut(length)).zip(log_sums.iter().zip(deltas));
        for (index, ((scores, slopes), (log_sum, delta))) in rows.enumerate() {
            for score in scores.iter_mut() {
                *score = exp(*score - log_sum);
            }
            match kept {
                Some(kept) => {
                    for ((score, slope), keep) in scores.iter_mut().zip(slopes).zip(&kept[index * length..(index + 1) * length]) {
                        let keep = f32::from(*keep) * keep_scale;
                        *slope = *score * (*slope * keep - delta);
                        *score *= keep;
                    }
                }
                None => {
                    for (score, slope) in scores.iter_mut().zip(slopes) {
                        *slope = *score * (*slope - delta);
                    }
                }
            }
        }
    }
}

//! The norm of all gradients together, and clipping by it.

use rayon::prelude::*;

use super::CHUNK;
use crate::simd::vectorized;
use crate::train::gradient::Gradient;

/// The Euclidean norm of all gradients together.
///
/// # Numerics
/// Squares and sums are `f64`, in an order that the lengths alone decide.
pub fn global_norm(gradients: &[Gradient]) -> f64 {
    let chunks: Vec<&[f32]> = gradients.iter().flat_map(|gradient| gradient.values().chunks(CHUNK)).collect();
    let sums: Vec<f64> = chunks.into_par_iter().map(sum_of_squares).collect();
    sums.iter().sum::<f64>().sqrt()
}

/// What gradients of a norm are multiplied with.
pub(super) fn clip(norm: f64, max_grad_norm: f64) -> f32 {
    if max_grad_norm > 0.0 { (max_grad_norm / (norm + 1e-6)).min(1.0) as f32 } else { 1.0 }
}

vectorized! {
    pub(super) fn sum_of_squares<'a>(values: &'a [f32]) -> f64 {
        const LANES: usize = 32;
        let (blocks, rest) = values.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for block in blocks {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += f64::from(*value) * f64::from(*value);
            }
        }
        sums.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>()
    }
}

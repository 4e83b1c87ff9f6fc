//! The step of AdamW on the device, and the norm that gradients are clipped by.

use super::kernel::Kernel;
use super::memory::Tensor;
use super::model::Model;
use super::parameters::Slab;
use super::stream::{ELEMENTS, Stream, elements, words};

/// The scalars of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// What parameters that decay are multiplied with.
    pub shrink: f32,
    /// 1 - β₁.
    pub one_minus_beta1: f32,
    /// β₂.
    pub beta2: f32,
    /// 1 - β₂.
    pub one_minus_beta2: f32,
    /// √(1 - β₂ᵗ).
    pub root_correction2: f32,
    /// What is added to the denominator.
    pub epsilon: f32,
    /// The learning rate over 1 - β₁ᵗ.
    pub step_size: f32,
}

impl AdamW {
    /// The scalars of a step, counted from 1, computed in `f64` and rounded once.
    pub fn new(learning_rate: f64, weight_decay: f64, step: u64, [beta1, beta2]: [f64; 2], epsilon: f64) -> Self {
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        AdamW {
            shrink: (1.0 - learning_rate * weight_decay) as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            root_correction2: correction(beta2).sqrt() as f32,
            epsilon: epsilon as f32,
            step_size: (learning_rate / correction(beta1)) as f32,
        }
    }
}

/// Sums of squares that the elements of a slab are added up to before all of these are.
const SUMS: usize = 2048;

impl Model {
    /// Room for the sums of squares of so many slabs.
    pub(super) fn squares(slabs: usize) -> usize {
        slabs * SUMS
    }

    /// Leaves the norm of the gradients, averaged over micro batches, and what they are to be multiplied with, in the results.
    pub(super) fn gradient_norm(&self, stream: &mut Stream<'_>, micro_batches: usize, max_norm: f32) {
        for (index, slab) in self.parameters.slabs.iter().enumerate() {
            let arguments: &[u32] = words![slab.gradients.elements, index * SUMS];
            stream.launch(Kernel::SquaredSums, arguments, &[&slab.gradients, &self.squared_sums], [(SUMS / ELEMENTS) as u32, 1, 1]);
        }
        let count = self.parameters.slabs.len() * SUMS;
        let arguments: &[u32] = words![count, 1.0 / micro_batches.max(1) as f32, max_norm];
        stream.launch(Kernel::GradientNorm, arguments, &[&self.squared_sums, &self.results], [1, 1, 1]);
    }

    /// Moves all parameters by their gradients, as the results have them clipped.
    pub(super) fn step(&self, stream: &mut Stream<'_>, step: AdamW) {
        let AdamW { shrink, one_minus_beta1, beta2, one_minus_beta2, root_correction2, epsilon, step_size } = step;
        for Slab { values, gradients, exp_avg, exp_avg_sq, decays, .. } in &self.parameters.slabs {
            let count = values.elements;
            let arguments: &[u32] = words![count, shrink, one_minus_beta1, beta2, one_minus_beta2, root_correction2, epsilon, step_size];
            let tensors: [&Tensor; 6] = [gradients, decays, &self.results, values, exp_avg, exp_avg_sq];
            stream.launch(Kernel::AdamW, arguments, &tensors, elements(count));
        }
    }
}

//! Adam with decoupled weight decay: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

use super::UpdateSettings;
use super::values::Values;
use crate::gpu::AdamW as Scalars;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AdamW {
    clip: f32,
    scalars: Scalars,
}

impl AdamW {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, step: u64, betas: [f64; 2], epsilon: f64) -> Self {
        AdamW { clip, scalars: Scalars::new(settings.learning_rate, settings.weight_decay, step, betas, epsilon) }
    }

    fn shrink(self, decays: bool) -> f32 {
        if decays { self.scalars.shrink } else { 1.0 }
    }

    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        (self.scalars.epsilon > 0.0).then(|| self.shrink(decays))
    }

    #[inline(always)]
    pub(super) fn apply(self, values: Values<'_>, gradient: &[f32], decays: bool) {
        let shrink = self.shrink(decays);
        let [exp_avg, exp_avg_sq, _] = values.moments;
        let moments = exp_avg.iter_mut().zip(exp_avg_sq);
        for ((parameter, gradient), (exp_avg, exp_avg_sq)) in values.parameter.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient * self.clip;
            *exp_avg += (gradient - *exp_avg) * self.scalars.one_minus_beta1;
            *exp_avg_sq = *exp_avg_sq * self.scalars.beta2 + gradient * gradient * self.scalars.one_minus_beta2;
            let denominator = exp_avg_sq.sqrt() / self.scalars.root_correction2 + self.scalars.epsilon;
            *parameter = *parameter * shrink - self.scalars.step_size * *exp_avg / denominator;
        }
    }
}

//! Adam with decoupled weight decay: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

use super::UpdateSettings;
use super::values::Values;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AdamW {
    clip: f32,
    shrink: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    root_correction2: f32,
    epsilon: f32,
    step_size: f32,
}

impl AdamW {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, step: u64, [beta1, beta2]: [f64; 2], epsilon: f64) -> Self {
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        AdamW {
            clip,
            shrink: (1.0 - settings.learning_rate * settings.weight_decay) as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            root_correction2: correction(beta2).sqrt() as f32,
            epsilon: epsilon as f32,
            step_size: (settings.learning_rate / correction(beta1)) as f32,
        }
    }

    fn shrink(self, decays: bool) -> f32 {
        if decays { self.shrink } else { 1.0 }
    }

    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        (self.epsilon > 0.0).then(|| self.shrink(decays))
    }

    #[inline(always)]
    pub(super) fn apply(self, values: Values<'_>, gradient: &[f32], decays: bool) {
        let shrink = self.shrink(decays);
        let [exp_avg, exp_avg_sq, _] = values.moments;
        let moments = exp_avg.iter_mut().zip(exp_avg_sq);
        for ((parameter, gradient), (exp_avg, exp_avg_sq)) in values.parameter.iter_mut().zip(gradient).zip(moments) {
            let gradient = gradient * self.clip;
            *exp_avg += (gradient - *exp_avg) * self.one_minus_beta1;
            *exp_avg_sq = *exp_avg_sq * self.beta2 + gradient * gradient * self.one_minus_beta2;
            let denominator = exp_avg_sq.sqrt() / self.root_correction2 + self.epsilon;
            *parameter = *parameter * shrink - self.step_size * *exp_avg / denominator;
        }
    }
}

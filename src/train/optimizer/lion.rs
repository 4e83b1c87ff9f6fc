//! Steps of one size in the direction of a sign: Chen et al., "Symbolic discovery of optimization algorithms", 2023.

use super::UpdateSettings;
use super::values::Values;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lion {
    clip: f32,
    shrink: f32,
    learning_rate: f32,
    beta1: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
}

impl Lion {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, beta1: f64, beta2: f64) -> Self {
        Lion {
            clip,
            shrink: (1.0 - settings.learning_rate * settings.weight_decay) as f32,
            learning_rate: settings.learning_rate as f32,
            beta1: beta1 as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
        }
    }

    fn shrink(self, decays: bool) -> f32 {
        if decays { self.shrink } else { 1.0 }
    }

    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        Some(self.shrink(decays))
    }

    #[inline(always)]
    pub(super) fn apply(self, values: Values<'_>, gradient: &[f32], decays: bool) {
        let shrink = self.shrink(decays);
        let [mean, ..] = values.moments;
        for ((parameter, gradient), mean) in values.parameter.iter_mut().zip(gradient).zip(mean) {
            let gradient = gradient * self.clip;
            *parameter = *parameter * shrink - self.learning_rate * sign(*mean * self.beta1 + gradient * self.one_minus_beta1);
            *mean = *mean * self.beta2 + gradient * self.one_minus_beta2;
        }
    }
}

/// -1, 0 or 1, or not a number.
#[inline(always)]
fn sign(value: f32) -> f32 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

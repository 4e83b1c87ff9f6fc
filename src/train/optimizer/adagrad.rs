//! Steps that the squares of all gradients so far make smaller: Duchi et al., "Adaptive subgradient methods", 2011.

use super::UpdateSettings;
use super::update::GradientDecay;
use super::values::Values;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Adagrad {
    clip: f32,
    weight_decay: GradientDecay,
    learning_rate: f32,
    epsilon: f32,
}

impl Adagrad {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, step: u64, lr_decay: f64, epsilon: f64) -> Self {
        Adagrad {
            clip,
            weight_decay: GradientDecay::new(settings),
            learning_rate: (settings.learning_rate / (1.0 + (step - 1) as f64 * lr_decay)) as f32,
            epsilon: epsilon as f32,
        }
    }

    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        self.weight_decay.at_rest(decays).filter(|_| self.epsilon > 0.0)
    }

    #[inline(always)]
    pub(super) fn apply(self, values: Values<'_>, gradient: &[f32], decays: bool) {
        let weight_decay = self.weight_decay.of(decays);
        let [sum, ..] = values.moments;
        for ((parameter, gradient), sum) in values.parameter.iter_mut().zip(gradient).zip(sum) {
            let gradient = gradient * self.clip + weight_decay * *parameter;
            *sum += gradient * gradient;
            *parameter -= self.learning_rate * gradient / (sum.sqrt() + self.epsilon);
        }
    }
}

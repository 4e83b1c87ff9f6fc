//! Steps along the gradient, or along a decaying sum of gradients.

use super::UpdateSettings;
use super::update::GradientDecay;
use super::values::Values;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sgd {
    clip: f32,
    weight_decay: GradientDecay,
    learning_rate: f32,
    momentum: f32,
    /// The share of a gradient that the sum takes; all of the first one.
    one_minus_dampening: f32,
    nesterov: bool,
}

impl Sgd {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, step: u64, momentum: f64, dampening: f64, nesterov: bool) -> Self {
        Sgd {
            clip,
            weight_decay: GradientDecay::new(settings),
            learning_rate: settings.learning_rate as f32,
            momentum: momentum as f32,
            one_minus_dampening: if step == 1 { 1.0 } else { (1.0 - dampening) as f32 },
            nesterov,
        }
    }

    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        self.weight_decay.at_rest(decays)
    }

    #[inline(always)]
    pub(super) fn apply(self, values: Values<'_>, gradient: &[f32], decays: bool) {
        let weight_decay = self.weight_decay.of(decays);
        let [momentum_buffer, ..] = values.moments;
        let elements = values.parameter.iter_mut().zip(gradient);
        if momentum_buffer.is_empty() {
            elements.for_each(|(parameter, gradient)| {
                *parameter -= self.learning_rate * (gradient * self.clip + weight_decay * *parameter);
            });
            return;
        }
        for ((parameter, gradient), buffer) in elements.zip(momentum_buffer) {
            let gradient = gradient * self.clip + weight_decay * *parameter;
            *buffer = *buffer * self.momentum + gradient * self.one_minus_dampening;
            *parameter -= self.learning_rate * if self.nesterov { gradient + self.momentum * *buffer } else { *buffer };
        }
    }
}

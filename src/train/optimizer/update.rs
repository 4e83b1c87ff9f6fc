//! The step of an optimizer that treats every element by itself.

use super::adagrad::Adagrad;
use super::adamw::AdamW;
use super::lion::Lion;
use super::rmsprop::RmsProp;
use super::sgd::Sgd;
use super::values::Values;
use super::{Algorithm, UpdateSettings};
use crate::simd::vectorized;

/// Weight decay that is added to the gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GradientDecay(f32);

impl GradientDecay {
    pub(super) fn new(settings: &UpdateSettings) -> Self {
        GradientDecay(settings.weight_decay as f32)
    }

    /// What a parameter is multiplied with that decays, or one that does not.
    pub(super) fn of(self, decays: bool) -> f32 {
        if decays { self.0 } else { 0.0 }
    }

    /// [`Update::at_rest`] of an optimizer that does not move where the gradient and all before it are zero.
    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        (self.of(decays) == 0.0).then_some(1.0)
    }
}

/// The scalars of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Update {
    AdamW(AdamW),
    Sgd(Sgd),
    Adagrad(Adagrad),
    RmsProp(RmsProp),
    Lion(Lion),
}

impl Update {
    /// The scalars of a step, counted from 1; nothing for an algorithm that does not treat every element by itself.
    pub(super) fn new(algorithm: &Algorithm, settings: &UpdateSettings, clip: f32, step: u64) -> Option<Self> {
        Some(match *algorithm {
            Algorithm::AdamW { beta1, beta2, eps, .. } => Update::AdamW(AdamW::new(settings, clip, step, [beta1, beta2], eps)),
            Algorithm::Adafactor => return None,
            Algorithm::Sgd { momentum, dampening, nesterov } => {
                let [momentum, dampening] = [momentum, dampening].map(Option::unwrap_or_default);
                Update::Sgd(Sgd::new(settings, clip, step, momentum, dampening, nesterov))
            }
            Algorithm::Adagrad { lr_decay, eps } => Update::Adagrad(Adagrad::new(settings, clip, step, lr_decay.unwrap_or_default(), eps)),
            Algorithm::RmsProp { momentum, alpha, eps, centered } => {
                Update::RmsProp(RmsProp::new(settings, clip, momentum.unwrap_or_default(), alpha, eps, centered))
            }
            Algorithm::Lion { beta1, beta2 } => Update::Lion(Lion::new(settings, clip, beta1, beta2)),
        })
    }

    /// What the step multiplies an element with that has no gradient and never had one; `None` where it must be computed.
    pub(super) fn at_rest(&self, decays: bool) -> Option<f32> {
        match self {
            Update::AdamW(update) => update.at_rest(decays),
            Update::Sgd(update) => update.at_rest(decays),
            Update::Adagrad(update) => update.at_rest(decays),
            Update::RmsProp(update) => update.at_rest(decays),
            Update::Lion(update) => update.at_rest(decays),
        }
    }
}

vectorized! {
    /// Moves elements by their gradients.
    pub(super) fn apply<'a>(values: Values<'a>, gradient: &'a [f32], update: Update, decays: bool) {
        match update {
            Update::AdamW(update) => update.apply(values, gradient, decays),
            Update::Sgd(update) => update.apply(values, gradient, decays),
            Update::Adagrad(update) => update.apply(values, gradient, decays),
            Update::RmsProp(update) => update.apply(values, gradient, decays),
            Update::Lion(update) => update.apply(values, gradient, decays),
        }
    }
}

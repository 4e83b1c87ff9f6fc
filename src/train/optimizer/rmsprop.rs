//! Steps divided by the running root mean square of the gradient, or by its running deviation.

use super::UpdateSettings;
use super::update::GradientDecay;
use super::values::Values;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RmsProp {
    clip: f32,
    weight_decay: GradientDecay,
    learning_rate: f32,
    momentum: f32,
    alpha: f32,
    one_minus_alpha: f32,
    epsilon: f32,
    centered: bool,
}

impl RmsProp {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, momentum: f64, alpha: f64, epsilon: f64, centered: bool) -> Self {
        RmsProp {
            clip,
            weight_decay: GradientDecay::new(settings),
            learning_rate: settings.learning_rate as f32,
            momentum: momentum as f32,
            alpha: alpha as f32,
            one_minus_alpha: (1.0 - alpha) as f32,
            epsilon: epsilon as f32,
            centered,
        }
    }

    pub(super) fn at_rest(self, decays: bool) -> Option<f32> {
        self.weight_decay.at_rest(decays).filter(|_| self.epsilon > 0.0)
    }

    #[inline(always)]
    pub(super) fn apply(self, values: Values<'_>, gradient: &[f32], decays: bool) {
        let weight_decay = self.weight_decay.of(decays);
        let [square_avg, second, third] = values.moments;
        let elements = values.parameter.iter_mut().zip(gradient).zip(square_avg);
        match (self.momentum != 0.0, self.centered) {
            (false, false) => elements.for_each(|((parameter, gradient), square)| {
                let direction = self.direction(*parameter, *gradient, weight_decay, square, None);
                *parameter -= self.learning_rate * direction;
            }),
            (false, true) => elements.zip(second).for_each(|(((parameter, gradient), square), mean)| {
                let direction = self.direction(*parameter, *gradient, weight_decay, square, Some(mean));
                *parameter -= self.learning_rate * direction;
            }),
            (true, false) => elements.zip(second).for_each(|(((parameter, gradient), square), buffer)| {
                *buffer = *buffer * self.momentum + self.direction(*parameter, *gradient, weight_decay, square, None);
                *parameter -= self.learning_rate * *buffer;
            }),
            (true, true) => elements.zip(second).zip(third).for_each(|((((parameter, gradient), square), buffer), mean)| {
                *buffer = *buffer * self.momentum + self.direction(*parameter, *gradient, weight_decay, square, Some(mean));
                *parameter -= self.learning_rate * *buffer;
            }),
        }
    }

    /// The gradient over its running size.
    #[inline(always)]
    fn direction(self, parameter: f32, gradient: f32, weight_decay: f32, square_avg: &mut f32, grad_avg: Option<&mut f32>) -> f32 {
        let gradient = gradient * self.clip + weight_decay * parameter;
        *square_avg = *square_avg * self.alpha + gradient * gradient * self.one_minus_alpha;
        let spread = match grad_avg {
            Some(mean) => {
                *mean += (gradient - *mean) * self.one_minus_alpha;
                *square_avg - *mean * *mean
            }
            None => *square_avg,
        };
        gradient / (spread.sqrt() + self.epsilon)
    }
}

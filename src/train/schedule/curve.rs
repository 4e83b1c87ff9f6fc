//! The schedules that are functions of the step.

use std::f64::consts::PI;

/// What the learning rate is multiplied with at each step.
///
/// # Numerics
/// Each operation is that of transformers, in its order, and `cos` and `pow` are those of the system's C library, as in Python: with glibc
/// the factors are equal to the last bit. The libraries of other systems, and of browsers, may differ in it.
///
/// # Source
/// transformers 4.57.6 and 5.23.0, `optimization.py`: the functions named `_get_*_lambda`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// Always 1.
    Constant,
    /// 1 after the warmup.
    ConstantWithWarmup,
    /// Straight down to 0.
    Linear,
    /// Along a cosine.
    Cosine {
        /// Waves, of which half a one goes down once.
        num_cycles: f64,
        /// Least factor.
        min_lr_rate: f64,
    },
    /// Down to 0 along half a cosine, several times.
    CosineWithRestarts {
        /// How many times.
        num_cycles: f64,
    },
    /// Down along a power.
    Polynomial {
        /// Learning rate at the end.
        lr_end: f64,
        /// The power.
        power: f64,
        /// Learning rate after the warmup.
        lr_init: f64,
    },
    /// Down as one over the square root of the step.
    InverseSqrt {
        /// Steps by which the step is measured; `None` takes those of the warmup, and 10,000 where there is none.
        timescale: Option<f64>,
    },
    /// Along a cosine, with a warmup that need not begin at 0.
    CosineWarmupWithMinLr {
        /// Waves, of which half a one goes down once.
        num_cycles: f64,
        /// Least factor.
        min_lr_rate: f64,
        /// Factor of the first step; `None` begins with one step of the warmup.
        warmup_lr_rate: Option<f64>,
    },
    /// Up, constant for a while, then down.
    WarmupStableDecay {
        /// Steps down.
        num_decay_steps: i64,
        /// Steps between; `None` takes what is left.
        num_stable_steps: Option<i64>,
        /// The way up.
        warmup_type: Slope,
        /// The way down.
        decay_type: Slope,
        /// Least factor.
        min_lr_ratio: f64,
        /// Waves of a way down along a cosine.
        num_cycles: f64,
    },
}

/// A way up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slope {
    /// Straight.
    Linear,
    /// Along a cosine.
    Cosine,
    /// Along a square root.
    OneMinusSqrt,
}

/// How long a schedule is, in optimizer steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Steps of the warmup.
    pub warmup: i64,
    /// All steps.
    pub total: i64,
}

impl Curve {
    /// What the learning rate is multiplied with once `step` steps are done.
    pub fn factor(&self, step: i64, span: Span) -> f64 {
        let in_warmup = step < span.warmup;
        let done = (step - span.warmup) as f64;
        let decay_steps = (span.total - span.warmup).max(1) as f64;
        match *self {
            Curve::Constant => 1.0,
            Curve::CosineWarmupWithMinLr { warmup_lr_rate: None, .. } if in_warmup => (step as f64 + 1.0) / (span.warmup as f64).max(1.0),
            Curve::CosineWarmupWithMinLr { warmup_lr_rate: Some(rate), .. } if in_warmup => {
                rate + (1.0 - rate) * step as f64 / (span.warmup as f64 - 1.0).max(1.0)
            }
            Curve::WarmupStableDecay { .. } => self.warmup_stable_decay(step, span),
            _ if in_warmup => warmup(step, span),
            Curve::ConstantWithWarmup => 1.0,
            Curve::Linear => at_least_zero((span.total - step) as f64 / decay_steps),
            Curve::Cosine { num_cycles, min_lr_rate } => at_least_zero(raised(cosine(num_cycles, done / decay_steps), min_lr_rate)),
            Curve::CosineWarmupWithMinLr { num_cycles, min_lr_rate, .. } => {
                at_least_zero(raised(cosine(num_cycles, (done + 1.0) / decay_steps), min_lr_rate))
            }
            Curve::CosineWithRestarts { .. } if done / decay_steps >= 1.0 => 0.0,
            Curve::CosineWithRestarts { num_cycles } => {
                at_least_zero(0.5 * (1.0 + (PI * (num_cycles * (done / decay_steps)).rem_euclid(1.0)).cos()))
            }
            Curve::Polynomial { lr_end, lr_init, .. } if step > span.total => lr_end / lr_init,
            Curve::Polynomial { lr_end, power, lr_init } => {
                let remaining = 1.0 - done / (span.total - span.warmup) as f64;
                ((lr_init - lr_end) * remaining.powf(power) + lr_end) / lr_init
            }
            Curve::InverseSqrt { timescale } => {
                let timescale = timescale.unwrap_or(if span.warmup == 0 { 10_000.0 } else { span.warmup as f64 });
                1.0 / ((step as f64 + (timescale - span.warmup as f64)) / timescale).sqrt()
            }
        }
    }

    fn warmup_stable_decay(&self, step: i64, span: Span) -> f64 {
        let Curve::WarmupStableDecay { num_decay_steps, num_stable_steps, warmup_type, decay_type, min_lr_ratio, num_cycles } = *self
        else {
            return 1.0;
        };
        let stable_end = span.warmup + num_stable_steps.unwrap_or(span.total - span.warmup - num_decay_steps);
        if step < span.warmup {
            let progress = warmup(step, span);
            let factor = match warmup_type {
                Slope::Linear => progress,
                Slope::Cosine => 0.5 * (1.0 - (PI * progress).cos()),
                Slope::OneMinusSqrt => 1.0 - (1.0 - progress).sqrt(),
            };
            at_least_zero(raised(factor, min_lr_ratio))
        } else if step < stable_end {
            1.0
        } else if step < stable_end + num_decay_steps {
            let progress = (step - stable_end) as f64 / num_decay_steps.max(1) as f64;
            let factor = match decay_type {
                Slope::Linear => 1.0 - progress,
                Slope::Cosine => cosine(num_cycles, progress),
                Slope::OneMinusSqrt => 1.0 - progress.sqrt(),
            };
            at_least_zero(raised(factor, min_lr_ratio))
        } else {
            min_lr_ratio
        }
    }
}

fn warmup(step: i64, span: Span) -> f64 {
    step as f64 / span.warmup.max(1) as f64
}

fn cosine(num_cycles: f64, progress: f64) -> f64 {
    0.5 * (1.0 + (PI * num_cycles * 2.0 * progress).cos())
}

/// The factor, from 0..1 to `least`..1.
fn raised(factor: f64, least: f64) -> f64 {
    factor * (1.0 - least) + least
}

/// As Python's `max(0.0, factor)`: also of what is no number, and of -0.0.
fn at_least_zero(factor: f64) -> f64 {
    if factor > 0.0 { factor } else { 0.0 }
}

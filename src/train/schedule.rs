//! How the learning rate changes from step to step.

use super::arguments::SchedulerType;
use std::f64::consts::PI;

/// A learning rate schedule.
///
/// # Source
/// transformers 5.23.0, `optimization.py` (`get_scheduler`); `cosine` with `num_cycles` 0.5.
///
/// # Examples
/// ```
/// use rtrain::train::{arguments::SchedulerType, schedule::Schedule};
/// let schedule = Schedule { kind: SchedulerType::Linear, warmup_steps: 2, total_steps: 10 };
/// assert_eq!([0, 1, 2, 6, 10].map(|step| schedule.factor(step)), [0.0, 0.5, 1.0, 0.5, 0.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The shape.
    pub kind: SchedulerType,
    /// Optimizer steps of the warmup.
    pub warmup_steps: u64,
    /// Optimizer steps of the training.
    pub total_steps: u64,
}

impl Schedule {
    /// What the learning rate is multiplied with at an optimizer step, counted from 0.
    pub fn factor(&self, step: u64) -> f64 {
        if self.kind == SchedulerType::Constant {
            return 1.0;
        }
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        let decay_steps = self.total_steps.saturating_sub(self.warmup_steps).max(1) as f64;
        match self.kind {
            SchedulerType::Linear => self.total_steps.saturating_sub(step) as f64 / decay_steps,
            SchedulerType::Cosine => {
                let progress = (step - self.warmup_steps) as f64 / decay_steps;
                (0.5 * (1.0 + (PI * progress).cos())).max(0.0)
            }
            SchedulerType::Constant | SchedulerType::ConstantWithWarmup => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SchedulerType::{Constant, ConstantWithWarmup, Cosine, Linear};

    /// Factors from step 0 on; two of them are past the end.
    fn factors<const STEPS: usize>(kind: SchedulerType, warmup_steps: u64, total_steps: u64) -> [f64; STEPS] {
        let schedule = Schedule { kind, warmup_steps, total_steps };
        std::array::from_fn(|step| schedule.factor(step as u64))
    }

    // The expected values are those of the lambdas in transformers 5.23.0's `optimization.py`, printed by Python's repr.

    #[test]
    fn linear_is_that_of_transformers() {
        let third = 0.3333333333333333;
        let down =
            [0.8571428571428571, 0.7142857142857143, 0.5714285714285714, 0.42857142857142855, 0.2857142857142857, 0.14285714285714285];
        let [a, b, c, d, e, f] = down;
        assert_eq!(factors(Linear, 3, 10), [0.0, third, 0.6666666666666666, 1.0, a, b, c, d, e, f, 0.0, 0.0, 0.0]);
        assert_eq!(factors(Linear, 0, 7), [1.0, a, b, c, d, e, f, 0.0, 0.0, 0.0]);
        assert_eq!(factors(Linear, 5, 5), [0.0, 0.2, 0.4, 0.6, 0.8, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn cosine_is_that_of_transformers() {
        let down =
            [0.9504844339512095, 0.8117449009293668, 0.6112604669781572, 0.38873953302184283, 0.18825509907063326, 0.04951556604879048];
        let found = factors::<13>(Cosine, 3, 10);
        assert_eq!(found[..4], [0.0, 0.3333333333333333, 0.6666666666666666, 1.0]);
        let expected = [&down[..], &[0.0, 0.04951556604879043, 0.18825509907063315]].concat();
        // The cosine of one libm may differ from another's in the last place.
        assert!(found[4..].iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{found:?}");
        assert_eq!(factors(Cosine, 5, 5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn constants_are_those_of_transformers() {
        assert_eq!(factors(ConstantWithWarmup, 3, 10), [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 1.0]);
        assert_eq!(factors(Constant, 3, 10), [1.0; 5]);
    }
}

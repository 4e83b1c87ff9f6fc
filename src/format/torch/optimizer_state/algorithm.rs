//! What each optimizer is called with and what it remembers, as its file shows it.

use std::borrow::Cow;

use crate::format::safetensors::Dtype;
use crate::format::torch::pickle::Value;
use crate::format::torch::tensor::{Entry, Tensor};

/// An optimizer that transformers knows, with its settings.
///
/// A setting of type `Option` is the whole number 0 where nobody gives it, as torch has it, and a float where somebody does.
///
/// # Source
/// torch 2.15.0, `torch/optim/{adamw,sgd,adagrad,rmsprop}.py`; transformers 5.23.0, `optimization.py` (`Adafactor`) and
/// `trainer_optimizer.py`; bitsandbytes 0.50.2, `optim/lion.py`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Algorithm {
    /// `adamw_torch` and `adamw_torch_fused`
    AdamW {
        /// Decay of the running mean of the gradient.
        beta1: f64,
        /// Decay of the running mean of its square.
        beta2: f64,
        /// What is added to the root of that mean.
        eps: f64,
        /// Whether it is `adamw_torch_fused`.
        fused: bool,
    },
    /// `adafactor`, at a learning rate that is given.
    Adafactor,
    /// `sgd`
    Sgd {
        /// Decay of the sum of gradients.
        momentum: Option<f64>,
        /// Share of a gradient that is left out of that sum.
        dampening: Option<f64>,
        /// Whether the step looks ahead.
        nesterov: bool,
    },
    /// `adagrad`
    Adagrad {
        /// How fast the learning rate falls.
        lr_decay: Option<f64>,
        /// What is added to the root of the sum of squares.
        eps: f64,
    },
    /// `rmsprop`
    RmsProp {
        /// Decay of the sum of steps.
        momentum: Option<f64>,
        /// Decay of the running mean of the gradient's square.
        alpha: f64,
        /// What is added to the root of that mean.
        eps: f64,
        /// Whether the variance of the gradient takes the place of its square.
        centered: bool,
    },
    /// `lion_32bit`
    Lion {
        /// Share of the running mean in what decides the sign.
        beta1: f64,
        /// Decay of the running mean.
        beta2: f64,
    },
}

/// The settings of a parameter group that change from step to step or from group to group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupSettings {
    /// Weight decay; that of the second group is always 0.
    pub weight_decay: f64,
    /// Learning rate of the next step.
    pub lr: f64,
    /// Learning rate without the schedule; schedules that are no function of the step do not note it.
    pub initial_lr: Option<f64>,
}

/// How a file writes the number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepFormat {
    /// Not at all.
    Absent,
    /// As a whole number.
    Integer,
    /// As a tensor of one float.
    Tensor,
}

/// What an optimizer remembers of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered<'a> {
    /// Steps done.
    pub step: u64,
    /// The tensors, in the order of [`Algorithm::moments`]; little-endian f32.
    pub moments: Vec<Cow<'a, [u8]>>,
    /// Adafactor alone: the root of the mean square of the parameter before its last step.
    pub root_mean_square: f32,
}

impl Default for Algorithm {
    /// The Trainer's: fused AdamW.
    fn default() -> Self {
        Algorithm::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, fused: true }
    }
}

impl Algorithm {
    /// The names and shapes of the tensors that are remembered of a parameter.
    pub fn moments(&self, shape: &[u64]) -> Vec<(&'static str, Vec<u64>)> {
        let like_it = |names: &[Option<&'static str>]| names.iter().flatten().map(|name| (*name, shape.to_vec())).collect();
        match (self, shape) {
            (Algorithm::AdamW { .. }, _) => like_it(&[Some("exp_avg"), Some("exp_avg_sq")]),
            (Algorithm::Adafactor, [outer @ .., rows, columns]) => {
                let mean_over = |kept: u64| [outer, &[kept]].concat();
                vec![("exp_avg_sq_row", mean_over(*rows)), ("exp_avg_sq_col", mean_over(*columns))]
            }
            (Algorithm::Adafactor, _) => like_it(&[Some("exp_avg_sq")]),
            (Algorithm::Sgd { momentum, .. }, _) => like_it(&[is_set(*momentum).then_some("momentum_buffer")]),
            (Algorithm::Adagrad { .. }, _) => like_it(&[Some("sum")]),
            (Algorithm::RmsProp { momentum, centered, .. }, _) => {
                like_it(&[Some("square_avg"), is_set(*momentum).then_some("momentum_buffer"), centered.then_some("grad_avg")])
            }
            (Algorithm::Lion { .. }, _) => like_it(&[Some("__bnb_optimizer_quant_state__/state1")]),
        }
    }

    /// How the steps done are written.
    pub fn step_format(&self) -> StepFormat {
        match self {
            Algorithm::Sgd { .. } => StepFormat::Absent,
            Algorithm::Adafactor | Algorithm::Lion { .. } => StepFormat::Integer,
            Algorithm::AdamW { .. } | Algorithm::Adagrad { .. } | Algorithm::RmsProp { .. } => StepFormat::Tensor,
        }
    }

    /// What is remembered of a parameter, by name.
    pub fn entries<'a>(&self, shape: &[u64], remembered: Remembered<'a>) -> Vec<(String, Entry<'a>)> {
        let scalar = |number: f32| Entry::from(Tensor::contiguous(Dtype::F32, Vec::new(), number.to_le_bytes().to_vec()));
        #[expect(clippy::as_conversions, reason = "torch counts in floats too")]
        let step = match self.step_format() {
            StepFormat::Absent => None,
            StepFormat::Integer => Some(Entry::Value(remembered.step.into())),
            StepFormat::Tensor => Some(scalar(remembered.step as f32)),
        };
        let moments = self.moments(shape).into_iter().zip(remembered.moments);
        let moments = moments.map(|((name, shape), data)| (name, Tensor::contiguous(Dtype::F32, shape, data).into()));
        let root = (*self == Algorithm::Adafactor).then(|| ("RMS", scalar(remembered.root_mean_square)));
        let entries = step.map(|step| ("step", step)).into_iter().chain(moments).chain(root);
        entries.map(|(name, entry)| (name.to_owned(), entry)).collect()
    }

    /// The settings of a group, in the order of the file.
    pub fn settings(&self, group: &GroupSettings) -> Vec<(String, Entry<'static>)> {
        let zero = |given: Option<f64>| given.map_or_else(|| 0_u64.into(), Value::from);
        let pair = |first: f64, second: f64| Value::tuple([first.into(), second.into()]);
        let own: Vec<(&str, Value)> = match *self {
            Algorithm::AdamW { beta1, beta2, eps, fused } => vec![
                ("betas", pair(beta1, beta2)),
                ("eps", eps.into()),
                ("amsgrad", false.into()),
                ("maximize", false.into()),
                ("foreach", Value::None),
                ("capturable", false.into()),
                ("differentiable", false.into()),
                ("fused", fused.then_some(true).into()),
                ("decoupled_weight_decay", true.into()),
            ],
            Algorithm::Adafactor => vec![
                ("eps", pair(1e-30, 1e-3)),
                ("clip_threshold", 1.0.into()),
                ("decay_rate", (-0.8).into()),
                ("beta1", Value::None),
                ("scale_parameter", false.into()),
                ("relative_step", false.into()),
                ("warmup_init", false.into()),
            ],
            Algorithm::Sgd { momentum, dampening, nesterov } => vec![
                ("momentum", zero(momentum)),
                ("dampening", zero(dampening)),
                ("nesterov", nesterov.into()),
                ("maximize", false.into()),
                ("foreach", Value::None),
                ("differentiable", false.into()),
                ("fused", Value::None),
            ],
            Algorithm::Adagrad { lr_decay, eps } => vec![
                ("lr_decay", zero(lr_decay)),
                ("eps", eps.into()),
                ("initial_accumulator_value", 0_u64.into()),
                ("foreach", Value::None),
                ("maximize", false.into()),
                ("differentiable", false.into()),
                ("fused", Value::None),
            ],
            Algorithm::RmsProp { momentum, alpha, eps, centered } => vec![
                ("momentum", zero(momentum)),
                ("alpha", alpha.into()),
                ("eps", eps.into()),
                ("centered", centered.into()),
                ("capturable", false.into()),
                ("foreach", Value::None),
                ("maximize", false.into()),
                ("differentiable", false.into()),
            ],
            Algorithm::Lion { beta1, beta2 } => vec![("betas", pair(beta1, beta2)), ("eps", 0.0.into())],
        };
        let shared = [("weight_decay", group.weight_decay.into()), ("lr", group.lr.into())];
        let initial = group.initial_lr.map(|rate| ("initial_lr", rate.into()));
        let settings = shared.into_iter().chain(own).chain(initial);
        settings.map(|(name, value)| (name.to_owned(), Entry::Value(value))).collect()
    }
}

fn is_set(momentum: Option<f64>) -> bool {
    momentum.is_some_and(|momentum| momentum != 0.0)
}

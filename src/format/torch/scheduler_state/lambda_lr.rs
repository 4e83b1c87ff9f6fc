//! The state of a schedule that is a function of the step.

use super::{Number, attributes, list, numbers, owned};
use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::pickle::Value;

/// A schedule that is a function of the step.
#[derive(Debug, Clone, PartialEq)]
pub struct LambdaLr {
    /// Learning rate of each parameter group, without the schedule.
    pub base_lrs: Vec<Number>,
    /// Steps done.
    pub last_epoch: i64,
    /// Calls of `step`, that of the constructor included.
    pub step_count: i64,
    /// Whether the first call of `step` is still to come.
    pub is_initial: bool,
    /// Whether the learning rate is being computed.
    pub get_lr_called_within_step: bool,
    /// Learning rate of each parameter group.
    pub last_lr: Vec<Number>,
    /// What the function of each group remembers: `None` for a plain function, no attributes for a partial one.
    pub lr_lambdas: Vec<Option<Vec<(String, Value)>>>,
}

pub(super) const LAMBDA: [&str; 7] =
    ["base_lrs", "last_epoch", "_step_count", "_is_initial", "_get_lr_called_within_step", "_last_lr", "lr_lambdas"];

impl LambdaLr {
    /// The schedule of a `lr_scheduler_type` before the first step; `factor` is what it multiplies the learning rate with there.
    pub fn new(kind: &str, learning_rate: f64, factor: f64, groups: usize) -> Self {
        // The constant schedule is a plain function in Python, of which torch remembers nothing; the others are partial ones.
        let remembered = (kind != "constant").then(Vec::new);
        LambdaLr {
            base_lrs: vec![Number::Float(learning_rate); groups],
            last_epoch: 0,
            step_count: 1,
            is_initial: false,
            get_lr_called_within_step: false,
            last_lr: vec![Number::Float(learning_rate * factor); groups],
            lr_lambdas: vec![remembered; groups],
        }
    }

    /// Goes on to `step`, where the learning rate is multiplied with `factor`.
    pub fn advance(&mut self, step: i64, factor: f64) {
        self.step_count = self.step_count.saturating_add(step.saturating_sub(self.last_epoch));
        self.last_epoch = step;
        self.last_lr = self.base_lrs.iter().map(|rate| Number::Float(rate.to_f64() * factor)).collect();
    }

    pub(super) fn read(file: &TorchFile<'_>) -> Result<Self> {
        let [base_lrs, last_epoch, step_count, is_initial, called, last_lr, lambdas] = file.exact_fields("", &file.value, LAMBDA)?;
        let state = |value: &Value| match value {
            Value::None => Some(None),
            Value::Dict(_) => file.fields("/lr_lambdas", value).ok().map(|fields| Some(owned(&fields))),
            _ => None,
        };
        let lambdas_read = lambdas.as_list().and_then(|items| items.iter().map(state).collect());
        Ok(LambdaLr {
            base_lrs: numbers(file, "/base_lrs", base_lrs)?,
            last_epoch: file.integer("/last_epoch", last_epoch)?,
            step_count: file.integer("/_step_count", step_count)?,
            is_initial: file.flag("/_is_initial", is_initial)?,
            get_lr_called_within_step: file.flag("/_get_lr_called_within_step", called)?,
            last_lr: numbers(file, "/_last_lr", last_lr)?,
            lr_lambdas: lambdas_read.ok_or_else(|| file.unexpected("/lr_lambdas", "a list of dicts or None", lambdas))?,
        })
    }

    pub(super) fn value(&self) -> Value {
        let lambdas = self.lr_lambdas.iter().map(|state| state.as_ref().map_or(Value::None, |entries| attributes(entries)));
        let values = [
            list(&self.base_lrs),
            self.last_epoch.into(),
            self.step_count.into(),
            self.is_initial.into(),
            self.get_lr_called_within_step.into(),
            list(&self.last_lr),
            Value::list(lambdas),
        ];
        Value::dict(LAMBDA.into_iter().zip(values))
    }
}

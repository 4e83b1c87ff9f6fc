//! `scheduler.pt`: where a learning rate schedule stands.
//!
//! # Source
//! torch 2.15.0, `torch/optim/lr_scheduler.py` (`LambdaLR`, `ReduceLROnPlateau`); transformers 5.23.0, `optimization.py`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::Result;
use crate::format::torch::archive::Archive;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::Value;

/// The state of a learning rate schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct SchedulerState {
    /// Name of the file without its extension: `scheduler`.
    pub stem: String,
    /// What is remembered.
    pub schedule: Schedule,
}

/// What a schedule remembers.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// A function of the step: every schedule of transformers but the two below.
    Lambda(LambdaLr),
    /// `reduce_lr_on_plateau`
    Plateau(ReduceLrOnPlateau),
    /// Another schedule, such as `greedy`: its attributes by name.
    Other(Vec<(String, Value)>),
}

/// A number of Python: whole or not makes a difference in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An `int`.
    Integer(i64),
    /// A `float`.
    Float(f64),
}

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

/// A schedule that waits for a metric to stop improving.
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceLrOnPlateau {
    /// What the learning rate is multiplied with.
    pub factor: f64,
    /// Least learning rate of groups that are added later.
    pub default_min_lr: Number,
    /// Least learning rate of each group.
    pub min_lrs: Vec<Number>,
    /// Evaluations without improvement that are let pass.
    pub patience: i64,
    /// Evaluations after a reduction that do not count.
    pub cooldown: i64,
    /// Smaller changes of the learning rate are not made.
    pub eps: f64,
    /// Evaluations done.
    pub last_epoch: i64,
    /// Learning rate of each group.
    pub last_lr: Vec<Number>,
    /// The worst metric there is: infinity of one sign or the other.
    pub mode_worse: f64,
    /// `min` or `max`.
    pub mode: String,
    /// How much counts as an improvement.
    pub threshold: f64,
    /// `rel` or `abs`.
    pub threshold_mode: String,
    /// The best metric so far.
    pub best: Number,
    /// Evaluations that still do not count.
    pub cooldown_counter: i64,
    /// Evaluations without improvement.
    pub num_bad_epochs: i64,
}

const LAMBDA: [&str; 7] = ["base_lrs", "last_epoch", "_step_count", "_is_initial", "_get_lr_called_within_step", "_last_lr", "lr_lambdas"];

const PLATEAU: [&str; 15] = [
    "factor",
    "default_min_lr",
    "min_lrs",
    "patience",
    "cooldown",
    "eps",
    "last_epoch",
    "_last_lr",
    "mode_worse",
    "mode",
    "threshold",
    "threshold_mode",
    "best",
    "cooldown_counter",
    "num_bad_epochs",
];

impl SchedulerState {
    /// A schedule of a `lr_scheduler_type` that is a function of the step, after `steps` steps: any but `reduce_lr_on_plateau` and `greedy`.
    ///
    /// `factor` is what the schedule multiplies the learning rate of each of the parameter groups with at the next step.
    pub fn after(kind: &str, learning_rate: f64, factor: f64, steps: u32, groups: usize) -> Self {
        // The constant schedule is a plain function in Python, of which torch remembers nothing; the others are partial ones.
        let remembered = (kind != "constant").then(Vec::new);
        let schedule = LambdaLr {
            base_lrs: vec![Number::Float(learning_rate); groups],
            last_epoch: steps.into(),
            step_count: i64::from(steps).saturating_add(1),
            is_initial: false,
            get_lr_called_within_step: false,
            last_lr: vec![Number::Float(learning_rate * factor); groups],
            lr_lambdas: vec![remembered; groups],
        };
        SchedulerState { stem: "scheduler".to_owned(), schedule: Schedule::Lambda(schedule) }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic for whatever a schedule does not write.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let file = TorchFile::parse(path, bytes, TorchKind::Scheduler)?;
        let fields = file.fields("", &file.value)?;
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let schedule = if names == LAMBDA {
            Schedule::Lambda(LambdaLr::read(&file)?)
        } else if names == PLATEAU {
            Schedule::Plateau(ReduceLrOnPlateau::read(&file)?)
        } else {
            Schedule::Other(owned(&fields))
        };
        Ok(SchedulerState { stem: file.stem, schedule })
    }

    /// The whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = match &self.schedule {
            Schedule::Lambda(schedule) => schedule.value(),
            Schedule::Plateau(schedule) => schedule.value(),
            Schedule::Other(entries) => attributes(entries),
        };
        let pickle = crate::format::torch::pickle::write(&value).into();
        Archive { stem: Cow::Borrowed(&self.stem), pickle, storages: Vec::new() }.to_bytes()
    }
}

impl LambdaLr {
    fn read(file: &TorchFile<'_>) -> Result<Self> {
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

    fn value(&self) -> Value {
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

impl ReduceLrOnPlateau {
    fn read(file: &TorchFile<'_>) -> Result<Self> {
        let values = file.exact_fields("", &file.value, PLATEAU)?;
        let pointer = |index: usize| format!("/{}", PLATEAU.get(index).copied().unwrap_or_default());
        let value = |index: usize| values.get(index).copied().unwrap_or(&Value::None);
        let float = |index| file.float(&pointer(index), value(index));
        let integer = |index| file.integer(&pointer(index), value(index));
        let many = |index| numbers(file, &pointer(index), value(index));
        let one = |index| Number::read(value(index)).ok_or_else(|| file.unexpected(&pointer(index), "a number", value(index)));
        let text = |index| file.text(&pointer(index), value(index)).map(str::to_owned);
        Ok(ReduceLrOnPlateau {
            factor: float(0)?,
            default_min_lr: one(1)?,
            min_lrs: many(2)?,
            patience: integer(3)?,
            cooldown: integer(4)?,
            eps: float(5)?,
            last_epoch: integer(6)?,
            last_lr: many(7)?,
            mode_worse: float(8)?,
            mode: text(9)?,
            threshold: float(10)?,
            threshold_mode: text(11)?,
            best: one(12)?,
            cooldown_counter: integer(13)?,
            num_bad_epochs: integer(14)?,
        })
    }

    fn value(&self) -> Value {
        let values = [
            self.factor.into(),
            self.default_min_lr.into(),
            list(&self.min_lrs),
            self.patience.into(),
            self.cooldown.into(),
            self.eps.into(),
            self.last_epoch.into(),
            list(&self.last_lr),
            self.mode_worse.into(),
            self.mode.as_str().into(),
            self.threshold.into(),
            self.threshold_mode.as_str().into(),
            self.best.into(),
            self.cooldown_counter.into(),
            self.num_bad_epochs.into(),
        ];
        Value::dict(PLATEAU.into_iter().zip(values))
    }
}

impl Number {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Float(number) => Some(Number::Float(*number)),
            _ => value.as_integer().map(Number::Integer),
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(number) => number.into(),
            Number::Float(number) => number.into(),
        }
    }
}

fn numbers(file: &TorchFile<'_>, pointer: &str, value: &Value) -> Result<Vec<Number>> {
    let numbers = value.as_list().and_then(|items| items.iter().map(Number::read).collect());
    numbers.ok_or_else(|| file.unexpected(pointer, "a list of numbers", value))
}

fn list(numbers: &[Number]) -> Value {
    Value::list(numbers.iter().map(|&number| number.into()))
}

fn owned(fields: &[(&str, &Value)]) -> Vec<(String, Value)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect()
}

fn attributes(entries: &[(String, Value)]) -> Value {
    Value::Dict(Arc::new(entries.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect()))
}

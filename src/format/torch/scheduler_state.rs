//! `scheduler.pt`: where a learning rate schedule stands.
//!
//! # Source
//! torch 2.15.0, `torch/optim/lr_scheduler.py` (`LambdaLR`, `ReduceLROnPlateau`); transformers 5.23.0, `optimization.py` (`GreedyLR`).

mod greedy;
mod lambda_lr;
mod plateau;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::Result;
use crate::format::torch::archive::Archive;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::Value;

pub use greedy::{GreedyLr, StreamingAverage};
pub use lambda_lr::LambdaLr;
pub use plateau::ReduceLrOnPlateau;

use greedy::{AVERAGE, GREEDY};
use lambda_lr::LAMBDA;
use plateau::PLATEAU;

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
    /// `greedy`
    Greedy(Box<GreedyLr>),
    /// Another schedule: its attributes by name.
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

impl SchedulerState {
    /// The state under the name that it has in a checkpoint.
    pub fn new(schedule: Schedule) -> Self {
        SchedulerState { stem: "scheduler".to_owned(), schedule }
    }

    /// A schedule of a `lr_scheduler_type` that is a function of the step, after `steps` steps: any but `reduce_lr_on_plateau` and `greedy`.
    ///
    /// `factor` is what the schedule multiplies the learning rate of each of the parameter groups with at the next step.
    pub fn after(kind: &str, learning_rate: f64, factor: f64, steps: u32, groups: usize) -> Self {
        let mut schedule = LambdaLr::new(kind, learning_rate, factor, groups);
        schedule.advance(steps.into(), factor);
        SchedulerState::new(Schedule::Lambda(schedule))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic for whatever a schedule does not write.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let file = TorchFile::parse(path, bytes, TorchKind::Scheduler)?;
        let fields = file.fields("", &file.value)?;
        let (names, values): (Vec<&str>, Vec<&Value>) = fields.iter().copied().unzip();
        let schedule = if names == LAMBDA {
            Schedule::Lambda(LambdaLr::read(&file)?)
        } else if names == PLATEAU {
            Schedule::Plateau(ReduceLrOnPlateau::read(&file)?)
        } else if names == GREEDY {
            Schedule::Greedy(Box::new(GreedyLr::read(&file, &values, None)?))
        } else if let ([names @ .., AVERAGE], [values @ .., average]) = (&names[..], &values[..])
            && names == GREEDY
        {
            Schedule::Greedy(Box::new(GreedyLr::read(&file, values, Some(average))?))
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
            Schedule::Greedy(schedule) => schedule.value(),
            Schedule::Other(entries) => attributes(entries),
        };
        let pickle = crate::format::torch::pickle::write(&value).into();
        Archive { stem: Cow::Borrowed(&self.stem), pickle, storages: Vec::new() }.to_bytes()
    }
}

impl Schedule {
    /// Learning rate of each parameter group; none of a schedule that is not known.
    pub fn last_lr(&self) -> &[Number] {
        match self {
            Schedule::Lambda(schedule) => &schedule.last_lr,
            Schedule::Plateau(schedule) => &schedule.last_lr,
            Schedule::Greedy(schedule) => &schedule.last_lr,
            Schedule::Other(_) => &[],
        }
    }
}

impl Number {
    /// The number as a double, as Python's `float()` makes it.
    pub fn to_f64(self) -> f64 {
        match self {
            #[expect(clippy::as_conversions, reason = "the nearest double, as Python takes it")]
            Number::Integer(number) => number as f64,
            Number::Float(number) => number,
        }
    }

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

/// Entries of a dict, read by their place.
struct Fields<'a> {
    file: &'a TorchFile<'a>,
    names: &'a [&'static str],
    values: &'a [&'a Value],
}

impl Fields<'_> {
    fn value(&self, index: usize) -> &Value {
        self.values.get(index).copied().unwrap_or(&Value::None)
    }

    fn pointer(&self, index: usize) -> String {
        format!("/{}", self.names.get(index).copied().unwrap_or_default())
    }

    fn number(&self, index: usize) -> Result<Number> {
        Number::read(self.value(index)).ok_or_else(|| self.file.unexpected(&self.pointer(index), "a number", self.value(index)))
    }

    fn numbers(&self, index: usize) -> Result<Vec<Number>> {
        numbers(self.file, &self.pointer(index), self.value(index))
    }

    fn float(&self, index: usize) -> Result<f64> {
        self.file.float(&self.pointer(index), self.value(index))
    }

    fn integer(&self, index: usize) -> Result<i64> {
        self.file.integer(&self.pointer(index), self.value(index))
    }

    fn flag(&self, index: usize) -> Result<bool> {
        self.file.flag(&self.pointer(index), self.value(index))
    }

    fn text(&self, index: usize) -> Result<String> {
        self.file.text(&self.pointer(index), self.value(index)).map(str::to_owned)
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

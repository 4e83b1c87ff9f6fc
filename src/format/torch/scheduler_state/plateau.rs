//! The state of `reduce_lr_on_plateau`.

use super::{Fields, Number, list};
use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::pickle::Value;

/// A schedule that waits for a metric to stop improving.
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceLrOnPlateau {
    /// What the learning rate is multiplied with.
    pub factor: Number,
    /// Least learning rate of groups that are added later; none where each group was given its own.
    pub default_min_lr: Option<Number>,
    /// Least learning rate of each group.
    pub min_lrs: Vec<Number>,
    /// Evaluations without improvement that are let pass.
    pub patience: i64,
    /// Evaluations after a reduction that do not count.
    pub cooldown: i64,
    /// Smaller changes of the learning rate are not made.
    pub eps: Number,
    /// Evaluations done.
    pub last_epoch: i64,
    /// Learning rate of each group.
    pub last_lr: Vec<Number>,
    /// The worst metric there is: infinity of one sign or the other.
    pub mode_worse: f64,
    /// `min` or `max`.
    pub mode: String,
    /// How much counts as an improvement.
    pub threshold: Number,
    /// `rel` or `abs`.
    pub threshold_mode: String,
    /// The best metric so far.
    pub best: Number,
    /// Evaluations that still do not count.
    pub cooldown_counter: i64,
    /// Evaluations without improvement.
    pub num_bad_epochs: i64,
}

pub(super) const PLATEAU: [&str; 15] = [
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

impl ReduceLrOnPlateau {
    pub(super) fn read(file: &TorchFile<'_>) -> Result<Self> {
        let values = file.exact_fields("", &file.value, PLATEAU)?;
        let fields = Fields { file, names: &PLATEAU, values: &values };
        Ok(ReduceLrOnPlateau {
            factor: fields.number(0)?,
            default_min_lr: if *fields.value(1) == Value::None { None } else { Some(fields.number(1)?) },
            min_lrs: fields.numbers(2)?,
            patience: fields.integer(3)?,
            cooldown: fields.integer(4)?,
            eps: fields.number(5)?,
            last_epoch: fields.integer(6)?,
            last_lr: fields.numbers(7)?,
            mode_worse: fields.float(8)?,
            mode: fields.text(9)?,
            threshold: fields.number(10)?,
            threshold_mode: fields.text(11)?,
            best: fields.number(12)?,
            cooldown_counter: fields.integer(13)?,
            num_bad_epochs: fields.integer(14)?,
        })
    }

    pub(super) fn value(&self) -> Value {
        let values = [
            self.factor.into(),
            self.default_min_lr.map_or(Value::None, Value::from),
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

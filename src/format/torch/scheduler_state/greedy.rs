//! The state of `greedy`.

use super::{Fields, Number, list};
use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::pickle::Value;

/// A schedule that lowers the learning rate where a metric stops improving, and raises it where the metric goes on improving.
///
/// # Source
/// transformers 5.23.0, `optimization.py` (`GreedyLR`, `StreamingAverage`).
#[derive(Debug, Clone, PartialEq)]
pub struct GreedyLr {
    /// What the learning rate is multiplied with, or divided by.
    pub factor: Number,
    /// Least learning rate of each group.
    pub min_lrs: Vec<Number>,
    /// Greatest learning rate of each group.
    pub max_lrs: Vec<Number>,
    /// Evaluations in a row, better or not, that are let pass.
    pub patience: i64,
    /// Whether changes are printed.
    pub verbose: bool,
    /// Evaluations after a reduction that do not count.
    pub cooldown: i64,
    /// Evaluations after a rise that do not count.
    pub warmup: i64,
    /// Evaluations that still do not count after a reduction.
    pub cooldown_counter: i64,
    /// Evaluations that still do not count after a rise.
    pub warmup_counter: i64,
    /// `min` or `max`.
    pub mode: String,
    /// How much counts as an improvement.
    pub threshold: Number,
    /// `rel` or `abs`.
    pub threshold_mode: String,
    /// The best metric so far.
    pub best: f64,
    /// Evaluations in a row without improvement.
    pub num_bad_epochs: i64,
    /// Evaluations in a row with improvement.
    pub num_good_epochs: i64,
    /// Smaller changes of the learning rate are not made.
    pub eps: Number,
    /// Evaluations done.
    pub last_epoch: i64,
    /// Whether the mean of the last metrics is looked at.
    pub smooth: bool,
    /// Over how many metrics the mean is taken.
    pub window_size: i64,
    /// Reductions at the least learning rate after which everything starts again.
    pub reset_start: i64,
    /// What `reset_start` begins with.
    pub reset_start_original: i64,
    /// Learning rate of each group.
    pub last_lr: Vec<Number>,
    /// Learning rate of each group at the beginning.
    pub init_lrs: Vec<Number>,
    /// The last metrics, where their mean is looked at.
    pub streaming_average: Option<StreamingAverage>,
}

/// The mean of the last so many numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamingAverage {
    /// How many.
    pub window_size: i64,
    /// The numbers.
    pub values: Vec<Number>,
    /// Their sum, as it comes from adding and subtracting.
    pub sum: f64,
}

pub(super) const GREEDY: [&str; 23] = [
    "factor",
    "min_lrs",
    "max_lrs",
    "patience",
    "verbose",
    "cooldown",
    "warmup",
    "cooldown_counter",
    "warmup_counter",
    "mode",
    "threshold",
    "threshold_mode",
    "best",
    "num_bad_epochs",
    "num_good_epochs",
    "eps",
    "last_epoch",
    "smooth",
    "window_size",
    "reset_start",
    "reset_start_original",
    "_last_lr",
    "_init_lrs",
];

/// Name of the entry that is there with `smooth` only, at the end.
pub(super) const AVERAGE: &str = "_streaming_avg";
const AVERAGE_KEYS: [&str; 3] = ["window_size", "values", "sum"];

impl GreedyLr {
    /// `values` are those of [`GREEDY`], and that of [`AVERAGE`] where it is there.
    pub(super) fn read(file: &TorchFile<'_>, values: &[&Value], average: Option<&Value>) -> Result<Self> {
        let fields = Fields { file, names: &GREEDY, values };
        Ok(GreedyLr {
            factor: fields.number(0)?,
            min_lrs: fields.numbers(1)?,
            max_lrs: fields.numbers(2)?,
            patience: fields.integer(3)?,
            verbose: fields.flag(4)?,
            cooldown: fields.integer(5)?,
            warmup: fields.integer(6)?,
            cooldown_counter: fields.integer(7)?,
            warmup_counter: fields.integer(8)?,
            mode: fields.text(9)?,
            threshold: fields.number(10)?,
            threshold_mode: fields.text(11)?,
            best: fields.float(12)?,
            num_bad_epochs: fields.integer(13)?,
            num_good_epochs: fields.integer(14)?,
            eps: fields.number(15)?,
            last_epoch: fields.integer(16)?,
            smooth: fields.flag(17)?,
            window_size: fields.integer(18)?,
            reset_start: fields.integer(19)?,
            reset_start_original: fields.integer(20)?,
            last_lr: fields.numbers(21)?,
            init_lrs: fields.numbers(22)?,
            streaming_average: average.map(|value| StreamingAverage::read(file, value)).transpose()?,
        })
    }

    pub(super) fn value(&self) -> Value {
        let values = [
            self.factor.into(),
            list(&self.min_lrs),
            list(&self.max_lrs),
            self.patience.into(),
            self.verbose.into(),
            self.cooldown.into(),
            self.warmup.into(),
            self.cooldown_counter.into(),
            self.warmup_counter.into(),
            self.mode.as_str().into(),
            self.threshold.into(),
            self.threshold_mode.as_str().into(),
            self.best.into(),
            self.num_bad_epochs.into(),
            self.num_good_epochs.into(),
            self.eps.into(),
            self.last_epoch.into(),
            self.smooth.into(),
            self.window_size.into(),
            self.reset_start.into(),
            self.reset_start_original.into(),
            list(&self.last_lr),
            list(&self.init_lrs),
        ];
        let average = self.streaming_average.as_ref().map(|average| (AVERAGE, average.value()));
        Value::dict(GREEDY.into_iter().zip(values).chain(average))
    }
}

impl StreamingAverage {
    fn read(file: &TorchFile<'_>, value: &Value) -> Result<Self> {
        let values = file.exact_fields(&format!("/{AVERAGE}"), value, AVERAGE_KEYS)?;
        let fields = Fields { file, names: &AVERAGE_KEYS, values: &values };
        Ok(StreamingAverage { window_size: fields.integer(0)?, values: fields.numbers(1)?, sum: fields.float(2)? })
    }

    fn value(&self) -> Value {
        Value::dict(AVERAGE_KEYS.into_iter().zip([self.window_size.into(), list(&self.values), self.sum.into()]))
    }
}

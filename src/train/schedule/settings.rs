//! What `lr_scheduler_type` and `lr_scheduler_kwargs` say together.

use serde_json::{Map, Value};

use super::curve::{Curve, Slope};
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::torch::scheduler_state::{GreedyLr, LambdaLr, Number, ReduceLrOnPlateau, Schedule as State, StreamingAverage};
use crate::nearest::nearest;
use crate::train::arguments::{SchedulerType, TrainingArguments};

/// Parameter groups that `Trainer` makes, whatever the model: with weight decay and without.
const GROUPS: usize = 2;

/// The settings that each schedule takes.
///
/// # Source
/// transformers 4.57.6 and 5.23.0, `optimization.py` (`get_scheduler` and the functions that it calls); torch 2.15.0, `ReduceLROnPlateau`.
const SETTINGS: &[(SchedulerType, &[&str])] = &[
    (SchedulerType::Linear, &[]),
    (SchedulerType::Cosine, &["num_cycles"]),
    (SchedulerType::CosineWithRestarts, &["num_cycles"]),
    (SchedulerType::Polynomial, &["lr_end", "power"]),
    (SchedulerType::InverseSqrt, &["timescale"]),
    (SchedulerType::ReduceLrOnPlateau, &["mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps"]),
    (SchedulerType::CosineWithMinLr, &["num_cycles", "min_lr", "min_lr_rate"]),
    (SchedulerType::CosineWarmupWithMinLr, &["num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"]),
    (SchedulerType::WarmupStableDecay, &["num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"]),
    (
        SchedulerType::Greedy,
        &[
            "mode",
            "factor",
            "patience",
            "threshold",
            "threshold_mode",
            "cooldown",
            "warmup",
            "min_lr",
            "max_lr",
            "eps",
            "verbose",
            "smooth",
            "window_size",
            "reset_start",
        ],
    ),
];

/// Where a schedule begins: its function, where it has one, and what it remembers. That of a function is still without its first factor.
pub(super) type Beginning = (Option<Curve>, State);

/// Reads the settings of the schedule.
///
/// # Errors
/// `argument-conflict` where they are not those of the schedule, or do not fit each other; the site is empty.
pub(super) fn read(arguments: &TrainingArguments) -> Result<Beginning> {
    let (kind, learning_rate) = (arguments.lr_scheduler_type, arguments.learning_rate);
    // transformers does not look at them here.
    let is_ignored = matches!(kind, SchedulerType::Constant | SchedulerType::ConstantWithWarmup)
        || (kind == SchedulerType::InverseSqrt && !arguments.release.trainer.inverse_sqrt_takes_settings);
    let settings = Settings { kind, given: if is_ignored { None } else { arguments.lr_scheduler_kwargs.as_ref() } };
    settings.check_names()?;
    let curve = match kind {
        SchedulerType::ReduceLrOnPlateau => return Ok((None, State::Plateau(settings.plateau(learning_rate)?))),
        SchedulerType::Greedy => return Ok((None, State::Greedy(Box::new(settings.greedy(learning_rate)?)))),
        SchedulerType::Constant => Curve::Constant,
        SchedulerType::ConstantWithWarmup => Curve::ConstantWithWarmup,
        SchedulerType::Linear => Curve::Linear,
        SchedulerType::Cosine => Curve::Cosine { num_cycles: settings.float("num_cycles", 0.5)?, min_lr_rate: 0.0 },
        SchedulerType::CosineWithRestarts => Curve::CosineWithRestarts { num_cycles: settings.float("num_cycles", 1.0)? },
        SchedulerType::Polynomial => settings.polynomial(learning_rate)?,
        SchedulerType::InverseSqrt => settings.inverse_sqrt()?,
        SchedulerType::CosineWithMinLr => {
            Curve::Cosine { num_cycles: settings.float("num_cycles", 0.5)?, min_lr_rate: settings.min_lr_rate(learning_rate)? }
        }
        SchedulerType::CosineWarmupWithMinLr => Curve::CosineWarmupWithMinLr {
            num_cycles: settings.float("num_cycles", 0.5)?,
            min_lr_rate: settings.min_lr_rate(learning_rate)?,
            warmup_lr_rate: settings.number("warmup_lr_rate")?.map(Number::to_f64),
        },
        SchedulerType::WarmupStableDecay => settings.warmup_stable_decay()?,
    };
    Ok((Some(curve), State::Lambda(LambdaLr::new(kind.name(), learning_rate, 1.0, GROUPS))))
}

/// The settings that were given.
struct Settings<'a> {
    kind: SchedulerType,
    given: Option<&'a Map<String, Value>>,
}

impl Settings<'_> {
    fn check_names(&self) -> Result<()> {
        let allowed = SETTINGS.iter().find(|(kind, _)| *kind == self.kind).map_or(&[][..], |(_, names)| names);
        let Some(unknown) = self.given.into_iter().flat_map(Map::keys).find(|name| !allowed.contains(&name.as_str())) else {
            return Ok(());
        };
        let expected = if allowed.is_empty() { "no settings".to_owned() } else { format!("some of {}", allowed.join(", ")) };
        let diagnostic = self.conflict(format!("lr_scheduler_type {} has no setting {unknown}", self.kind.name())).expected(expected);
        Err(Error::misuse(match nearest(unknown, allowed.iter().copied()) {
            Some(near) => diagnostic.hint(format!("did you mean {near}?")),
            None => diagnostic,
        }))
    }

    fn polynomial(&self, lr_init: f64) -> Result<Curve> {
        let lr_end = self.float("lr_end", 1e-7)?;
        if lr_end >= lr_init {
            let diagnostic = self.conflict("lr_end of lr_scheduler_type polynomial must be below learning_rate");
            return Err(Error::misuse(diagnostic.expected(format!("less than {lr_init:?}")).found(format!("{lr_end:?}"))));
        }
        let power = self.float("power", 1.0)?;
        self.must(power >= 0.0, "power", "a number, at least 0")?;
        Ok(Curve::Polynomial { lr_end, power, lr_init })
    }

    fn inverse_sqrt(&self) -> Result<Curve> {
        let timescale = self.number("timescale")?.map(Number::to_f64);
        self.must(timescale.is_none_or(|steps| steps > 0.0), "timescale", "a number, above 0")?;
        Ok(Curve::InverseSqrt { timescale })
    }

    fn min_lr_rate(&self, learning_rate: f64) -> Result<f64> {
        match (self.number("min_lr")?, self.number("min_lr_rate")?) {
            (Some(_), None) if learning_rate == 0.0 => Err(Error::misuse(self.conflict("min_lr needs a learning_rate above 0"))),
            (Some(min_lr), None) => Ok(min_lr.to_f64() / learning_rate),
            (None, Some(rate)) => Ok(rate.to_f64()),
            (given, _) => {
                let found = if given.is_some() { "both" } else { "neither" };
                let diagnostic = self.conflict(format!("lr_scheduler_type {} needs min_lr or min_lr_rate", self.kind.name()));
                let hint = "give the least learning rate: lr_scheduler_kwargs {\"min_lr\": 1e-6}";
                Err(Error::misuse(diagnostic.expected("one of them").found(found).hint(hint)))
            }
        }
    }

    fn warmup_stable_decay(&self) -> Result<Curve> {
        let num_decay_steps = self.count("num_decay_steps", None)?;
        let num_stable_steps = self.count_if_given("num_stable_steps")?;
        Ok(Curve::WarmupStableDecay {
            num_decay_steps,
            num_stable_steps,
            warmup_type: self.slope("warmup_type", "linear")?,
            decay_type: self.slope("decay_type", "cosine")?,
            min_lr_ratio: self.float("min_lr_ratio", 0.0)?,
            num_cycles: self.float("num_cycles", 0.5)?,
        })
    }

    fn slope(&self, name: &str, default: &'static str) -> Result<Slope> {
        Ok(match self.word(name, &["linear", "cosine", "1-sqrt"], default)? {
            "linear" => Slope::Linear,
            "cosine" => Slope::Cosine,
            _ => Slope::OneMinusSqrt,
        })
    }

    fn plateau(&self, learning_rate: f64) -> Result<ReduceLrOnPlateau> {
        let (default_min_lr, min_lrs) = self.rates("min_lr", Number::Integer(0))?;
        let mode = self.word("mode", &["min", "max"], "min")?;
        let mode_worse = if mode == "min" { f64::INFINITY } else { f64::NEG_INFINITY };
        Ok(ReduceLrOnPlateau {
            factor: self.factor(0.1)?,
            default_min_lr,
            min_lrs,
            patience: self.count("patience", Some(10))?,
            cooldown: self.count("cooldown", Some(0))?,
            eps: self.number_or("eps", 1e-8)?,
            last_epoch: 0,
            last_lr: vec![Number::Float(learning_rate); GROUPS],
            mode_worse,
            mode: mode.to_owned(),
            threshold: self.number_or("threshold", 1e-4)?,
            threshold_mode: self.word("threshold_mode", &["rel", "abs"], "rel")?.to_owned(),
            best: Number::Float(mode_worse),
            cooldown_counter: 0,
            num_bad_epochs: 0,
        })
    }

    fn greedy(&self, learning_rate: f64) -> Result<GreedyLr> {
        let mode = self.word("mode", &["min", "max"], "min")?;
        let smooth = self.flag("smooth")?;
        let window_size = self.count("window_size", Some(50))?;
        self.must(!smooth || window_size > 0, "window_size", "a whole number, at least 1")?;
        let reset_start = self.count("reset_start", Some(500))?;
        Ok(GreedyLr {
            factor: self.factor(0.95)?,
            min_lrs: self.rates("min_lr", Number::Float(1e-3))?.1,
            max_lrs: self.rates("max_lr", Number::Float(1.0))?.1,
            patience: self.count("patience", Some(10))?,
            verbose: self.flag("verbose")?,
            cooldown: self.count("cooldown", Some(0))?,
            warmup: self.count("warmup", Some(0))?,
            cooldown_counter: 0,
            warmup_counter: 0,
            mode: mode.to_owned(),
            threshold: self.number_or("threshold", 1e-6)?,
            threshold_mode: self.word("threshold_mode", &["rel", "abs"], "abs")?.to_owned(),
            best: if mode == "min" { f64::INFINITY } else { f64::NEG_INFINITY },
            num_bad_epochs: 0,
            num_good_epochs: 0,
            eps: self.number_or("eps", 1e-8)?,
            last_epoch: 0,
            smooth,
            window_size,
            reset_start,
            reset_start_original: reset_start,
            last_lr: vec![Number::Float(learning_rate); GROUPS],
            init_lrs: vec![Number::Float(learning_rate); GROUPS],
            streaming_average: smooth.then(|| StreamingAverage { window_size, values: Vec::new(), sum: 0.0 }),
        })
    }

    /// The factor of a schedule that follows a metric.
    fn factor(&self, default: f64) -> Result<Number> {
        let factor = self.number_or("factor", default)?;
        self.must(factor.to_f64() < 1.0, "factor", "a number below 1")?;
        Ok(factor)
    }

    /// A learning rate for all groups, and that of each.
    fn rates(&self, name: &str, default: Number) -> Result<(Option<Number>, Vec<Number>)> {
        let Some(Value::Array(items)) = self.value(name) else {
            let rate = self.number(name)?.unwrap_or(default);
            return Ok((Some(rate), vec![rate; GROUPS]));
        };
        match items.iter().map(number).collect::<Option<Vec<Number>>>() {
            Some(rates) if rates.len() == GROUPS && rates.iter().all(|rate| *rate == rates[0]) => Ok((None, rates)),
            _ => Err(self.refusal(name, "a number; all parameters have the same learning rate here")),
        }
    }

    fn float(&self, name: &str, default: f64) -> Result<f64> {
        Ok(self.number_or(name, default)?.to_f64())
    }

    fn number_or(&self, name: &str, default: f64) -> Result<Number> {
        Ok(self.number(name)?.unwrap_or(Number::Float(default)))
    }

    fn number(&self, name: &str) -> Result<Option<Number>> {
        self.value(name).map(|value| number(value).ok_or_else(|| self.refusal(name, "a number"))).transpose()
    }

    fn count(&self, name: &str, default: Option<i64>) -> Result<i64> {
        self.count_if_given(name)?.or(default).ok_or_else(|| {
            let diagnostic = self.conflict(format!("lr_scheduler_type {} needs {name}", self.kind.name()));
            Error::misuse(diagnostic.hint(format!("give it: lr_scheduler_kwargs {{\"{name}\": 100}}")))
        })
    }

    fn count_if_given(&self, name: &str) -> Result<Option<i64>> {
        match self.number(name)? {
            None => Ok(None),
            // Beyond it, sums of steps could overflow.
            Some(Number::Integer(count @ 0..=0xFFFF_FFFF)) => Ok(Some(count)),
            Some(_) => Err(self.refusal(name, "a whole number, at least 0")),
        }
    }

    fn flag(&self, name: &str) -> Result<bool> {
        self.value(name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| self.refusal(name, "true or false")))
    }

    fn word<'w>(&self, name: &str, words: &[&'w str], default: &'w str) -> Result<&'w str> {
        let Some(value) = self.value(name) else { return Ok(default) };
        let found = words.iter().find(|word| value.as_str() == Some(word));
        found.copied().ok_or_else(|| self.refusal(name, &format!("one of {}", words.join(", "))))
    }

    /// A value that was given; null is as good as none.
    fn value(&self, name: &str) -> Option<&Value> {
        self.given?.get(name).filter(|value| !value.is_null())
    }

    fn must(&self, fits: bool, name: &str, expected: &str) -> Result<()> {
        if fits { Ok(()) } else { Err(self.refusal(name, expected)) }
    }

    fn refusal(&self, name: &str, expected: &str) -> Error {
        let found = self.value(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
        let message = format!("{name} of lr_scheduler_type {} cannot have this value", self.kind.name());
        Error::misuse(self.conflict(message).expected(expected).found(found))
    }

    fn conflict(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new("argument-conflict", Site::default(), message)
    }
}

fn number(value: &Value) -> Option<Number> {
    value.as_i64().map(Number::Integer).or_else(|| value.as_f64().map(Number::Float))
}

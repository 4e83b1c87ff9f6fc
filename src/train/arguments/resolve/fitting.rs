//! Whether arguments fit each other.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `training_args.py` (`__post_init__`) and `trainer.py` (`_validate_args`).

use super::{Given, missing};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::train::arguments::raw::Typed;
use crate::train::arguments::{Device, IntervalStrategy, SamplingStrategy, SaveStrategy, SchedulerType, StepCount, TrainingArguments};
use crate::train::schedule;

impl Given<'_> {
    pub(super) fn check(&self, arguments: &TrainingArguments) -> Result<()> {
        if self.is_set("fp16") {
            let diagnostic = self.at("fp16", "unsupported-value", format!("{} is not supported yet", self.written("fp16")));
            return Err(Error::unsupported(diagnostic.hint("leave it out, or set bf16: rtrain computes in float32 or bfloat16")));
        }
        if arguments.bf16 && matches!(arguments.device, Device::Webgpu | Device::Vulkan) {
            let diagnostic = self.at("bf16", "argument-conflict", "on a GPU rtrain computes in float32 only".to_owned());
            return Err(Error::unsupported(diagnostic.hint("leave bf16 out, or set device cpu")));
        }
        if arguments.model_name_or_path.is_none() && arguments.config_name.is_none() {
            let hint = "say which directory the model to start from is in, or with config_name start from random weights";
            return Err(missing("model_name_or_path", "start from", hint));
        }
        if !(arguments.do_train || arguments.do_eval || arguments.do_predict) {
            let diagnostic = self.at("do_train", "argument-conflict", "there is nothing to do".to_owned());
            return Err(Error::misuse(diagnostic.hint("set do_train, do_eval or do_predict")));
        }
        self.check_file(arguments.do_train, "do_train", "train_file", arguments.train_file.is_none())?;
        let evaluation = if arguments.eval_strategy == IntervalStrategy::No { "do_eval" } else { "eval_strategy" };
        self.check_file(arguments.do_eval, evaluation, "validation_file", arguments.validation_files.is_empty())?;
        self.check_file(arguments.do_predict, "do_predict", "test_file", arguments.test_file.is_none())?;
        self.check_steps("logging", arguments.logging_strategy == IntervalStrategy::Steps, "logging_steps")?;
        let eval_steps = if self.is_zero("eval_steps") { "logging_steps" } else { "eval_steps" };
        self.check_steps("eval", arguments.eval_strategy == IntervalStrategy::Steps, eval_steps)?;
        self.check_steps("save", arguments.save_strategy == SaveStrategy::Steps, "save_steps")?;
        self.check_best(arguments)?;
        self.check_schedule(arguments)?;
        self.check_sampling(arguments)?;
        if self.typed.get("max_steps") == Some(&Typed::Integer(0)) {
            let diagnostic = self.at("max_steps", "argument-value", format!("{} cannot have this value", self.written("max_steps")));
            return Err(Error::misuse(diagnostic.expected("-1, or at least 1").found(0)));
        }
        match &arguments.text_column_names {
            Some(names) if names.len() > 2 && arguments.text_column_delimiter.is_none() => {
                let diagnostic = self.at("text_column_names", "argument-conflict", "a pair of sentences has two columns".to_owned());
                let hint = "to join the columns into one sentence, say with what: text_column_delimiter \" \"";
                Err(Error::misuse(diagnostic.expected("one or two names").found(names.join(",")).hint(hint)))
            }
            _ => Ok(()),
        }
    }

    fn check_file(&self, wanted: bool, asking: &str, file: &'static str, absent: bool) -> Result<()> {
        if !(wanted && absent) {
            return Ok(());
        }
        let hint = match (file, self.values.contains_key(asking)) {
            ("train_file", false) => "say which table to train on, or set do_train false".to_owned(),
            (_, given) => format!("give the table{}", if given { format!(", or leave {asking} out") } else { String::new() }),
        };
        Err(Error::misuse(self.at(asking, "missing-argument", format!("{asking} needs {file}")).hint(hint)))
    }

    fn check_steps(&self, what: &str, by_steps: bool, name: &str) -> Result<()> {
        if !by_steps || !self.is_zero(name) {
            return Ok(());
        }
        let message = format!("{what}_strategy steps needs {what}_steps above 0");
        Err(Error::misuse(self.at(name, "argument-conflict", message).hint(format!("set {what}_strategy no, or give {what}_steps"))))
    }

    /// A best checkpoint needs evaluations, a metric, and checkpoints of the steps that are evaluated.
    fn check_best(&self, arguments: &TrainingArguments) -> Result<()> {
        let asking = match arguments {
            TrainingArguments { early_stopping_patience: Some(_), .. } => "early_stopping_patience",
            TrainingArguments { save_strategy: SaveStrategy::Best, .. } => "save_strategy",
            TrainingArguments { load_best_model_at_end: true, .. } => "load_best_model_at_end",
            _ => return Ok(()),
        };
        let conflict = |message: String, hint: &str| Err(Error::misuse(self.at(asking, "argument-conflict", message).hint(hint)));
        let wants = if asking == "save_strategy" { "save_strategy best" } else { asking };
        // Without evaluations transformers takes `save_strategy best` and saves nothing.
        if arguments.eval_strategy == IntervalStrategy::No && asking != "save_strategy" {
            return conflict(format!("{wants} needs evaluations while training"), "set eval_strategy steps or epoch");
        }
        if arguments.metric_for_best_model.is_none() {
            return conflict(format!("{wants} needs a metric"), "give metric_for_best_model, such as loss or accuracy");
        }
        if !arguments.load_best_model_at_end || arguments.save_strategy == SaveStrategy::Best {
            return Ok(());
        }
        if arguments.eval_strategy.name() != arguments.save_strategy.name() {
            let (eval, save) = (arguments.eval_strategy.name(), arguments.save_strategy.name());
            let message = format!("load_best_model_at_end needs one strategy, but eval_strategy is {eval} and save_strategy {save}");
            return conflict(message, "set both alike, or save_strategy best");
        }
        if arguments.eval_strategy == IntervalStrategy::Steps && !is_multiple(arguments.save_steps, arguments.eval_steps) {
            let message = "load_best_model_at_end needs a save_steps that is a multiple of eval_steps".to_owned();
            return conflict(message, "give both as whole numbers, or both as shares of all steps");
        }
        Ok(())
    }

    /// Releases have different names for it, and the older one knows two strategies only.
    fn check_sampling(&self, arguments: &TrainingArguments) -> Result<()> {
        let (new, old) = ("train_sampling_strategy", "group_by_length");
        let (version, has_strategies) = (arguments.release.version, arguments.release.trainer.has_sampling_strategies);
        if self.values.contains_key(old) && has_strategies {
            let diagnostic =
                self.at(old, "removed-argument", format!("{} was removed from transformers before {version}", self.written(old)));
            return Err(Error::misuse(diagnostic.hint("write train_sampling_strategy group_by_length")));
        }
        if self.values.contains_key(old) && self.values.contains_key(new) {
            let diagnostic = self.at(old, "argument-conflict", format!("{new} and {old} say the same"));
            return Err(Error::misuse(diagnostic.hint("leave one of them out")));
        }
        let strategy = arguments.train_sampling_strategy;
        if !has_strategies && !matches!(strategy, SamplingStrategy::Random | SamplingStrategy::GroupByLength) {
            let diagnostic = self.at(new, "unsupported-value", format!("transformers {version} does not have this {new}"));
            let diagnostic = diagnostic.expected("random or group_by_length").found(strategy.name());
            return Err(Error::unsupported(diagnostic.hint("set release 5.23.0")));
        }
        Ok(())
    }

    fn check_schedule(&self, arguments: &TrainingArguments) -> Result<()> {
        let kind = arguments.lr_scheduler_type;
        let conflict = |name, message: String, hint: &str| Err(Error::misuse(self.at(name, "argument-conflict", message).hint(hint)));
        let release = arguments.release;
        if kind == SchedulerType::Greedy && !release.trainer.has_greedy_schedule {
            let message = format!("release {} has no lr_scheduler_type greedy", release.version);
            return conflict("lr_scheduler_type", message, "take reduce_lr_on_plateau, or a later release");
        }
        let follows_metric = matches!(kind, SchedulerType::ReduceLrOnPlateau | SchedulerType::Greedy);
        if follows_metric && arguments.eval_strategy == IntervalStrategy::No {
            let message = format!("lr_scheduler_type {} needs an eval_strategy", kind.name());
            return conflict("lr_scheduler_type", message, "set eval_strategy epoch, or steps");
        }
        if release.trainer.has_warmup_ratio && arguments.warmup_steps > 1.0 && arguments.warmup_steps.fract() != 0.0 {
            let message = format!("release {} has whole warmup_steps, or below 1 a share", release.version);
            return conflict("warmup_steps", message, "leave the fraction out");
        }
        schedule::check(arguments).map_err(|error| {
            let diagnostic = error.diagnostic().clone();
            let site = self.at("lr_scheduler_kwargs", diagnostic.code, String::new()).site;
            Error::misuse(Diagnostic { site, ..diagnostic })
        })
    }
}

fn is_multiple(steps: StepCount, of: StepCount) -> bool {
    match (steps, of) {
        (StepCount::Steps(steps), StepCount::Steps(of)) => steps.is_multiple_of(of),
        (StepCount::Share(share), StepCount::Share(of)) => (share * 1e6) % (of * 1e6) == 0.0,
        _ => false,
    }
}

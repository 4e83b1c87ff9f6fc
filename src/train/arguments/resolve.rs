//! From values as they were given to [`TrainingArguments`].

mod fitting;
mod given;

use indexmap::IndexMap;

use super::choice::{Device, DropoutRng, InputTokens, IntervalStrategy, Optimizer, SamplingStrategy, SaveStrategy, SchedulerType};
use super::length::StepCount;
use super::optimizer::{OptimArgs, algorithm};
use super::raw::{RawValue, Typed, Values, read, read_default};
use super::table::{ARGUMENTS, NOT_YET, NOT_YET_OF_SCRIPT, REMOVED, argument};
use super::{Origin, ResumeFrom, TrainingArguments};
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::release::Release;
use crate::format::torch::optimizer_state::Algorithm;
use crate::format::torch::pickle::Value;
use crate::nearest::nearest;

/// `eval_steps` of a `TrainerState` that was told none.
const UNUSED_EVAL_STEPS: usize = 500;

impl TrainingArguments {
    /// Reads every value by its kind, fills in the defaults, and checks that the arguments fit each other.
    ///
    /// # Errors
    /// `unknown-argument`, `removed-argument` (transformers 5.23.0 has it no longer) and `unsupported-argument` (rtrain has it not yet) for a
    /// name; `argument-value` and `unsupported-value` for a value; `missing-argument` and `argument-conflict` where they do not fit each
    /// other. No file is looked at.
    ///
    /// # Examples
    /// ```
    /// use rtrain::train::arguments::{RawValue, TrainingArguments, Values};
    ///
    /// let mut values = Values::new();
    /// for (name, value) in [("model_name_or_path", "bert"), ("train_file", "train.csv"), ("output_dir", "out"), ("learning_rate", "3e-5")] {
    ///     values.insert(name.to_owned(), RawValue::command_line(value));
    /// }
    /// let arguments = TrainingArguments::resolve(&values)?;
    /// assert_eq!(arguments.learning_rate, 3e-5);
    /// assert_eq!(arguments.length(100).total_steps, 39);
    /// # Ok::<(), rtrain::diagnostic::Error>(())
    /// ```
    pub fn resolve(values: &Values) -> Result<TrainingArguments> {
        let given = Given::read(values)?;
        let arguments = given.arguments()?;
        given.check(&arguments)?;
        Ok(arguments)
    }
}

/// The arguments that were given, read; the defaults of all others.
struct Given<'a> {
    values: &'a Values,
    typed: IndexMap<&'static str, Typed>,
}

impl<'a> Given<'a> {
    fn read(values: &'a Values) -> Result<Self> {
        let mut typed = IndexMap::new();
        for (name, raw) in values {
            let argument = argument(name).ok_or_else(|| refused_name(name, raw))?;
            if let Some(value) = read(argument, raw)? {
                typed.insert(argument.name, value);
            }
        }
        for argument in ARGUMENTS {
            if !typed.contains_key(argument.name)
                && let Some(value) = read_default(argument)
            {
                typed.insert(argument.name, value);
            }
        }
        Ok(Given { values, typed })
    }

    fn arguments(&self) -> Result<TrainingArguments> {
        let eval_strategy = self.choice("eval_strategy", IntervalStrategy::from_name);
        let (validation_files, test_file) = (self.files("validation_file"), self.path("test_file"));
        let do_eval = self.flag("do_eval").unwrap_or(!validation_files.is_empty()) || eval_strategy != IntervalStrategy::No;
        let do_predict = self.flag("do_predict").unwrap_or(test_file.is_some());
        let output_dir =
            self.path("output_dir").ok_or_else(|| missing("output_dir", "write", "say which directory the model is written to"))?;
        let logging_steps = self.steps("logging_steps");
        let eval_steps = match (self.is_zero("eval_steps"), eval_strategy) {
            (false, _) => self.steps("eval_steps"),
            (true, IntervalStrategy::Steps) => logging_steps,
            (true, _) => StepCount::Steps(UNUSED_EVAL_STEPS),
        };
        let save_strategy = self.choice("save_strategy", SaveStrategy::from_name);
        let metric_for_best_model = self.metric_for_best_model();
        let more_is_better = metric_for_best_model.as_ref().is_some_and(|metric| !metric.ends_with("loss"));
        Ok(TrainingArguments {
            model_name_or_path: self.path("model_name_or_path"),
            config_name: self.path("config_name"),
            config_overrides: self.overrides()?,
            tokenizer_name: self.path("tokenizer_name"),
            ignore_mismatched_sizes: self.is_set("ignore_mismatched_sizes"),
            train_file: self.path("train_file"),
            validation_files,
            test_file,
            text_column_names: self.names("text_column_names"),
            text_column_delimiter: self.text("text_column_delimiter"),
            label_column_name: self.text("label_column_name").unwrap_or_default(),
            do_regression: self.flag("do_regression"),
            max_seq_length: self.count("max_seq_length").unwrap_or_default(),
            pad_to_max_length: self.is_set("pad_to_max_length"),
            max_train_samples: self.count("max_train_samples"),
            max_eval_samples: self.count("max_eval_samples"),
            max_predict_samples: self.count("max_predict_samples"),
            output_dir,
            do_train: self.flag("do_train").unwrap_or(true),
            do_eval,
            do_predict,
            num_train_epochs: self.float("num_train_epochs"),
            max_steps: self.count("max_steps"),
            per_device_train_batch_size: self.count("per_device_train_batch_size").unwrap_or_default(),
            per_device_eval_batch_size: self.count("per_device_eval_batch_size").unwrap_or_default(),
            gradient_accumulation_steps: self.count("gradient_accumulation_steps").unwrap_or_default(),
            gradient_checkpointing: self.is_set("gradient_checkpointing"),
            bf16: self.is_set("bf16"),
            resume_from_checkpoint: match self.flag("resume_from_checkpoint") {
                Some(newest) => newest.then_some(ResumeFrom::Newest),
                None => self.path("resume_from_checkpoint").map(ResumeFrom::Directory),
            },
            ignore_data_skip: self.is_set("ignore_data_skip"),
            restore_callback_states_from_checkpoint: self.is_set("restore_callback_states_from_checkpoint"),
            dataloader_drop_last: self.is_set("dataloader_drop_last"),
            seed: self.seed("seed").unwrap_or_default(),
            data_seed: self.seed("data_seed"),
            device: self.choice("device", Device::from_name),
            dropout_rng: self.choice("dropout_rng", DropoutRng::from_name),
            train_sampling_strategy: match self.is_set("group_by_length") {
                true => SamplingStrategy::GroupByLength,
                false => self.choice("train_sampling_strategy", SamplingStrategy::from_name),
            },
            neftune_noise_alpha: self.typed.contains_key("neftune_noise_alpha").then(|| self.float("neftune_noise_alpha")),
            label_smoothing_factor: self.float("label_smoothing_factor"),
            optim: self.choice("optim", Optimizer::from_name),
            algorithm: self.algorithm()?,
            learning_rate: self.float("learning_rate"),
            weight_decay: self.float("weight_decay"),
            adam_beta1: self.float("adam_beta1"),
            adam_beta2: self.float("adam_beta2"),
            adam_epsilon: self.float("adam_epsilon"),
            max_grad_norm: self.float("max_grad_norm"),
            lr_scheduler_type: self.choice("lr_scheduler_type", SchedulerType::from_name),
            lr_scheduler_kwargs: self.mapping("lr_scheduler_kwargs"),
            warmup_steps: self.float("warmup_steps"),
            logging_strategy: self.choice("logging_strategy", IntervalStrategy::from_name),
            logging_steps,
            logging_first_step: self.is_set("logging_first_step"),
            logging_nan_inf_filter: self.is_set("logging_nan_inf_filter"),
            include_num_input_tokens_seen: self.choice("include_num_input_tokens_seen", InputTokens::from_name),
            disable_tqdm: self.is_set("disable_tqdm"),
            eval_strategy,
            eval_steps,
            eval_on_start: self.is_set("eval_on_start"),
            eval_delay: self.float("eval_delay"),
            greater_is_better: self.flag("greater_is_better").unwrap_or(more_is_better),
            metric_for_best_model,
            load_best_model_at_end: self.is_set("load_best_model_at_end"),
            early_stopping_patience: self.seed("early_stopping_patience"),
            early_stopping_threshold: self.float("early_stopping_threshold"),
            save_strategy,
            save_steps: self.steps("save_steps"),
            save_total_limit: self.count("save_total_limit"),
            save_only_model: self.is_set("save_only_model"),
            release: self.choice("release", Release::find),
            given: self.given(),
        })
    }

    /// The values as `HfArgumentParser` hands them on: numbers of the command line by the type of their argument, those of a file as they
    /// stand there.
    fn given(&self) -> Vec<(&'static str, Value)> {
        let mut given = Vec::new();
        for (name, typed) in &self.typed {
            let Some(raw) = self.values.get(*name) else { continue };
            let is_whole = raw.origin != Origin::CommandLine && raw.value.is_i64();
            given.push((
                *name,
                match typed {
                    Typed::Files(_) => continue,
                    Typed::Text(text) => text.as_str().into(),
                    Typed::Names(names) => Value::list(names.iter().map(|name| name.as_str().into())),
                    Typed::Integer(number) => (*number).into(),
                    Typed::Float(number) if is_whole => (*number as i64).into(),
                    Typed::Float(number) => (*number).into(),
                    Typed::Flag(flag) => (*flag).into(),
                    Typed::Mapping(entries) => Value::dict(entries.iter().map(|(name, value)| (name.as_str(), plain(value)))),
                },
            ));
        }
        given
    }

    /// transformers takes the loss where a best checkpoint is asked for and no metric given.
    ///
    /// # Source
    /// transformers 5.23.0, `training_args.py` (`__post_init__`).
    fn metric_for_best_model(&self) -> Option<String> {
        let by_metric = matches!(self.text("lr_scheduler_type").as_deref(), Some("reduce_lr_on_plateau" | "greedy"));
        self.text("metric_for_best_model").or_else(|| (self.is_set("load_best_model_at_end") || by_metric).then(|| "loss".to_owned()))
    }

    /// `name=value` pairs, separated by commas.
    fn overrides(&self) -> Result<Vec<(String, String)>> {
        let Some(text) = self.text("config_overrides") else { return Ok(Vec::new()) };
        let pair = |part: &str| match part.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
            _ => {
                let name = "config_overrides";
                let diagnostic = self.at(name, "argument-value", format!("{} cannot have this value", self.written(name)));
                Err(Error::misuse(diagnostic.expected("name=value pairs, separated by commas").found(format!("{part:?}"))))
            }
        };
        text.split(',').map(pair).collect()
    }

    fn algorithm(&self) -> Result<Algorithm> {
        // The others read them and make no use of them.
        let is_used = self.choice("release", Release::find).trainer.torch_optimizers_take_arguments;
        let text = self.text("optim_args").unwrap_or_default().replace(' ', "");
        let given = OptimArgs::parse(&text).and_then(|given| if is_used { Ok(given) } else { OptimArgs::parse("") });
        let scalars = ["adam_beta1", "adam_beta2", "adam_epsilon"].map(|name| self.float(name));
        let algorithm = given.and_then(|given| algorithm(self.choice("optim", Optimizer::from_name), scalars, &given));
        algorithm.map_err(|(expected, found)| {
            let name = "optim_args";
            let diagnostic = self.at(name, "argument-value", format!("{} cannot have this value", self.written(name)));
            Error::misuse(diagnostic.expected(expected).found(found))
        })
    }
}

/// A value of a mapping as Python has it.
fn plain(value: &serde_json::Value) -> Value {
    use serde_json::Value as Given;
    match value {
        Given::Null => Value::None,
        Given::Bool(flag) => (*flag).into(),
        Given::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Value::from),
        Given::String(text) => Value::distinct_text(text),
        Given::Array(items) => Value::list(items.iter().map(plain)),
        Given::Object(entries) => Value::dict(entries.iter().map(|(name, value)| (name.as_str(), plain(value)))),
    }
}

fn missing(name: &str, verb: &str, hint: &str) -> Error {
    let message = format!("nothing to {verb}: {name} is missing");
    Error::misuse(Diagnostic::new("missing-argument", Site::default(), message).hint(hint))
}

fn refused_name(name: &str, raw: &RawValue) -> Error {
    let written = raw.written(name);
    if let Some((_, hint)) = REMOVED.iter().find(|(removed, _)| *removed == name) {
        let message = format!("{written} was removed from transformers before 5.23.0");
        return Error::misuse(raw.diagnostic("removed-argument", message).hint(hint));
    }
    if NOT_YET.contains(&name) || NOT_YET_OF_SCRIPT.contains(&name) {
        let diagnostic = raw.diagnostic("unsupported-argument", format!("{written} is an argument that rtrain does not support yet"));
        return Error::unsupported(diagnostic.hint("leave it out; rtrain train --help lists what is supported"));
    }
    let removed = REMOVED.iter().map(|(name, _)| *name);
    let known = ARGUMENTS.iter().map(|argument| argument.name).chain(NOT_YET.iter().chain(NOT_YET_OF_SCRIPT).copied()).chain(removed);
    let diagnostic = raw.diagnostic("unknown-argument", format!("there is no argument {written}"));
    Error::misuse(match nearest(&name.replace('-', "_"), known) {
        Some(near) if raw.origin == Origin::CommandLine => diagnostic.hint(format!("did you mean --{near}?")),
        Some(near) => diagnostic.hint(format!("did you mean {near}?")),
        None => diagnostic.hint("rtrain train --help lists all arguments"),
    })
}

#[cfg(test)]
mod tests;

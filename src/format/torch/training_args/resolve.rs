//! The arguments of a run from those that somebody gives.

use std::sync::Arc;

use super::setting::{Device, Setting, Settings, fits};
use super::table::{Class, Default, Kind};
use super::{RELEASES, TrainingArguments};
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::torch::pickle::Value;

/// What `TrainingArguments` sees of its machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// How many GPUs of CUDA there are; with any, the run is on `cuda:0` unless `use_cpu` is given.
    pub gpus: u32,
    /// The folder for logs below the output directory, in transformers 4: `runs/` with time and name of the machine.
    pub logging_folder: String,
    /// Where transformers 4 reports to if it is not told: the tools that are installed.
    pub reports: Vec<String>,
}

impl TrainingArguments {
    /// The arguments that `TrainingArguments(**given)` of a release has: defaults, and what follows from what is given.
    ///
    /// # Errors
    /// A release or an argument that does not exist, or a word that an enumeration does not have.
    ///
    /// # Source
    /// transformers 5.23.0 and 4.57.6, `training_args.py` (`__post_init__`, `_setup_devices`), without FSDP, DeepSpeed and other processes.
    pub fn new<'a>(release: &str, given: impl IntoIterator<Item = (&'a str, Value)>, surroundings: &Surroundings) -> Result<Self> {
        let misuse = |message: String| Error::misuse(Diagnostic::new("training-args-given", Site::default(), message));
        let Some(&(release, class)) = RELEASES.iter().find(|(version, _)| *version == release) else {
            return Err(misuse(format!("the arguments of transformers {release} are not known")));
        };
        let mut values = Values { class, values: class.fields.iter().map(|(_, _, default)| default.value()).collect() };
        for (name, value) in given {
            let slot = values.slot(name).ok_or_else(|| misuse(format!("transformers {release} has no argument {name}")))?;
            *slot = value;
        }
        let is_4 = release.starts_with("4.");
        values.follow_names(surroundings, is_4);
        values.follow_strategies();
        values.follow_lists(surroundings, is_4);
        values.follow_precision(is_4);
        let settings = values.settings(surroundings).map_err(|(name, word)| misuse(format!("{word:?} is not a value of {name}")))?;
        Ok(TrainingArguments { stem: "training_args".to_owned(), release, settings })
    }

    /// These arguments as a `Trainer` saves them: transformers 4 notes which mixed precision it has taken on the CPU.
    ///
    /// # Source
    /// transformers 4.57.6, `trainer.py` (`Trainer.__init__`).
    #[must_use]
    pub fn of_trainer(mut self) -> Self {
        let is = |name: &str, value: Value| self.get(name).and_then(Setting::as_plain) == Some(&value);
        let on_cpu = matches!(self.get("_setup_devices"), Some(Setting::Device(device)) if device.kind == "cpu");
        let by_cpu = is("bf16", true.into()) && !is("fp16", true.into()) && is("half_precision_backend", "auto".into()) && on_cpu;
        for (name, setting) in self.settings.iter_mut().filter(|_| by_cpu) {
            if *name == "half_precision_backend" {
                *setting = Setting::Plain("cpu_amp".into());
            }
        }
        self
    }
}

impl Default {
    fn value(self) -> Value {
        match self {
            Default::None => Value::None,
            Default::Flag(flag) => flag.into(),
            Default::Integer(number) => number.into(),
            Default::Float(number) => number.into(),
            Default::Text(text) => text.into(),
            Default::Empty => Value::list([]),
        }
    }
}

/// Arguments as values, enumerations by their words.
struct Values {
    class: &'static Class,
    values: Vec<Value>,
}

impl Values {
    fn slot(&mut self, name: &str) -> Option<&mut Value> {
        let index = self.class.fields.iter().position(|(known, _, _)| *known == name)?;
        self.values.get_mut(index)
    }

    /// The value; `None` also where the release has no such argument.
    fn get(&self, name: &str) -> &Value {
        let index = self.class.fields.iter().position(|(known, _, _)| *known == name);
        index.and_then(|index| self.values.get(index)).unwrap_or(&Value::None)
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(slot) = self.slot(name) {
            *slot = value.into();
        }
    }

    fn set_if_none(&mut self, name: &str, value: impl Into<Value>) {
        if *self.get(name) == Value::None {
            self.set(name, value);
        }
    }

    fn is(&self, name: &str, word: &str) -> bool {
        self.get(name).as_str() == Some(word)
    }

    fn is_on(&self, name: &str) -> bool {
        self.get(name).as_bool() == Some(true)
    }

    fn follow_names(&mut self, surroundings: &Surroundings, is_4: bool) {
        self.set_if_none("output_dir", "trainer_output");
        let output_dir = self.get("output_dir").as_str().unwrap_or_default();
        let separator = if output_dir.is_empty() || output_dir.ends_with('/') { "" } else { "/" };
        let logging_dir = format!("{output_dir}{separator}{}", surroundings.logging_folder);
        self.set_if_none("logging_dir", logging_dir.as_str());
        self.set_if_none("disable_tqdm", false);
        for (old, new) in
            [("gradient_checkpointing", "activation_checkpointing"), ("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs")]
        {
            if !is_4 {
                self.set_if_none(new, self.get(old).clone());
                self.set(old, self.get(new).clone());
            }
        }
        if !is_4 {
            self.set_if_none("activation_checkpointing", false);
            self.set_if_none("gradient_checkpointing", false);
        }
        if let Some(seen) = self.get("include_num_input_tokens_seen").as_bool() {
            self.set("include_num_input_tokens_seen", if seen { "all" } else { "no" });
        }
        if self.is_on("no_cuda") {
            self.set("use_cpu", true);
        }
        if self.is_on("adafactor") {
            self.set("optim", "adafactor");
        }
        if self.is_on("use_cpu") {
            self.set("dataloader_pin_memory", false);
        }
        if self.is_on("include_inputs_for_metrics") {
            let given = self.get("include_for_metrics").as_list().unwrap_or_default();
            self.set("include_for_metrics", Value::list(given.iter().cloned().chain(["inputs".into()])));
        }
        if is_4 {
            self.set("local_rank", 0_u64);
        }
    }

    fn follow_strategies(&mut self) {
        if self.get("do_eval").as_bool() == Some(false) && !self.is("eval_strategy", "no") {
            self.set("do_eval", true);
        }
        let no_steps = matches!(self.get("eval_steps"), Value::None | Value::Integer(0));
        if self.is("eval_strategy", "steps") && no_steps {
            self.set("eval_steps", self.get("logging_steps").clone());
        }
        for (strategy, steps) in [("logging_strategy", "logging_steps"), ("eval_strategy", "eval_steps"), ("save_strategy", "save_steps")] {
            if self.is(strategy, "steps") && self.get(steps).as_float().is_some_and(|number| number > 1.0) {
                self.set(steps, whole(self.get(steps)));
            }
        }
        let by_metric = self.is("lr_scheduler_type", "reduce_lr_on_plateau") || self.is("lr_scheduler_type", "greedy");
        if self.is_on("load_best_model_at_end") || by_metric {
            self.set_if_none("metric_for_best_model", "loss");
        }
        if let Some(metric) = self.get("metric_for_best_model").as_str() {
            self.set_if_none("greater_is_better", !metric.ends_with("loss"));
        }
    }

    fn follow_lists(&mut self, surroundings: &Surroundings, is_4: bool) {
        let report_to = self.get("report_to");
        let only = match (report_to, report_to.as_list()) {
            (_, Some([only])) => only.as_str(),
            _ => report_to.as_str(),
        };
        match only {
            Some("none") => self.set("report_to", Value::list([])),
            Some("all") => self.set("report_to", texts(&surroundings.reports)),
            _ if is_4 && *report_to == Value::None => self.set("report_to", texts(&surroundings.reports)),
            _ if report_to.as_list().is_none() => self.set("report_to", Value::list([report_to.clone()])),
            _ => {}
        }
        for name in ["debug", "fsdp"] {
            match self.get(name) {
                Value::Text(words) if is_4 || name == "debug" => {
                    self.set(name, Value::list(words.value.split_whitespace().map(Value::from)));
                }
                Value::None if is_4 || name == "debug" => self.set(name, Value::list([])),
                _ => {}
            }
        }
        if is_4 {
            let sharding = [("min_num_params", 0_u64.into()), ("xla", false.into()), ("xla_fsdp_v2", false.into())];
            self.set_if_none("fsdp_config", Value::dict(sharding.into_iter().chain([("xla_fsdp_grad_ckpt", false.into())])));
        }
    }

    fn follow_precision(&mut self, is_4: bool) {
        for (flag, name) in [("bf16", "bf16"), ("fp16", "fp16")] {
            if self.is_on(flag) {
                self.set("mixed_precision", name);
            }
        }
        if is_4 {
            let torchdynamo = self.get("torchdynamo").clone();
            if torchdynamo != Value::None {
                self.set("torch_compile_backend", torchdynamo);
            }
        }
        if *self.get("torch_compile_mode") != Value::None || *self.get("torch_compile_backend") != Value::None {
            self.set("torch_compile", true);
        }
        if self.is_on("torch_compile") {
            self.set_if_none("torch_compile_backend", "inductor");
        }
    }

    /// The attributes by what they mean; or the name and the word of an enumeration that does not have it.
    fn settings(&self, surroundings: &Surroundings) -> std::result::Result<Settings, (&'static str, String)> {
        let on_gpu = surroundings.gpus > 0 && !self.is_on("use_cpu");
        let settings = self.class.fields.iter().zip(&self.values).map(|((name, kind, _), value)| {
            let setting = match (*name, kind) {
                ("_n_gpu", _) => Setting::Plain(if on_gpu { u64::from(surroundings.gpus) } else { 0 }.into()),
                ("_setup_devices", _) => device(on_gpu, on_gpu.then_some(0)),
                (_, Kind::Object(class)) => object(class, value, self.is_on("use_cpu"), on_gpu)?,
                _ => plain(name, kind, value)?,
            };
            Ok((*name, setting))
        });
        settings.collect()
    }
}

fn plain(name: &'static str, kind: &Kind, value: &Value) -> std::result::Result<Setting, (&'static str, String)> {
    let word = |value: &Value, words: &[&str]| match value.as_str() {
        Some(word) if words.contains(&word) => Ok(word.to_owned()),
        word => Err((name, word.unwrap_or("").to_owned())),
    };
    match (kind, value) {
        (Kind::Choice(members), _) => Ok(Setting::Choice(word(value, members.words)?)),
        (Kind::Choices(members), Value::List(items)) => {
            Ok(Setting::Choices(items.iter().map(|item| word(item, members.words)).collect::<std::result::Result<_, _>>()?))
        }
        _ if *value == Value::None || fits(*kind, value).0 => Ok(Setting::Plain(value.clone())),
        _ => Err((name, value.as_str().map_or_else(|| value.kind(), str::to_owned))),
    }
}

/// An object with the defaults of its class, but for what a dict gives and the process decides.
fn object(class: &Class, given: &Value, use_cpu: bool, on_gpu: bool) -> std::result::Result<Setting, (&'static str, String)> {
    let given = given.as_dict().unwrap_or_default();
    let settings = class.fields.iter().map(|(name, kind, default)| {
        let value = given.iter().find(|(key, _)| key.as_str() == Some(name)).map_or_else(|| default.value(), |(_, value)| value.clone());
        let setting = match *name {
            "_cpu" => Setting::Plain(use_cpu.into()),
            "device" => device(on_gpu, None),
            _ => plain(name, kind, &value)?,
        };
        Ok((*name, setting))
    });
    Ok(Setting::Object(settings.collect::<std::result::Result<_, _>>()?))
}

fn device(on_gpu: bool, index: Option<u64>) -> Setting {
    Setting::Device(Arc::new(Device { kind: if on_gpu { "cuda" } else { "cpu" }.to_owned(), index }))
}

fn texts(texts: &[String]) -> Value {
    Value::list(texts.iter().map(|text| text.as_str().into()))
}

/// A number of steps as an `int`, as Python's `int()` cuts it.
fn whole(value: &Value) -> Value {
    #[expect(clippy::as_conversions, reason = "a whole number of steps, which saturates")]
    value.as_float().map_or_else(|| value.clone(), |number| Value::Integer(number as i128))
}

//! Files of `torch.save`, as data.

use super::{Contents, Detail, Table};
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::format::torch::pickle::Value;
use crate::format::torch::rng_state::{DeviceGenerators, RngState};
use crate::format::torch::scaler_state::ScalerState;
use crate::format::torch::scheduler_state::{Number, Schedule, SchedulerState};
use crate::format::torch::state_dict::TorchStateDict;
use crate::format::torch::tensor::{Entry, Tensor};
use crate::format::torch::training_args::{Setting, TrainingArguments};
use crate::storage::Content;
use std::collections::BTreeMap;

/// Arguments that nobody should read on a screen.
const SECRETS: [&str; 2] = ["hub_token", "push_to_hub_token"];

/// What of the arguments an overview shows.
const ARGUMENTS_OVERVIEW: [&str; 8] = [
    "output_dir",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "learning_rate",
    "weight_decay",
    "seed",
];

type Facts = Vec<(&'static str, Json)>;

pub(super) fn state_dict(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let state = TorchStateDict::read(path, content)?;
    let mut dtypes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut rows = Vec::new();
    for (name, entry) in &state.entries {
        let Entry::Tensor(tensor) = entry else { continue };
        let count = dtypes.entry(tensor.dtype.name()).or_default();
        *count = count.saturating_add(1);
        rows.push([vec![name.as_str().into()], described(tensor)].concat());
    }
    let dtypes = dtypes.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    let facts = vec![("tensors", rows.len().into()), ("dtypes", Json::Object(dtypes))];
    Ok(contents(facts, (detail > Detail::Overview).then(|| Table { name: "tensors", columns: tensor_columns(&["name"]), rows })))
}

pub(super) fn optimizer(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let state = OptimizerState::read(path, content)?;
    let mut rows = Vec::new();
    for (number, entries) in &state.parameters {
        for (name, entry) in entries {
            let description = match entry {
                Entry::Tensor(tensor) => described(tensor),
                Entry::Value(value) => vec![plain(value), Json::Null, Json::Null],
            };
            rows.push([vec![(*number).into(), name.as_str().into()], description].concat());
        }
    }
    let groups = state.groups.iter().map(|group| {
        let setting = |(name, entry): &(String, Entry<'_>)| match entry {
            Entry::Tensor(_) => (name.clone(), "a tensor".into()),
            Entry::Value(value) => (name.clone(), plain(value)),
        };
        let count = ("params".to_owned(), group.parameters.len().into());
        Json::Object(group.settings.iter().map(setting).chain([count]).collect())
    });
    let facts = vec![("parameters", state.parameters.len().into()), ("groups", Json::Array(groups.collect()))];
    Ok(contents(facts, (detail > Detail::Overview).then(|| Table { name: "state", columns: tensor_columns(&["parameter", "name"]), rows })))
}

pub(super) fn training_arguments(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let arguments = TrainingArguments::parse(path, &content.range(0..content.length())?)?;
    let mut facts = vec![("release", arguments.release.into())];
    let shown = |name: &&str| detail > Detail::Overview || ARGUMENTS_OVERVIEW.contains(name);
    for (name, value) in arguments.settings.iter().filter(|(name, _)| shown(name)) {
        let value = setting(value);
        facts.push((*name, if SECRETS.contains(name) && value != Json::Null { "(not shown)".into() } else { value }));
    }
    Ok(contents(facts, None))
}

pub(super) fn scheduler(path: &str, content: &dyn Content, _: Detail) -> Result<Contents> {
    let number = |number: &Number| match number {
        Number::Integer(number) => Json::Integer((*number).into()),
        Number::Float(number) => Json::Float(*number),
    };
    let numbers = |numbers: &[Number]| Json::Array(numbers.iter().map(number).collect());
    let facts = match SchedulerState::parse(path, &content.range(0..content.length())?)?.schedule {
        Schedule::Lambda(schedule) => vec![
            ("last_epoch", Json::Integer(schedule.last_epoch.into())),
            ("base_lrs", numbers(&schedule.base_lrs)),
            ("last_lr", numbers(&schedule.last_lr)),
        ],
        Schedule::Plateau(schedule) => vec![
            ("last_epoch", Json::Integer(schedule.last_epoch.into())),
            ("best", number(&schedule.best)),
            ("num_bad_epochs", Json::Integer(schedule.num_bad_epochs.into())),
            ("factor", number(&schedule.factor)),
            ("min_lrs", numbers(&schedule.min_lrs)),
            ("last_lr", numbers(&schedule.last_lr)),
        ],
        Schedule::Greedy(schedule) => vec![
            ("last_epoch", Json::Integer(schedule.last_epoch.into())),
            ("best", schedule.best.into()),
            ("num_bad_epochs", Json::Integer(schedule.num_bad_epochs.into())),
            ("num_good_epochs", Json::Integer(schedule.num_good_epochs.into())),
            ("factor", number(&schedule.factor)),
            ("min_lrs", numbers(&schedule.min_lrs)),
            ("max_lrs", numbers(&schedule.max_lrs)),
            ("last_lr", numbers(&schedule.last_lr)),
        ],
        Schedule::Other(attributes) => {
            let facts = attributes.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
            return Ok(Contents { facts, tables: Vec::new() });
        }
    };
    Ok(contents(facts, None))
}

pub(super) fn scaler(path: &str, content: &dyn Content, _: Detail) -> Result<Contents> {
    let facts = match ScalerState::parse(path, &content.range(0..content.length())?)?.scaling {
        Some(scaling) => vec![
            ("scale", scaling.scale.into()),
            ("growth_factor", scaling.growth_factor.into()),
            ("backoff_factor", scaling.backoff_factor.into()),
            ("growth_interval", Json::Integer(scaling.growth_interval.into())),
            ("growth_tracker", Json::Integer(scaling.growth_tracker.into())),
        ],
        None => vec![("enabled", false.into())],
    };
    Ok(contents(facts, None))
}

pub(super) fn generators(path: &str, content: &dyn Content, _: Detail) -> Result<Contents> {
    let state = RngState::parse(path, &content.range(0..content.length())?)?;
    let mut facts = vec![
        ("python position", state.python.twister.position.into()),
        ("numpy position", state.numpy.twister.position.into()),
        ("cpu seed", state.cpu.seed.into()),
        ("cpu words left", state.cpu.left.into()),
    ];
    let devices = state.devices.iter().map(|(kind, generators)| {
        let count = match generators {
            DeviceGenerators::Current(_) => 1_usize,
            DeviceGenerators::All(generators) => generators.len(),
        };
        (kind.clone(), count.into())
    });
    facts.push(("devices", Json::Object(devices.collect())));
    Ok(contents(facts, None))
}

fn contents(facts: Facts, table: Option<Table>) -> Contents {
    Contents { facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(), tables: table.into_iter().collect() }
}

fn tensor_columns(first: &[&'static str]) -> Vec<&'static str> {
    first.iter().copied().chain(["dtype", "shape", "device"]).collect()
}

fn described(tensor: &Tensor<'_>) -> Vec<Json> {
    let shape = tensor.shape.iter().map(|&size| Json::from(size)).collect();
    vec![tensor.dtype.name().into(), Json::Array(shape), tensor.storage.location.as_str().into()]
}

fn setting(value: &Setting) -> Json {
    match value {
        Setting::Plain(value) => plain(value),
        Setting::Choice(word) => word.as_str().into(),
        Setting::Choices(words) => Json::Array(words.iter().map(|word| word.as_str().into()).collect()),
        Setting::Object(settings) => Json::Object(settings.iter().map(|(name, value)| ((*name).to_owned(), setting(value))).collect()),
        Setting::Device(device) => match device.index {
            Some(index) => format!("{}:{index}", device.kind).into(),
            None => device.kind.as_str().into(),
        },
    }
}

/// A value of a pickle; what JSON does not have is named by its kind. The reader has limited how deep it is.
fn plain(value: &Value) -> Json {
    let list = |items: &[Value]| Json::Array(items.iter().map(plain).collect());
    match value {
        Value::None => Json::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Integer(number) => Json::Integer(*number),
        Value::Float(number) => Json::Float(*number),
        Value::Text(text) => (&*text.value).into(),
        Value::Tuple(items) | Value::List(items) => list(items),
        Value::Dict(entries) => {
            let key = |key: &Value| key.as_str().map_or_else(|| key.kind(), str::to_owned);
            Json::Object(entries.iter().map(|(name, value)| (key(name), plain(value))).collect())
        }
        other => other.kind().into(),
    }
}

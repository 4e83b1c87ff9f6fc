//! What a run of `Trainer` does step by step, as it follows from its arguments.

use rtrain::architecture::{BertConfig, ParameterTable};
use rtrain::format::config::Config;
use rtrain::format::json::Json;
use rtrain::format::torch::pickle::Value;
use rtrain::format::torch::training_args::{Surroundings, TrainingArguments};
use rtrain::random::{Mt19937, epoch_order};
use std::path::{Path, PathBuf};

/// A golden run.
pub struct Run {
    /// The release of transformers.
    pub release: String,
    /// Its name in the table of directories.
    pub name: String,
    /// The tokens of each row that it was trained with.
    lengths: Vec<u64>,
    /// The arguments of the run; of a run that was resumed, those of each part.
    pub arguments: Vec<TrainingArguments>,
}

pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directories")
}

/// The runs in `runs.json`.
pub fn runs() -> Vec<Run> {
    let json = Json::parse("runs.json", &std::fs::read(golden().join("runs.json")).unwrap()).unwrap();
    json.as_array().unwrap().iter().map(Run::of).collect()
}

impl Run {
    fn of(row: &Json) -> Run {
        let items = |key: &str| row.get(key).unwrap().as_array().unwrap();
        let text = |key: &str| row.get(key).unwrap().as_str().unwrap().to_owned();
        let release = text("release");
        let surroundings = Surroundings { gpus: 0, logging_folder: String::new(), reports: Vec::new() };
        let resolve = |given: &Json| {
            let given = given.entries().unwrap().iter().map(|(name, json)| (name.as_str(), value(json)));
            TrainingArguments::new(&release, given, &surroundings).unwrap().of_trainer()
        };
        Run {
            name: text("name"),
            lengths: items("lengths").iter().map(|length| length.as_u64().unwrap()).collect(),
            arguments: items("arguments").iter().map(resolve).collect(),
            release: release.clone(),
        }
    }

    pub fn directory(&self) -> PathBuf {
        golden().join(&self.release).join(&self.name)
    }

    /// The numbers of its checkpoints, each with its folder.
    pub fn checkpoints(&self) -> Vec<(u32, PathBuf)> {
        let folders = std::fs::read_dir(self.directory()).unwrap().map(|entry| entry.unwrap().path());
        let step = |folder: PathBuf| Some((folder.file_name()?.to_str()?.strip_prefix("checkpoint-")?.parse().ok()?, folder));
        folders.filter_map(step).collect()
    }

    /// The arguments of the part of the run that made a step.
    pub fn arguments_of(&self, step: u32) -> &TrainingArguments {
        self.arguments.iter().find(|arguments| self.max_steps(arguments) >= step).unwrap()
    }

    pub fn max_steps(&self, arguments: &TrainingArguments) -> u32 {
        match number(arguments, "max_steps") {
            steps if steps > 0.0 => steps as u32,
            _ => (number(arguments, "num_train_epochs") * f64::from(self.steps_an_epoch(arguments))).ceil() as u32,
        }
    }

    pub fn steps_an_epoch(&self, arguments: &TrainingArguments) -> u32 {
        (self.lengths.len() as u32).div_ceil(number(arguments, "per_device_train_batch_size") as u32)
    }

    /// The learning rate once so many steps are done, and what the schedule multiplies it with.
    pub fn learning_rate_after(&self, steps: u32) -> (f64, f64) {
        let arguments = self.arguments_of(steps.max(1));
        let warmup = number(arguments, "warmup_steps");
        let (step, total) = (f64::from(steps), f64::from(self.max_steps(arguments)));
        let factor = match text(arguments, "lr_scheduler_type") {
            _ if step < warmup => step / warmup,
            "constant" | "constant_with_warmup" => 1.0,
            "linear" => (total - step) / (total - warmup).max(1.0),
            "cosine" => 0.5 * (1.0 + (std::f64::consts::PI * ((step - warmup) / (total - warmup).max(1.0))).cos()),
            kind => panic!("{kind}"),
        };
        (number(arguments, "learning_rate"), factor)
    }

    /// Epochs once so many steps are done.
    pub fn epochs_after(&self, steps: u32) -> f64 {
        let an_epoch = self.steps_an_epoch(self.arguments_of(steps));
        let done = (steps - 1) / an_epoch;
        f64::from(done) + f64::from(steps - done * an_epoch) / f64::from(an_epoch)
    }

    /// Whether an evaluation follows a step.
    pub fn evaluates_after(&self, step: u32) -> bool {
        let arguments = self.arguments_of(step);
        // Releases before 5 leave the last step without one, unless it is its turn.
        let ends = step == self.max_steps(arguments) && !self.release.starts_with("4.");
        match text(arguments, "eval_strategy") {
            "steps" => ends || step.is_multiple_of(number(arguments, "eval_steps") as u32),
            "epoch" => step.is_multiple_of(self.steps_an_epoch(arguments)),
            _ => false,
        }
    }

    /// Rows of the batch of a step, and tokens of each, padded to the longest.
    fn batch(&self, step: u32) -> (u64, u64) {
        let arguments = self.arguments_of(step);
        let an_epoch = self.steps_an_epoch(arguments);
        let order = epoch_order(self.lengths.len(), number(arguments, "seed") as u64, u64::from((step - 1) / an_epoch));
        let rows = number(arguments, "per_device_train_batch_size") as usize;
        let batch = order.chunks(rows).nth(((step - 1) % an_epoch) as usize).unwrap();
        (batch.len() as u64, batch.iter().map(|&row| self.lengths[row as usize]).max().unwrap())
    }

    /// Tokens of the batches so far, padding among them.
    pub fn tokens_until(&self, steps: u32) -> u64 {
        (1..=steps).map(|step| self.batch(step)).map(|(rows, tokens)| rows * tokens).sum()
    }

    /// The model, if it is a classifier of BERT.
    pub fn model(&self, checkpoint: &Path) -> (BertConfig, ParameterTable) {
        let config = Config::parse("config.json", &std::fs::read(checkpoint.join("config.json")).unwrap()).unwrap();
        let bert = BertConfig::from_config(&config).unwrap();
        let table = bert.sequence_classification();
        (bert, table)
    }

    /// torch's generator once so many steps are done: it gives dropout its masks, and a seed to each pass over the rows.
    pub fn generator_after(&self, steps: u32, model: &BertConfig) -> Mt19937 {
        let arguments = self.arguments_of(steps);
        let (heads, width, layers) = (model.num_attention_heads as u64, model.hidden_size as u64, model.num_hidden_layers as u64);
        let mut words = 0;
        for step in 1..=steps {
            let (rows, tokens) = self.batch(step);
            let (hidden, attention) = (rows * tokens * width, rows * heads * tokens * tokens);
            let masks = hidden + layers * (attention + 2 * hidden) + rows * width;
            let passes = u64::from((step - 1).is_multiple_of(self.steps_an_epoch(arguments))) + u64::from(self.evaluates_after(step));
            words += 2 * (masks + passes);
        }
        let mut generator = Mt19937::new(number(arguments, "seed") as u64);
        generator.skip(words as usize);
        generator
    }
}

pub fn number(arguments: &TrainingArguments, name: &str) -> f64 {
    match arguments.get(name).and_then(|setting| setting.as_plain()) {
        Some(Value::Integer(number)) => *number as f64,
        Some(Value::Float(number)) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

pub fn text<'a>(arguments: &'a TrainingArguments, name: &str) -> &'a str {
    arguments.get(name).and_then(|setting| setting.as_str()).unwrap_or_else(|| panic!("{name} is no text"))
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(flag) => (*flag).into(),
        Json::Integer(number) => Value::Integer(*number),
        Json::Float(number) => (*number).into(),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::list(items.iter().map(value)),
        Json::Object(entries) => Value::dict(entries.iter().map(|(key, item)| (key.as_str(), value(item)))),
    }
}

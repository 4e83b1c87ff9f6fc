//! What is saved of a run beside its model: its arguments, and in a checkpoint the state of optimizer, schedule and generators.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_save_checkpoint`, `_save_optimizer_and_scheduler`, `get_decay_parameter_names`).

use super::arguments::{SamplingStrategy, TrainingArguments};
use super::engine::Engine;
use super::preparation::{LoadedModel, model_directory};
use super::schedule::Schedule;
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::optimizer_state::{GroupSettings, OptimizerState};
use crate::format::torch::pickle::Value;
use crate::format::torch::rng_state::RngState;
use crate::format::torch::training_args::{self, Surroundings};
use crate::storage::Piece;
use crate::storage::commit::Files;
use std::borrow::Cow;

/// A checkpoint that is to be saved.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    /// The model with its optimizer, [fetched](Engine::fetch).
    pub engine: &'a mut Engine,
    /// What `trainer_state.json` is written from.
    pub state: &'a TrainerState,
    /// The arguments of the run.
    pub arguments: &'a TrainingArguments,
    /// The learning rate.
    pub schedule: &'a Schedule,
    /// The random number generators.
    pub generators: &'a RngState,
    /// What is to be kept beside the checkpoint, for the run to go on as if it had not ended.
    pub progress: Json,
    /// Whether a run that was left alone would not have saved it: it may go once there is a newer one.
    pub is_extra: bool,
}

impl Checkpoint<'_> {
    /// Hands out the files of the checkpoint; `training_args` are those of [`training_args()`].
    pub fn with_files<R>(self, model: &LoadedModel, training_args: &[u8], write: impl FnOnce(Files<'_>) -> R) -> R {
        let schedule = self.schedule.state().to_bytes();
        let generators = self.generators.to_bytes();
        let settings = self.optimizer_settings();
        let (state, only_model) = (self.state.to_bytes(), self.arguments.save_only_model);
        self.engine.with_state(|weights, optimizer| {
            let optimizer = OptimizerState::new(optimizer.algorithm(), &settings, optimizer.trained_parameters(&model.table));
            let pieces = optimizer.pieces().into_iter().filter_map(Piece::written).collect();
            let small = |name: &str, bytes| (name.to_owned(), vec![Cow::Borrowed(bytes)]);
            let mut more = vec![
                small(TRAINING_ARGS, training_args),
                ("optimizer.pt".to_owned(), pieces),
                small("scheduler.pt", &schedule),
                small("rng_state.pth", &generators),
                small("trainer_state.json", &state),
            ];
            if only_model {
                more.retain(|(name, _)| [TRAINING_ARGS, "trainer_state.json"].contains(&name.as_str()));
            }
            let saved = model_directory(&model.config, &model.tokenizer, &model.table, &model.saved_names, weights);
            saved.with_files(|files| write(files.into_iter().chain(more).collect()))
        })
    }

    fn optimizer_settings(&self) -> GroupSettings {
        GroupSettings {
            weight_decay: self.arguments.weight_decay,
            lr: self.schedule.learning_rate(),
            initial_lr: self.schedule.initial_learning_rate(),
        }
    }
}

/// Name of the file with the arguments.
pub const TRAINING_ARGS: &str = "training_args.bin";

/// `training_args.bin`, from what was given and what follows from it.
///
/// # Errors
/// The release does not have an argument or a value.
pub fn training_args(arguments: &TrainingArguments, surroundings: &Surroundings) -> Result<Vec<u8>> {
    let trainer = &arguments.release.trainer;
    let mut given: Vec<(&str, Value)> = Vec::new();
    for (name, value) in &arguments.given {
        match *name {
            "train_sampling_strategy" if !trainer.has_sampling_strategies => {
                let is_grouped = arguments.train_sampling_strategy == SamplingStrategy::GroupByLength;
                given.push(("group_by_length", is_grouped.into()));
            }
            name if !training_args::has_argument(arguments.release.version, name) => {}
            "do_train" | "do_eval" | "do_predict" => {}
            // A run that goes on is the run that it was.
            "resume_from_checkpoint" => {}
            "warmup_steps" if trainer.has_warmup_ratio && arguments.warmup_steps.fract() != 0.0 => {
                given.push(("warmup_ratio", value.clone()))
            }
            "warmup_steps" if trainer.has_warmup_ratio => given.push(("warmup_steps", (arguments.warmup_steps as i64).into())),
            name => given.push((name, value.clone())),
        }
    }
    if arguments.bf16 {
        // Without it transformers takes bfloat16 on a GPU only.
        given.push(("use_cpu", true.into()));
    }
    let flags = [("do_train", arguments.do_train), ("do_eval", arguments.do_eval), ("do_predict", arguments.do_predict)];
    given.extend(flags.map(|(name, flag)| (name, flag.into())));
    Ok(training_args::TrainingArguments::new(arguments.release.version, given, surroundings)?.of_trainer().to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::arguments::{RawValue, Values};

    fn written(release: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let given = [("model_name_or_path", "m"), ("train_file", "t.csv"), ("output_dir", "o"), ("release", release)];
        let given = given.iter().chain(more);
        let values: Values = given.map(|(name, value)| ((*name).to_owned(), RawValue::command_line(*value))).collect();
        let surroundings = Surroundings { gpus: 0, logging_folder: "runs/x".to_owned(), reports: Vec::new() };
        training_args(&TrainingArguments::resolve(&values).unwrap(), &surroundings).unwrap()
    }

    /// Release 4 has the strategy as a flag, and both releases know full_determinism and neftune_noise_alpha.
    #[test]
    fn sampling_and_noise_are_recorded() {
        let more = [("train_sampling_strategy", "group_by_length"), ("full_determinism", "true"), ("neftune_noise_alpha", "5")];
        let common = [("full_determinism", true.into()), ("neftune_noise_alpha", 5.0.into())];
        for (release, strategy) in
            [("4.57.6", ("group_by_length", true.into())), ("5.23.0", ("train_sampling_strategy", "group_by_length".into()))]
        {
            let bytes = written(release, &more);
            let read = training_args::TrainingArguments::parse("training_args.bin", &bytes).unwrap();
            for (name, value) in common.iter().chain([&strategy]) {
                assert_eq!(read.get(name).unwrap().as_plain(), Some(value), "{release} {name}");
            }
        }
        assert_eq!(written("4.57.6", &[("group_by_length", "true")]), written("4.57.6", &more[..1]));
    }

    /// Release 4 has whole steps in one argument and a share of them in another.
    #[test]
    fn a_warmup_is_steps_or_a_share() {
        assert_eq!(written("4.57.6", &[("warmup_steps", "0")]), written("4.57.6", &[]));
        let warmup = |value: &str| {
            let bytes = written("4.57.6", &[("warmup_steps", value)]);
            let read = training_args::TrainingArguments::parse("training_args.bin", &bytes).unwrap();
            ["warmup_steps", "warmup_ratio"].map(|name| read.get(name).unwrap().as_plain().unwrap().clone())
        };
        assert_eq!(warmup("3"), [3_u64.into(), 0.0.into()]);
        assert_eq!(warmup("0.25"), [0_u64.into(), 0.25.into()]);
    }
}

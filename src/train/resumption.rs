//! A checkpoint to go on from: of rtrain, or of transformers' `Trainer`.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_load_optimizer_and_scheduler`, `_load_rng_state`).

use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::config::Config;
use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::rng_state::RngState;
use crate::format::torch::scheduler_state::SchedulerState;
use crate::storage::Source;

/// Everything that a checkpoint holds of its run, but for the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumption {
    /// The directory.
    pub path: String,
    /// `trainer_state.json`
    pub state: TrainerState,
    /// `optimizer.pt`, which is as large as the weights and parsed where it is needed; without it the optimizer starts anew.
    pub optimizer: Option<Vec<u8>>,
    /// `scheduler.pt`; without it the schedule is where its step says.
    pub schedule: Option<SchedulerState>,
    /// `rng_state.pth`; without it the generators start anew.
    pub generators: Option<RngState>,
    /// What rtrain keeps beside its checkpoints: what [`super::tally::Tally::to_json`] made.
    pub progress: Option<Json>,
}

impl Resumption {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// It has no `trainer_state.json`, or a file is malformed.
    pub fn read(source: &dyn Source, progress: Option<Json>) -> Result<Resumption> {
        let path = source.path("");
        let state = parsed(source, "trainer_state.json", TrainerState::parse)?.ok_or_else(|| {
            let diagnostic = Diagnostic::new("checkpoint-missing", Site::file(path.clone()), "this is no checkpoint of a run");
            Error::misuse(diagnostic.expected("a directory with trainer_state.json").hint("name one that train has saved: checkpoint-…"))
        })?;
        Ok(Resumption {
            path,
            state,
            optimizer: source.read("optimizer.pt")?,
            schedule: parsed(source, "scheduler.pt", SchedulerState::parse)?,
            generators: parsed(source, "rng_state.pth", RngState::parse)?,
            progress,
        })
    }
}

/// Settings of a config that the shapes of the weights follow from, or how they are used.
const SIZES: [&str; 8] = [
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
];

/// Checks that the model of a checkpoint is the one of the run, whose `config` this is.
///
/// # Errors
/// `checkpoint-other-model`: it has other sizes or other labels.
pub fn check_same_model(checkpoint: &dyn Source, config: &Config) -> Result<()> {
    let Some(saved) = parsed(checkpoint, "config.json", Config::parse)? else { return Ok(()) };
    let value = |config: &Config, key: &str| config.get(key).map(|value| format!("{key} {}", dumps(value, Layout::Compact)));
    let sizes = SIZES.into_iter().filter_map(|key| Some((value(config, key)?, value(&saved, key)?)));
    let mut differences: Vec<(String, String)> = sizes.filter(|(own, saved)| own != saved).collect();
    let (own, labels) = (config.labels(), saved.labels());
    // Without names in the config, transformers numbers the labels.
    let are_numbered = (0..).zip(&labels).all(|(id, label)| *label == format!("LABEL_{id}"));
    if own.len() != labels.len() || (own != labels && !are_numbered) {
        let listed = |labels: &[String]| format!("labels {}", labels.join(", "));
        differences.push((listed(&own), listed(&labels)));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let (expected, found): (Vec<_>, Vec<_>) = differences.into_iter().unzip();
    let diagnostic =
        Diagnostic::new("checkpoint-other-model", Site::file(saved.file()), "the checkpoint is of another model than the run's");
    let hint = "give the model, the config_overrides and the tables that the checkpoint was made with; or leave out resume_from_checkpoint \
                to start anew";
    Err(Error::misuse(diagnostic.expected(expected.join("; ")).found(found.join("; ")).hint(hint)))
}

fn parsed<T>(source: &dyn Source, name: &str, parse: fn(&str, &[u8]) -> Result<T>) -> Result<Option<T>> {
    source.read(name)?.map(|bytes| parse(&source.path(name), &bytes)).transpose()
}

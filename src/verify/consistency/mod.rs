//! The files against each other, one room a subject.

mod adapter;
mod added_tokens;
mod arguments;
mod best;
mod completeness;
mod index;
mod labels;
mod lengths;
mod optimizer;
mod results;
mod scheduler;
mod special_tokens;
mod stems;
mod steps;
mod tensors;
#[cfg(test)]
mod tests;
mod tokenizer;
mod values;
mod vocabulary;
mod weights;

use super::Report;
use super::identity::Identity;
use super::round_trip::TorchFiles;
use crate::architecture::{self, ParameterTable};
use crate::diagnostic::{Place, Result, Site};
use crate::format::config::Config;
use crate::format::config::adapter::AdapterConfig;
use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};
use crate::format::release::{DEFAULT, Release};
use crate::format::run::trainer_state::TrainerState;
use crate::format::tokenizer::config::TokenizerConfig;
use crate::format::tokenizer::json::TokenizerJson;
use crate::format::torch::content::TorchContent;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::format::torch::pickle::Value;
use crate::format::torch::scheduler_state::SchedulerState;
use crate::format::torch::training_args::{Setting, TrainingArguments};
use crate::storage::Source;
use weights::{Weights, WeightsFile};

/// What the checks look at. A file that could not be read is not here, and has its finding already.
struct Directory<'a> {
    source: &'a dyn Source,
    names: Vec<String>,
    release: Option<&'static Release>,
    config: Option<Config>,
    parameters: Option<Result<ParameterTable>>,
    weights: Option<Weights<'a>>,
    adapter: Option<AdapterConfig>,
    tokenizer: Option<TokenizerJson>,
    tokenizer_config: Option<TokenizerConfig>,
    state: Option<TrainerState>,
    torch: TorchFiles,
}

impl<'a> Directory<'a> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// A place in a JSON file or in the values of a pickle.
    fn site(&self, file: &str, pointer: impl Into<String>) -> Site {
        Site::file(self.source.path(file)).at(Place::Pointer(pointer.into()))
    }

    /// The files of the weights; none where one of them could not be read.
    fn files(&self) -> &[WeightsFile<'a>] {
        self.weights.as_ref().map_or(&[], |weights| &weights.files)
    }

    fn table(&self) -> Option<&ParameterTable> {
        self.parameters.as_ref()?.as_ref().ok()
    }

    fn optimizer(&self) -> Option<&OptimizerState<'static>> {
        match self.torch.get("optimizer.pt") {
            Some(TorchContent::Optimizer(state)) => Some(state),
            _ => None,
        }
    }

    fn scheduler(&self) -> Option<&SchedulerState> {
        match self.torch.get("scheduler.pt") {
            Some(TorchContent::Scheduler(state)) => Some(state),
            _ => None,
        }
    }

    fn arguments(&self) -> Option<&TrainingArguments> {
        match self.torch.get("training_args.bin") {
            Some(TorchContent::TrainingArguments(arguments)) => Some(arguments),
            _ => None,
        }
    }

    /// An argument of the run that is a plain value.
    fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments()?.get(name)?.as_plain()
    }

    /// How many processes trained.
    fn processes(&self) -> Option<u64> {
        let Setting::Object(state) = self.arguments()?.get("distributed_state")? else { return None };
        state.iter().find(|(name, _)| *name == "num_processes")?.1.as_plain()?.as_integer()
    }

    /// The step in the directory's own name, where it is called as `Trainer` calls a checkpoint.
    fn checkpoint_step(&self) -> Option<u64> {
        let path = self.source.path("");
        step_of(&path)
    }

    /// Whether this is a checkpoint rather than a model or the directory of a run.
    fn is_checkpoint(&self) -> bool {
        self.checkpoint_step().is_some() || (self.state.is_some() && self.has("optimizer.pt"))
    }
}

/// The step of a checkpoint's path.
fn step_of(path: &str) -> Option<u64> {
    let digits = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next()?.strip_prefix("checkpoint-")?;
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A check adds what does not fit together to the findings, and what it counted to the report.
type Check = fn(&Directory<'_>, &mut Report) -> Result<()>;

const CHECKS: [Check; 18] = [
    completeness::check,
    labels::check,
    tokenizer::check,
    special_tokens::check,
    added_tokens::check,
    vocabulary::check,
    lengths::check,
    index::check,
    values::check,
    tensors::check,
    adapter::check,
    steps::check,
    best::check,
    arguments::check,
    optimizer::check,
    scheduler::check,
    stems::check,
    results::check,
];

/// Runs every check.
///
/// # Errors
/// A file cannot be read from the disk.
pub(super) fn check(source: &dyn Source, names: Vec<String>, identity: Identity, torch: TorchFiles, report: &mut Report) -> Result<()> {
    let Identity { release, config } = identity;
    let parameters = config.as_ref().and_then(|config| architecture::inventory_of(config, release.unwrap_or(DEFAULT)));
    let mut directory = Directory {
        adapter: parsed(source, "adapter_config.json", AdapterConfig::parse)?,
        tokenizer: parsed(source, "tokenizer.json", TokenizerJson::parse)?,
        tokenizer_config: parsed(source, "tokenizer_config.json", TokenizerConfig::parse)?,
        state: parsed(source, "trainer_state.json", TrainerState::parse)?,
        weights: None,
        source,
        names,
        release,
        config,
        parameters,
        torch,
    };
    if completeness::has_model(&directory) {
        directory.weights = tensors::open(&directory, &mut report.findings)?;
    }
    CHECKS.iter().try_for_each(|check| check(&directory, report))
}

/// The values of a file of text; none where it is not there, or cannot be read and has its finding already.
///
/// # Errors
/// The file cannot be read from the disk.
fn parsed<T>(source: &dyn Source, name: &str, parse: fn(&str, &[u8]) -> Result<T>) -> Result<Option<T>> {
    Ok(source.read(name)?.and_then(|bytes| parse(&source.path(name), &bytes).ok()))
}

fn show(value: Option<&Json>) -> String {
    value.map_or("nothing".to_owned(), |value| dumps(value, Layout::Compact))
}

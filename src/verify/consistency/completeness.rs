//! The files that there are against those that the release writes.

use super::Directory;
use crate::architecture;
use crate::diagnostic::{Diagnostic, Result, Site};
use crate::format::json::Json;
use crate::format::release::files::{FileRow, Part, TOKENIZER_SIDE_FILES, When};
use crate::format::release::{DEFAULT, RELEASES, Release};
use crate::format::tokenizer::id_limit;
use crate::format::torch::pickle::Value;
use crate::verify::Report;

/// Whether a file belongs into the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Must,
    May,
    Never,
}

use Presence::{May, Must, Never};

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(release) = directory.release else { return Ok(()) };
    for row in release.files.iter().copied().flatten() {
        match presence(directory, row) {
            Must => report.findings.extend(missing(directory, row).map(|name| file_missing(directory, release, &name))),
            Never => report.findings.extend(present(directory, row).map(|name| file_unexpected(directory, release, name))),
            May => {}
        }
    }
    // A tokenizer in Python has its vocabulary in files of its own, in either release.
    let is_side_file = |name: &str| !directory.has("tokenizer.json") && TOKENIZER_SIDE_FILES.iter().any(|row| row.matches(name));
    let is_known = |name: &str| RELEASES.iter().any(|release| release.file(name).is_some());
    let of_another = |name: &&String| release.file(name).is_none() && is_known(name) && !is_side_file(name);
    report.findings.extend(directory.names.iter().filter(of_another).map(|name| file_unexpected(directory, release, name)));
    Ok(())
}

/// Whether the directory has files of a model, and not only those of a run.
pub(super) fn has_model(directory: &Directory<'_>) -> bool {
    let of_model = |row: &FileRow| row.part == Part::Model && row.when != When::Asked;
    let release = directory.release.unwrap_or(DEFAULT);
    directory.names.iter().any(|name| release.file(name).is_some_and(of_model))
}

fn present<'d>(directory: &'d Directory<'_>, row: &'d FileRow) -> impl Iterator<Item = &'d String> {
    directory.names.iter().filter(|name| row.matches(name))
}

/// The first file of a row that is missing.
fn missing(directory: &Directory<'_>, row: &FileRow) -> Option<String> {
    match row.when {
        When::SeveralProcesses => {
            let mut ranks = 0..directory.processes().unwrap_or(0);
            ranks.find_map(|rank| Some(row.name.replace("{n}", &rank.to_string())).filter(|name| !directory.has(name)))
        }
        _ => Some(row.name.to_owned()).filter(|name| !directory.has(name)),
    }
}

fn presence(directory: &Directory<'_>, row: &FileRow) -> Presence {
    let is_checkpoint = directory.is_checkpoint();
    match row.part {
        Part::Checkpoint if !is_checkpoint => return Never,
        Part::Run if is_checkpoint => return Never,
        Part::State if !is_checkpoint => return May,
        Part::Model if !has_model(directory) => return May,
        _ => {}
    }
    match row.when {
        When::WholeModel => must_if(!has_adapter(directory)),
        When::Adapter => must_if(has_adapter(directory)),
        When::CanGenerate => generation(directory),
        // Which weights there are is for the weights to say, and for the index.
        When::OneFile | When::Sharded => May,
        When::OnePickle | When::ShardedPickle if directory.has("model.safetensors") || directory.has("model.safetensors.index.json") => {
            Never
        }
        When::OnePickle | When::ShardedPickle => May,
        When::WordPiece => vocabulary(directory, "WordPiece", &["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"]),
        When::BytePairs => vocabulary(directory, "BPE", &["GPT2Tokenizer", "RobertaTokenizer"]),
        When::AddedTokens => added_tokens(directory),
        When::Tokenizer if row.name == "tokenizer.json" => May,
        When::Tokenizer => must_if(directory.has("tokenizer.json")),
        When::ChatTemplate | When::ChatTemplates | When::Asked | When::Scaled => May,
        When::Trained => must_if(is_checkpoint || directory.has("trainer_state.json")),
        When::WithOptimizer => training_state(directory),
        When::OneProcess => of_processes(directory, |processes| processes <= 1),
        When::SeveralProcesses => of_processes(directory, |processes| processes > 1),
    }
}

fn must_if(condition: bool) -> Presence {
    if condition { Must } else { May }
}

fn has_adapter(directory: &Directory<'_>) -> bool {
    (directory.has("adapter_config.json") || directory.has("adapter_model.safetensors")) && !directory.has("config.json")
}

/// `generation_config.json` goes with classes that generate; of a class without a table that is not known.
fn generation(directory: &Directory<'_>) -> Presence {
    match directory.config.as_ref().and_then(architecture::class_of) {
        Some((_, class)) if class.generates => Must,
        Some(_) => Never,
        None => May,
    }
}

/// The vocabulary in files of its own goes with a kind of model and with the tokenizer classes that have it.
fn vocabulary(directory: &Directory<'_>, kind: &str, classes: &[&str]) -> Presence {
    let Some(tokenizer) = &directory.tokenizer else { return May };
    let found = tokenizer.model.settings.iter().find(|(key, _)| key == "type").and_then(|(_, value)| value.as_str());
    if found.is_some_and(|found| found != kind) {
        return Never;
    }
    let class = directory.tokenizer_config.as_ref().and_then(|config| config.get("tokenizer_class")).and_then(Json::as_str);
    must_if(class.is_some_and(|class| classes.contains(&class.trim_end_matches("Fast"))))
}

fn added_tokens(directory: &Directory<'_>) -> Presence {
    let Some(tokenizer) = &directory.tokenizer else { return May };
    let Some(vocab) = &tokenizer.model.vocab else { return May };
    if usize::try_from(id_limit(tokenizer)).is_ok_and(|limit| limit > vocab.len()) { Must } else { Never }
}

/// The files that a run goes on from: not with `save_only_model`, and in other places where training is spread over machines.
fn training_state(directory: &Directory<'_>) -> Presence {
    let is_spread = ["deepspeed", "fsdp"].iter().any(|name| directory.argument(name).is_some_and(is_set));
    match directory.argument("save_only_model").and_then(Value::as_bool) {
        Some(true) => Never,
        Some(false) if !is_spread => Must,
        Some(false) => May,
        None => must_if(["optimizer.pt", "scheduler.pt", "rng_state.pth"].iter().any(|name| directory.has(name))),
    }
}

fn is_set(value: &Value) -> bool {
    let is_empty = value.as_list().is_some_and(<[_]>::is_empty) || value.as_str() == Some("") || value.as_bool() == Some(false);
    !is_empty && *value != Value::None
}

fn of_processes(directory: &Directory<'_>, fits: fn(u64) -> bool) -> Presence {
    match (training_state(directory), directory.processes()) {
        (Never, _) => Never,
        (_, None) => May,
        (_, Some(processes)) if !fits(processes) => Never,
        (presence, Some(_)) => presence,
    }
}

fn file_missing(directory: &Directory<'_>, release: &Release, name: &str) -> Diagnostic {
    let message = format!("transformers {} writes this file, and it is not there", release.version);
    let hint = "fetch it from where the directory comes from, or save the directory again";
    Diagnostic::new("file-missing", Site::file(directory.source.path(name)), message).hint(hint)
}

fn file_unexpected(directory: &Directory<'_>, release: &Release, name: &str) -> Diagnostic {
    let what = match (directory.is_checkpoint(), directory.config.is_some()) {
        (true, _) => "this checkpoint",
        (false, true) => "the directory of this model",
        (false, false) => "this directory",
    };
    let message = format!("transformers {} writes no such file into {what}", release.version);
    Diagnostic::new("file-unexpected", Site::file(directory.source.path(name)), message).hint("remove what another save has left")
}

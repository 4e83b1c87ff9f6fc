//! The files beside config and weights.

use crate::convert::Conversion;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::config::Config;
use crate::format::config::generation::GenerationConfig;
use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};
use crate::format::release::files::Holds;
use crate::format::release::{RELEASES, Release};
use crate::format::tokenizer::Tokenizer;
use crate::format::tokenizer::config::TokenizerConfig;
use crate::format::torch::kind::TorchKind;
use crate::storage::Source;

/// Files that are the weights of another format, would contradict the new ones, and are left out.
const OTHER_WEIGHTS: [&str; 6] = [".bin", ".bin.index.json", ".safetensors", ".safetensors.index.json", ".h5", ".msgpack"];

/// The state of a training run, which does not fit other weights.
const TRAINING_STATE: [&str; 4] = ["optimizer.pt", "scheduler.pt", "scaler.pt", "trainer_state.json"];

/// Names and bytes of the files that go into the new directory beside `config.json` and the weights: as they are, or as a release saves them.
///
/// # Errors
/// A file cannot be read, or the release is asked for and a file is malformed, or the model or its tokenizer is of a kind whose files of
/// that release are not known here.
pub(super) fn side_files(source: &dyn Source, config: &Config, conversion: Conversion) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut has_tokenizer = false;
    for name in source.names()? {
        if name == "config.json" || is_left_out(&name) {
            continue;
        }
        let holds = RELEASES.into_iter().find_map(|release| release.file(&name)).map(|row| row.holds);
        let Some(release) = conversion.release else {
            files.extend(source.read(&name)?.map(|bytes| (name, bytes)));
            continue;
        };
        match holds {
            Some(Holds::GenerationConfig) => {
                let config = source.read(&name)?.map(|bytes| GenerationConfig::parse(&source.path(&name), &bytes)).transpose()?;
                files.extend(config.map(|config| (name, config.loaded_by(release).to_bytes())));
            }
            Some(holds) if is_tokenizer(holds) => has_tokenizer = true,
            Some(Holds::Torch(TorchKind::TrainingArguments)) => {}
            _ => files.extend(source.read(&name)?.map(|bytes| (name, bytes))),
        }
    }
    if let Some(release) = conversion.release {
        check_model_type(config, release)?;
        if has_tokenizer {
            check_tokenizer(source, config)?;
            let tokenizer = Tokenizer::load_for(release, source, conversion.offline)?;
            files.extend(tokenizer.files().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)));
        }
    }
    Ok(files)
}

fn is_left_out(name: &str) -> bool {
    TRAINING_STATE.contains(&name)
        || name.starts_with("rng_state")
        || (name != "training_args.bin" && OTHER_WEIGHTS.iter().any(|end| name.ends_with(end)))
}

/// Whether a tokenizer is saved anew in this file, rather than in a file that both releases write alike.
fn is_tokenizer(holds: Holds) -> bool {
    matches!(
        holds,
        Holds::TokenizerJson
            | Holds::TokenizerConfig
            | Holds::SpecialTokensMap
            | Holds::AddedTokens
            | Holds::VocabTxt
            | Holds::VocabJson
            | Holds::Merges
    )
}

/// A tokenizer that does not say of which class it is has that of the model type; [`Tokenizer::load_for`] looks at the others.
fn check_tokenizer(source: &dyn Source, config: &Config) -> Result<()> {
    let path = source.path("tokenizer_config.json");
    let settings = source.read("tokenizer_config.json")?.map(|bytes| TokenizerConfig::parse(&path, &bytes)).transpose()?;
    let says_class = settings.is_some_and(|settings| settings.get("tokenizer_class").is_some_and(|class| *class != Json::Null));
    if says_class || config.model_type() == Some("bert") {
        return Ok(());
    }
    let diagnostic = Diagnostic::new("unsupported-tokenizer", Site::file(path), "this tokenizer class is not supported");
    let found = config.model_type().map(|model_type| format!("no tokenizer_class, and a model of type {model_type}"));
    Err(Error::unsupported(diagnostic.expected("BertTokenizer").found(found.unwrap_or_default())))
}

fn check_model_type(config: &Config, release: &Release) -> Result<()> {
    if config.model_type().is_some_and(|model_type| release.model(model_type).is_some()) {
        return Ok(());
    }
    let message = format!("rtrain does not know how transformers {} saves the config of this model type", release.version);
    let known: Vec<&str> = release.models.iter().map(|model| model.model_type).collect();
    let found = config.get("model_type").map_or_else(|| "nothing".to_owned(), |found| dumps(found, Layout::Compact));
    let diagnostic = Diagnostic::new("unknown-model-type", config.site("model_type"), message).expected(known.join(", ")).found(found);
    Err(Error::unsupported(diagnostic.hint("leave --release out, or save the model by transformers itself")))
}

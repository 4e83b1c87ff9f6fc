//! From tables and a model directory to what a run needs, as `run_classification.py` prepares it.

use super::arguments::TrainingArguments;
use super::resumption::check_same_model;
use crate::architecture::{BertConfig, LoadPlan, LoadReport, ParameterTable};
use crate::data::{Dataset, Labels, Table, Task, Tokenizer as Encoder};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::config::Config;
use crate::format::directory::{ModelDirectory, NamedTensor};
use crate::format::json::Json;
use crate::format::shards;
use crate::format::tokenizer::Tokenizer;
use crate::storage::Source;
use std::borrow::Cow;

/// Which columns hold the texts, and how several become one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextColumns {
    /// Names; the table's `sentence` or `text` where there are none.
    pub names: Option<Vec<String>>,
    /// What several columns are joined with; two columns without it are a pair of sentences.
    pub delimiter: Option<String>,
}

/// Texts, and second sentences where there are pairs.
type Texts<'a> = (Vec<Cow<'a, str>>, Option<Vec<&'a str>>);

impl TextColumns {
    /// Those that the arguments name.
    pub fn of(arguments: &TrainingArguments) -> TextColumns {
        TextColumns { names: arguments.text_column_names.clone(), delimiter: arguments.text_column_delimiter.clone() }
    }

    /// The texts as they are read, without second sentences.
    ///
    /// # Errors
    /// A column is missing, or holds something else than texts.
    pub fn first(&self, table: &Table) -> Result<Vec<String>> {
        Ok(self.texts(table)?.0.into_iter().map(Cow::into_owned).collect())
    }

    fn texts<'a>(&self, table: &'a Table) -> Result<Texts<'a>> {
        let default;
        let names: &[String] = match &self.names {
            Some(names) => names,
            None => {
                default = [table.default_text_column()?.to_owned()];
                &default
            }
        };
        let columns: Vec<Vec<&str>> = names.iter().map(|name| table.text_column(name)).collect::<Result<_>>()?;
        match (columns.as_slice(), &self.delimiter) {
            ([first], _) => Ok((first.iter().map(|text| Cow::Borrowed(*text)).collect(), None)),
            ([first, second], None) => Ok((first.iter().map(|text| Cow::Borrowed(*text)).collect(), Some(second.clone()))),
            (columns, Some(delimiter)) if !columns.is_empty() => {
                let row = |row: usize| Cow::Owned(columns.iter().map(|column| column[row]).collect::<Vec<_>>().join(delimiter));
                Ok(((0..table.len()).map(row).collect(), None))
            }
            _ => {
                let diagnostic =
                    Diagnostic::new("text-columns", Site::file(table.name()), "text_column_names takes one column, or two for pairs");
                Err(Error::misuse(
                    diagnostic.found(names.join(",")).hint("pass --text_column_delimiter to join more columns into one text"),
                ))
            }
        }
    }
}

/// A model ready to run: its config, tokenizer, table and weights.
#[derive(Debug)]
pub struct LoadedModel {
    /// The config as it will be saved.
    pub config: Config,
    /// What the config says of the network.
    pub bert: BertConfig,
    /// The tokenizer as it will be saved.
    pub tokenizer: Tokenizer,
    /// The inventory.
    pub table: ParameterTable,
    /// The weights in table order.
    pub weights: Vec<Vec<f32>>,
    /// Names in the saved file, in table order.
    pub saved_names: Vec<String>,
    /// What became of the checkpoint's tensors; nothing where the model starts from a config alone.
    pub report: Option<LoadReport>,
}

/// Where a model comes from.
#[derive(Clone, Copy)]
pub struct ModelSources<'a> {
    /// The directory with the weights; nothing to start from random ones.
    pub weights: Option<&'a dyn Source>,
    /// The directory with `config.json`.
    pub config: &'a dyn Source,
    /// The directory with the tokenizer.
    pub tokenizer: &'a dyn Source,
    /// Whether the directory with the weights is a checkpoint that a run goes on from: its model must be the run's.
    pub is_checkpoint: bool,
    /// Whether `HF_HUB_OFFLINE` is set, which transformers records.
    pub offline: bool,
}

impl LoadedModel {
    /// A model to be trained on a task: labels and problem type go into the config, the head is drawn anew where it does not fit.
    ///
    /// # Errors
    /// A file is missing or malformed, or the weights do not fit the config.
    pub fn for_training(sources: &ModelSources<'_>, task: &Task, arguments: &TrainingArguments) -> Result<LoadedModel> {
        let release = arguments.release;
        let mut config = read_config(sources.config)?.loaded_by(release);
        for (key, value) in &arguments.config_overrides {
            config.apply_overrides(&format!("{key}={value}"))?;
        }
        match task.label_set() {
            Some(labels) => config.set_labels(&labels.names().map(str::to_owned).collect::<Vec<_>>()),
            None if config.num_labels() != 1 => config.set_default_labels(1),
            None => {}
        }
        let tokenizer = Tokenizer::load_for(release, sources.tokenizer, sources.offline)?;
        config.set("problem_type", Json::from(task.problem_type()));
        config.set("architectures", Json::Array(vec![Json::from("BertForSequenceClassification")]));
        config.set("dtype", Json::from("float32"));
        if release.trainer.sets_use_cache {
            config.set("use_cache", Json::Bool(false));
        }
        if let Some(pad) = tokenizer.pad_id() {
            config.set("pad_token_id", Json::from(pad));
        }
        if let Some(checkpoint) = sources.weights.filter(|_| sources.is_checkpoint) {
            check_same_model(checkpoint, &config)?;
        }
        let mut model = LoadedModel::load(sources, config, tokenizer, arguments.ignore_mismatched_sizes, arguments.seed)?;
        model.config = model.config.loaded_by(release);
        if !release.restores_legacy_names {
            model.saved_names = model.table.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        }
        Ok(model)
    }

    /// A saved classifier, to be evaluated or to predict.
    ///
    /// # Errors
    /// A file is missing or malformed, or the directory has no trained classifier.
    pub fn for_inference(source: &dyn Source, offline: bool) -> Result<LoadedModel> {
        let sources = ModelSources { weights: Some(source), config: source, tokenizer: source, is_checkpoint: false, offline };
        let tokenizer = Tokenizer::load(source, offline)?;
        let model = LoadedModel::load(&sources, read_config(source)?.loaded(), tokenizer, false, 0)?;
        match model.report.as_ref().and_then(|report| report.missing.first()) {
            None => Ok(model),
            Some(missing) => {
                let site = Site::file(source.path("")).at(Place::Tensor(missing.clone()));
                let diagnostic = Diagnostic::new("no-classifier", site, "the directory has no trained classifier");
                Err(Error::misuse(
                    diagnostic
                        .expected("all tensors of BertForSequenceClassification")
                        .hint("train one first: rtrain train --model_name_or_path DIR …"),
                ))
            }
        }
    }

    fn load(
        sources: &ModelSources<'_>,
        config: Config,
        tokenizer: Tokenizer,
        ignore_mismatched_sizes: bool,
        seed: u64,
    ) -> Result<LoadedModel> {
        let bert = BertConfig::from_config(&config)?;
        let table = bert.sequence_classification();
        let shards = sources.weights.map(shards::read).transpose()?.unwrap_or_default();
        let plan = match sources.weights {
            Some(source) => LoadPlan::new(&table, &shards, &source.path(""), ignore_mismatched_sizes)?,
            None => LoadPlan::from_scratch(&table),
        };
        let weights = plan.weights(&table, &shards, seed)?;
        let report = sources.weights.map(|_| plan.report);
        check_vocabulary(sources, &tokenizer, &bert)?;
        Ok(LoadedModel { config, bert, tokenizer, table, weights, saved_names: plan.saved_names, report })
    }

    /// The longest sequence that tokenizer, model and the user allow.
    pub fn max_length(&self, max_seq_length: usize) -> usize {
        let tokenizer = usize::try_from(self.tokenizer.model_max_length()).unwrap_or(usize::MAX);
        max_seq_length.min(tokenizer).min(self.bert.max_position_embeddings)
    }

    /// The longest sequence for a saved model: what the user asks for, or what the tokenizer was saved with.
    pub fn saved_max_length(&self, max_seq_length: Option<usize>) -> usize {
        let saved = self.tokenizer.truncation_length().and_then(|length| usize::try_from(length).ok());
        self.max_length(max_seq_length.or(saved).unwrap_or(usize::MAX))
    }

    /// The task that the config describes.
    ///
    /// # Errors
    /// The labels of the config are not usable.
    pub fn task(&self) -> Result<Task> {
        let labels = || crate::data::LabelSet::from_names(self.config.labels());
        Ok(match self.config.text("problem_type") {
            Some("regression") => Task::Regression,
            Some("multi_label_classification") => Task::MultiLabel(labels()?),
            _ if self.config.num_labels() == 1 => Task::Regression,
            _ => Task::SingleLabel(labels()?),
        })
    }

    /// Encodes a table, with labels where `labels` has them.
    ///
    /// # Errors
    /// A column is missing, or a text or a token does not fit.
    pub fn dataset(&self, table: &Table, columns: &TextColumns, labels: Option<Labels>, max_length: usize) -> Result<Dataset> {
        let (texts, pairs) = columns.texts(table)?;
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        self.encode(table.name(), &texts, pairs.as_deref(), labels, max_length)
    }

    /// Encodes texts; `name` is what errors call them.
    ///
    /// # Errors
    /// The tokenizer refuses, or gives a token that the model has no embedding for.
    pub fn encode(&self, name: &str, texts: &[&str], pairs: Option<&[&str]>, labels: Option<Labels>, max_length: usize) -> Result<Dataset> {
        let encoder = Encoder::from_json(&self.tokenizer.tokenizer_json())?;
        let dataset = Dataset::new(encoder.encode(texts, pairs, max_length)?, labels)?;
        dataset.check(self.bert.vocab_size, self.bert.type_vocab_size, self.bert.max_position_embeddings, name)?;
        Ok(dataset)
    }
}

/// The directory to be written, from the pieces of a loaded model and the weights as they are now.
pub fn model_directory<'a>(
    config: &'a Config,
    tokenizer: &'a Tokenizer,
    table: &ParameterTable,
    saved_names: &[String],
    weights: &[&'a [f32]],
) -> ModelDirectory<'a> {
    let tensors = table.parameters.iter().zip(saved_names).zip(weights);
    let tensors =
        tensors.map(|((parameter, name), values)| NamedTensor { name: name.clone(), shape: parameter.shape.clone(), values }).collect();
    ModelDirectory { config, tokenizer, tensors }
}

fn read_config(source: &dyn Source) -> Result<Config> {
    let path = source.path("config.json");
    match source.read("config.json")? {
        Some(bytes) => Config::parse(&path, &bytes),
        None => {
            let diagnostic = Diagnostic::new("config-missing", Site::file(path), "the directory has no config.json");
            Err(Error::misuse(diagnostic.hint("name the directory of a HuggingFace model")))
        }
    }
}

fn check_vocabulary(sources: &ModelSources<'_>, tokenizer: &Tokenizer, bert: &BertConfig) -> Result<()> {
    let limit = tokenizer.id_limit();
    if limit <= bert.vocab_size as u64 {
        return Ok(());
    }
    let diagnostic = Diagnostic::new(
        "tokenizer-vocabulary",
        Site::file(sources.tokenizer.path("")),
        "the tokenizer has ids that the model has no embedding for",
    );
    Err(Error::malformed(
        diagnostic.expected(format!("ids below vocab_size {}", bert.vocab_size)).found(format!("ids up to {}", limit - 1)),
    ))
}

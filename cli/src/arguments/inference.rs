//! `evaluate` and `predict`, which run a saved model.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use rtrain::train::arguments::Device;

use super::{OutputFormat, directory, format, named, path, threads};

const EVALUATE_AFTER_HELP: &str = "\
Example:
  rtrain evaluate out --validation_file validation.csv --format json";

const PREDICT_AFTER_HELP: &str = "\
Examples:
  rtrain predict out --text \"A film to remember.\" --text \"I left early.\"
  rtrain predict out --text \"Is it raining?\" --text_pair \"The street is wet.\"
  rtrain predict out --test_file test.csv --output_file predictions.txt";

pub(super) fn evaluate() -> Command {
    Command::new("evaluate")
        .about("Measure a saved model on a table with labels")
        .after_help(EVALUATE_AFTER_HELP)
        .args_override_self(true)
        .arg(directory("Directory of the model"))
        .arg(file("validation_file", "Table with labels: .csv, .tsv, .json or .jsonl"))
        .arg(file("test_file", "The same; for a table that was held back"))
        .group(ArgGroup::new("table").args(["validation_file", "test_file"]).required(true))
        .args(data())
        .arg(named("label_column_name").value_name("NAME").default_value("label").help("Column of the labels"))
        .arg(count("max_eval_samples").help("Evaluate on the first so many rows only"))
        .arg(format())
        .arg(threads())
}

pub(super) fn predict() -> Command {
    Command::new("predict")
        .about("Predict the labels of texts with a saved model")
        .after_help(PREDICT_AFTER_HELP)
        .arg(directory("Directory of the model"))
        .arg(text("text").help("A text to predict; can be given again"))
        .arg(text("text_pair").requires("text").help("The second sentence of a pair: one for every --text"))
        .arg(file("test_file", "Table of texts to predict: .csv, .tsv, .json or .jsonl"))
        .group(ArgGroup::new("input").args(["text", "test_file"]).required(true))
        .args(data())
        .arg(count("max_predict_samples").help("Predict the first so many rows only"))
        .arg(file("output_file", "File to write the predictions to; left out, they are printed"))
        .arg(format())
        .arg(threads())
}

/// How a table is read and cut into batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataOptions {
    /// Columns of the text; `None` leaves the choice to the table.
    pub text_column_names: Option<Vec<String>>,
    /// What the text columns are joined with; `None` makes two columns a pair.
    pub text_column_delimiter: Option<String>,
    /// Most tokens of a row; `None` is what the model was saved with.
    pub max_seq_length: Option<usize>,
    /// Rows of a batch.
    pub per_device_eval_batch_size: usize,
    /// Most rows, from the first.
    pub max_samples: Option<usize>,
    /// Whether linear layers round their operands to bfloat16.
    pub bf16: bool,
    /// What computes.
    pub device: Device,
}

impl DataOptions {
    fn from_matches(matches: &ArgMatches, max_samples: &str) -> Self {
        DataOptions {
            text_column_names: matches.get_one::<String>("text_column_names").map(|names| names.split(',').map(str::to_owned).collect()),
            text_column_delimiter: matches.get_one::<String>("text_column_delimiter").cloned(),
            max_seq_length: count_of(matches, "max_seq_length"),
            per_device_eval_batch_size: count_of(matches, "per_device_eval_batch_size").unwrap_or(8),
            max_samples: count_of(matches, max_samples),
            bf16: matches.get_flag("bf16"),
            device: matches.get_one::<String>("device").and_then(|name| Device::from_name(name)).unwrap_or(Device::Auto),
        }
    }
}

/// What `evaluate` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluateOptions {
    /// Directory of the model.
    pub directory: PathBuf,
    /// Table with labels.
    pub table: PathBuf,
    /// Column of the labels.
    pub label_column_name: String,
    /// How the table is read.
    pub data: DataOptions,
    /// How to print the metrics.
    pub format: OutputFormat,
}

impl EvaluateOptions {
    /// The options of a matched `evaluate`.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        EvaluateOptions {
            directory: path(matches, "directory").unwrap_or_default(),
            table: path(matches, "validation_file").or_else(|| path(matches, "test_file")).unwrap_or_default(),
            label_column_name: matches.get_one::<String>("label_column_name").cloned().unwrap_or_default(),
            data: DataOptions::from_matches(matches, "max_eval_samples"),
            format: OutputFormat::of(matches),
        }
    }
}

/// What is to be predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PredictInput {
    /// Texts, and as many second sentences or none.
    Texts {
        /// The texts.
        texts: Vec<String>,
        /// The second sentences.
        pairs: Vec<String>,
    },
    /// A table.
    Table(PathBuf),
}

/// What `predict` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictOptions {
    /// Directory of the model.
    pub directory: PathBuf,
    /// What is to be predicted.
    pub input: PredictInput,
    /// How the table is read.
    pub data: DataOptions,
    /// File to write the predictions to.
    pub output_file: Option<PathBuf>,
    /// How to print the predictions.
    pub format: OutputFormat,
}

impl PredictOptions {
    /// The options of a matched `predict`.
    ///
    /// # Errors
    /// `argument-conflict` where there are second sentences, and not as many as texts.
    pub fn from_matches(matches: &ArgMatches) -> rtrain::diagnostic::Result<Self> {
        let all = |name: &str| matches.get_many::<String>(name).into_iter().flatten().cloned().collect::<Vec<_>>();
        let (texts, pairs) = (all("text"), all("text_pair"));
        if !pairs.is_empty() && pairs.len() != texts.len() {
            return Err(uneven(texts.len(), pairs.len()));
        }
        Ok(PredictOptions {
            directory: path(matches, "directory").unwrap_or_default(),
            input: path(matches, "test_file").map_or(PredictInput::Texts { texts, pairs }, PredictInput::Table),
            data: DataOptions::from_matches(matches, "max_predict_samples"),
            output_file: path(matches, "output_file"),
            format: OutputFormat::of(matches),
        })
    }
}

fn uneven(texts: usize, pairs: usize) -> rtrain::diagnostic::Error {
    use rtrain::diagnostic::{Diagnostic, Error, Site};
    let diagnostic = Diagnostic::new("argument-conflict", Site::default(), "every pair needs both of its sentences");
    let diagnostic = diagnostic.expected(format!("--text_pair {texts} times")).found(format!("{pairs} times"));
    Error::misuse(diagnostic.hint("give one --text_pair for every --text, in the same order"))
}

fn data() -> [Arg; 6] {
    [
        named("text_column_names")
            .value_name("NAMES")
            .help("Columns of the text: one, or two for pairs of sentences, separated by a comma"),
        named("text_column_delimiter")
            .value_name("TEXT")
            .allow_hyphen_values(true)
            .help("Join the text columns with this into one sentence, as in training"),
        count("max_seq_length").help("Most tokens of an example; left out, what the model was saved with"),
        count("per_device_eval_batch_size").default_value("8").help("Rows of a batch; more are faster, and no result changes"),
        named("bf16")
            .action(ArgAction::SetTrue)
            .help("Round the operands of linear layers to bfloat16; faster on processors with AVX-512 BF16"),
        named("device")
            .value_name("DEVICE")
            .value_parser(PossibleValuesParser::new(Device::NAMES))
            .default_value("auto")
            .conflicts_with("bf16")
            .help("What computes: the CPU (auto, cpu), or a GPU by whatever interface there is (webgpu) or by vulkan"),
    ]
}

fn file(name: &'static str, help: &'static str) -> Arg {
    named(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

fn text(name: &'static str) -> Arg {
    named(name).value_name("TEXT").action(ArgAction::Append).allow_hyphen_values(true)
}

fn count(name: &'static str) -> Arg {
    named(name).value_name("N").value_parser(value_parser!(u32).range(1..))
}

fn count_of(matches: &ArgMatches, name: &str) -> Option<usize> {
    matches.get_one::<u32>(name).and_then(|count| usize::try_from(*count).ok())
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    fn matches(line: &[&str]) -> Result<ArgMatches, clap::Error> {
        let mut matches = command().try_get_matches_from(["rtrain"].iter().chain(line))?;
        Ok(matches.remove_subcommand().unwrap().1)
    }

    #[test]
    fn evaluate_needs_one_table() {
        let options =
            EvaluateOptions::from_matches(&matches(&["evaluate", "out", "--test_file", "t.csv", "--max-seq-length", "64"]).unwrap());
        assert_eq!(options.table, PathBuf::from("t.csv"));
        assert_eq!((options.data.max_seq_length, options.data.per_device_eval_batch_size), (Some(64), 8));
        assert_eq!(options.label_column_name, "label");
        for line in [&["evaluate", "out"][..], &["evaluate", "out", "--test_file", "a", "--validation_file", "b"][..]] {
            assert_eq!(matches(line).unwrap_err().exit_code(), 2);
        }
    }

    #[test]
    fn predict_takes_texts_or_a_table() {
        let line = ["predict", "out", "--text", "a", "--text", "-b", "--text_pair", "c", "--text_pair", "d"];
        let options = PredictOptions::from_matches(&matches(&line).unwrap()).unwrap();
        let (texts, pairs) = (vec!["a".to_owned(), "-b".to_owned()], vec!["c".to_owned(), "d".to_owned()]);
        assert_eq!(options.input, PredictInput::Texts { texts, pairs });
        let options = PredictOptions::from_matches(&matches(&["predict", "out", "--test_file", "t.csv"]).unwrap()).unwrap();
        assert_eq!(options.input, PredictInput::Table("t.csv".into()));
        for line in [
            &["predict", "out"][..],
            &["predict", "out", "--text", "a", "--test_file", "b"][..],
            &["predict", "out", "--text_pair", "a"][..],
        ] {
            assert_eq!(matches(line).unwrap_err().exit_code(), 2, "{line:?}");
        }
    }

    #[test]
    fn pairs_must_be_even() {
        let line = ["predict", "out", "--text", "a", "--text", "b", "--text_pair", "c"];
        let error = PredictOptions::from_matches(&matches(&line).unwrap()).unwrap_err();
        assert_eq!(error.diagnostic().code, "argument-conflict");
    }
}

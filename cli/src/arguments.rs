//! The command line: `train` from the library's table of arguments, the other commands by hand. Nothing here opens a file.

mod convert;
#[cfg(feature = "train")]
mod inference;
mod inspect;
#[cfg(feature = "train")]
mod train;
mod verify;

use std::path::PathBuf;

#[cfg(feature = "train")]
use clap::value_parser;
use clap::{Arg, ArgAction, ArgMatches, Command};

pub use convert::ConvertOptions;

#[cfg(feature = "train")]
pub use inference::{EvaluateOptions, PredictInput, PredictOptions};
pub use inspect::InspectOptions;
#[cfg(feature = "train")]
pub use train::{train_config, train_values};
pub use verify::{ReportFormat, VerifyOptions};

const AFTER_HELP: &str = "\
Examples:
  rtrain train --model_name_or_path bert-base-uncased --train_file train.csv --output_dir out
  rtrain evaluate out --validation_file validation.csv
  rtrain predict out --text \"A film to remember.\"
  rtrain verify out
  rtrain explain tensor-missing
  rtrain inspect out
  rtrain convert out out-bf16 --dtype bfloat16

Exit status: 0 done, 1 a check failed, 2 it could not run.";

/// The commands that only a binary with the training engine has.
#[cfg(not(feature = "train"))]
const ENGINE_COMMANDS: [&str; 3] = ["train", "evaluate", "predict"];

/// The whole command line.
pub fn command() -> Command {
    let command = Command::new("rtrain")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Fine-tune HuggingFace BERT classifiers without Python")
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(120)
        .arg(
            Arg::new("color")
                .long("color")
                .global(true)
                .value_name("WHEN")
                .value_parser(["auto", "always", "never"])
                .default_value("auto")
                .help("When to colour the output; auto colours a terminal where NO_COLOR is not set"),
        )
        .arg(Arg::new("quiet").long("quiet").short('q').global(true).action(ArgAction::SetTrue).help("Print results and errors only"));
    engine_commands(command)
        .subcommand(verify::verify())
        .subcommand(verify::explain())
        .subcommand(inspect::command())
        .subcommand(convert::command())
}

#[cfg(feature = "train")]
fn engine_commands(command: Command) -> Command {
    command.subcommand(train::command()).subcommand(inference::evaluate()).subcommand(inference::predict())
}

/// Commands that take anything, so that the error is about the missing engine rather than about an argument.
#[cfg(not(feature = "train"))]
fn engine_commands(command: Command) -> Command {
    command.subcommands(ENGINE_COMMANDS.map(|name| {
        let anything = Arg::new("anything").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
        Command::new(name).hide(true).disable_help_flag(true).arg(anything)
    }))
}

/// The error of a command that this binary was built without.
#[cfg(not(feature = "train"))]
pub fn without_engine(name: &str) -> rtrain::diagnostic::Error {
    use rtrain::diagnostic::{Diagnostic, Error, Site};
    let message = format!("rtrain {name}: this binary was built without the training engine");
    let hint = "build it with the feature train, which is on unless --no-default-features is given";
    Error::unsupported(Diagnostic::new("no-training-engine", Site::default(), message).hint(hint))
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl OutputFormat {
    fn of(matches: &ArgMatches) -> Self {
        match matches.get_one::<String>("format").map(String::as_str) {
            Some("json") => OutputFormat::Json,
            _ => OutputFormat::Text,
        }
    }
}

#[cfg(feature = "train")]
fn directory(help: &'static str) -> Arg {
    Arg::new("directory").value_name("DIR").required(true).value_parser(value_parser!(PathBuf)).help(help)
}

fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("How to print the results")
}

fn path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(name).cloned()
}

/// `--name`, and `--na-me` for those who are used to hyphens.
#[cfg(feature = "train")]
fn named(name: &'static str) -> Arg {
    let arg = Arg::new(name).long(name);
    if name.contains('_') { arg.alias(name.replace('_', "-")) } else { arg }
}

/// `--threads`, of the commands that compute.
#[cfg(feature = "train")]
fn threads() -> Arg {
    Arg::new("threads")
        .long("threads")
        .value_name("N")
        .value_parser(value_parser!(u16).range(1..))
        .help("Threads to compute with. Left out, as many as the machine has processors")
}

/// The value of `--threads`.
#[cfg(feature = "train")]
pub fn threads_of(matches: &ArgMatches) -> Option<usize> {
    matches.get_one::<u16>("threads").map(|threads| usize::from(*threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault() {
        command().debug_assert();
    }

    #[test]
    #[cfg(not(feature = "train"))]
    fn engine_commands_take_anything() {
        for name in ENGINE_COMMANDS {
            let matches = command().try_get_matches_from(["rtrain", name, "--learning_rate", "1", "--help"]).unwrap();
            assert_eq!(matches.subcommand_name(), Some(name));
            assert_eq!(without_engine(name).diagnostic().code, "no-training-engine");
        }
    }
}

//! `inspect` and its options.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use rtrain::inspect::Detail;

use super::{OutputFormat, format, path};

const AFTER_HELP: &str = "\
Examples:
  rtrain inspect out
  rtrain inspect out/model.safetensors --stats";

/// The command.
pub fn command() -> Command {
    Command::new("inspect")
        .about("Say what a file or a directory holds, without running any of it")
        .long_about(
            "Say what a file or a directory holds, without running any of it: of a directory every file in a few lines, of a file all that it \
             says of itself, such as the tensors of model.safetensors.",
        )
        .after_help(AFTER_HELP)
        .arg(Arg::new("path").value_name("PATH").required(true).value_parser(value_parser!(PathBuf)).help("Directory or file"))
        .arg(
            Arg::new("stats")
                .long("stats")
                .action(ArgAction::SetTrue)
                .help("Read the tensors too: least, greatest and mean value, and how many are NaN or infinite"),
        )
        .arg(format())
}

/// What `inspect` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectOptions {
    /// Directory or file.
    pub path: PathBuf,
    /// Whether to read the tensors too.
    pub statistics: bool,
    /// How to print what is found.
    pub format: OutputFormat,
}

impl InspectOptions {
    /// The options of a matched `inspect`.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        InspectOptions {
            path: path(matches, "path").unwrap_or_default(),
            statistics: matches.get_flag("stats"),
            format: OutputFormat::of(matches),
        }
    }

    /// How much to look at, where that is `least` without `--stats`.
    pub fn detail(&self, least: Detail) -> Detail {
        if self.statistics { Detail::Statistics } else { least }
    }
}

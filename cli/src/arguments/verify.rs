//! `verify`, which checks directories, and `explain`, which says what its codes mean.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use rtrain::format::release::{RELEASES, Release};
use rtrain::verify::Tolerance;

use super::path;
use crate::ignore::Ignored;

const VERIFY_AFTER_HELP: &str = "\
Examples:
  rtrain verify out
  rtrain verify out --reference out-transformers --ignore README.md --rtol 1e-5 --atol 1e-7
  rtrain verify models/* --format sarif > rtrain.sarif

Exit status: 0 nothing is wrong, 1 there are findings, 2 a directory could not be checked.";

pub(super) fn verify() -> Command {
    Command::new("verify")
        .about("Check that a directory is a model as transformers saves it")
        .long_about(
            "Check that a directory is a model as transformers saves it: that every file is there, is written as \
             transformers writes it, and fits the others. Every checkpoint-* inside is checked too.\n\n\
             With --reference, check besides that both directories hold the same model.",
        )
        .after_help(VERIFY_AFTER_HELP)
        .arg(directories())
        .arg(
            Arg::new("reference")
                .long("reference")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Directory to compare each one with, such as one that transformers wrote"),
        )
        .arg(
            Arg::new("release").long("release").value_name("VERSION").value_parser(RELEASES.map(|release| release.version)).help(
                "Release of transformers by whose rules to check [default: the one that the directory names, or that writes its files]",
            ),
        )
        .arg(tolerance("rtol").help("With --reference: let tensors differ by so much of the reference's value"))
        .arg(tolerance("atol").help("With --reference: let tensors differ by so much"))
        .arg(
            Arg::new("ignore")
                .long("ignore")
                .value_name("PATTERN")
                .action(ArgAction::Append)
                .value_parser(|text: &str| text.parse::<Ignored>())
                .help("Leave out files by name (*.md), findings by code (tensor-extra) or both (not-identical:*.json); can be given again"),
        )
        .arg(
            Arg::new("max_findings")
                .long("max-findings")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help("Show at most N findings a directory, and count the rest [default: 100 in text and github, else all]"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(ReportFormat::ALL.map(ReportFormat::name))
                .default_value("text")
                .help("How to print the report"),
        )
}

fn directories() -> Arg {
    Arg::new("directories")
        .value_name("DIR")
        .required(true)
        .num_args(1..)
        .value_parser(value_parser!(PathBuf))
        .help("Directories of models, or of runs with checkpoint-* inside")
}

fn tolerance(name: &'static str) -> Arg {
    let not_negative = |text: &str| match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("a finite number from 0 on is expected"),
    };
    Arg::new(name).long(name).value_name("X").requires("reference").allow_negative_numbers(true).value_parser(not_negative)
}

/// What `verify` was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifyOptions {
    /// Directories of models or runs.
    pub directories: Vec<PathBuf>,
    /// Directory to compare each of them with.
    pub reference: Option<PathBuf>,
    /// Release by whose rules to check, if not by those of the one that the directory names.
    pub release: Option<&'static Release>,
    /// How far tensors may be from the reference.
    pub tolerance: Tolerance,
    /// What to leave out.
    pub ignored: Vec<Ignored>,
    /// Most findings to show of a directory.
    pub max_findings: usize,
    /// How to print the report.
    pub format: ReportFormat,
    /// Whether to print results only.
    pub quiet: bool,
}

impl VerifyOptions {
    /// The options of a matched `verify`.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        let number = |name| matches.get_one::<f64>(name).copied().unwrap_or_default();
        let format = ReportFormat::named(matches.get_one::<String>("format").map_or("", String::as_str));
        let max_findings = matches.get_one::<u32>("max_findings").map(|count| usize::try_from(*count).unwrap_or(usize::MAX));
        VerifyOptions {
            directories: matches.get_many("directories").into_iter().flatten().cloned().collect(),
            reference: path(matches, "reference"),
            release: matches.get_one::<String>("release").and_then(|version| Release::find(version)),
            tolerance: Tolerance { relative: number("rtol"), absolute: number("atol") },
            ignored: matches.get_many("ignore").into_iter().flatten().cloned().collect(),
            max_findings: max_findings.unwrap_or(format.default_max_findings()),
            format,
            quiet: matches.get_flag("quiet"),
        }
    }
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit's XML, for the test views of CI systems.
    Junit,
    /// Workflow commands of GitHub Actions, for annotations.
    Github,
}

impl ReportFormat {
    /// All of them, in the order of the help.
    pub const ALL: [ReportFormat; 5] =
        [ReportFormat::Text, ReportFormat::Json, ReportFormat::Sarif, ReportFormat::Junit, ReportFormat::Github];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ReportFormat::Text => "text",
            ReportFormat::Json => "json",
            ReportFormat::Sarif => "sarif",
            ReportFormat::Junit => "junit",
            ReportFormat::Github => "github",
        }
    }

    fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|format| format.name() == name).unwrap_or(ReportFormat::Text)
    }

    fn default_max_findings(self) -> usize {
        if matches!(self, ReportFormat::Text | ReportFormat::Github) { 100 } else { usize::MAX }
    }
}

pub(super) fn explain() -> Command {
    Command::new("explain")
        .about("Say what the code of a finding or an error means, how it comes about, and what to do")
        .arg(Arg::new("code").value_name("CODE").help("A code such as tensor-missing. Left out, all of them are listed"))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["text", "markdown"])
                .default_value("text")
                .conflicts_with("code")
                .help("How to print the list; docs/codes.md is the one in markdown"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> VerifyOptions {
        let matches = crate::arguments::command().try_get_matches_from([&["rtrain", "verify"], arguments].concat()).unwrap();
        VerifyOptions::from_matches(matches.subcommand().unwrap().1)
    }

    #[test]
    fn takes_directories_and_a_reference() {
        let expected = VerifyOptions {
            directories: vec!["out".into(), "other".into()],
            reference: Some("hf".into()),
            release: Release::find("4.57.6"),
            tolerance: Tolerance { relative: 1e-5, absolute: 0.0 },
            ignored: vec!["*.md".parse().unwrap(), "io".parse().unwrap()],
            max_findings: 7,
            format: ReportFormat::Sarif,
            quiet: true,
        };
        let arguments =
            "out other --reference hf --release 4.57.6 --rtol 1e-5 --ignore *.md --ignore io --max-findings 7 --format sarif -q";
        assert_eq!(options(&arguments.split(' ').collect::<Vec<_>>()), expected);
    }

    #[test]
    fn only_formats_for_the_eye_are_cut_short_unasked() {
        for (format, limit) in [("text", 100), ("github", 100), ("json", usize::MAX), ("sarif", usize::MAX), ("junit", usize::MAX)] {
            assert_eq!(options(&["out", "--format", format]).max_findings, limit, "{format}");
        }
    }
}

//! `train`, made from the library's table of arguments.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use rtrain::train::arguments::{ARGUMENTS, Argument, Kind, NOT_YET, NOT_YET_OF_SCRIPT, REMOVED, RawValue, Values, argument};

use super::{named, threads};

const ABOUT: &str = "Fine-tune a BERT classifier";
const LONG_ABOUT: &str = "\
Fine-tune a BERT classifier on a table of texts and labels, and save it as transformers does.

The arguments are those of transformers' run_classification.py and TrainingArguments, with their defaults. They can stand in a YAML or JSON \
file as well; what is given on the command line goes before the file. A switch is set by its name alone, or with true or false after it.";

const AFTER_HELP: &str = "\
Examples:
  rtrain train --model_name_or_path bert-base-uncased --train_file train.csv --validation_file validation.csv \\
      --eval_strategy epoch --num_train_epochs 3 --learning_rate 2e-5 --output_dir out

  rtrain train train.yaml --seed 7      with train.yaml:
      model_name_or_path: bert-base-uncased
      train_file: train.csv
      output_dir: out
      warmup_steps: 0.1                 # a tenth of all steps";

/// Starts the identifier of the hidden `--no_NAME` of a switch that is on by default.
const NO: &str = "no_";

pub(super) fn command() -> Command {
    let config = Arg::new("config")
        .value_name("CONFIG")
        .value_parser(value_parser!(PathBuf))
        .help("YAML or JSON file (.yaml, .yml, .json) of arguments");
    Command::new("train")
        .about(ABOUT)
        .long_about(LONG_ABOUT)
        .after_help(AFTER_HELP)
        .args_override_self(true)
        .arg_required_else_help(true)
        .arg(config)
        .args(ARGUMENTS.iter().map(from_row))
        .args(ARGUMENTS.iter().filter(|row| is_on_by_default(row)).map(negation))
        .args(refused_names().map(refused))
        .arg(threads())
}

/// The CONFIG of a matched `train`.
pub fn train_config(matches: &ArgMatches) -> Option<&Path> {
    matches.get_one::<PathBuf>("config").map(PathBuf::as_path)
}

/// The arguments that were given on the command line of a matched `train`, those that rtrain refuses among them.
pub fn train_values(matches: &ArgMatches) -> Values {
    let mut values = Values::new();
    for name in ARGUMENTS.iter().map(|row| row.name).chain(refused_names()) {
        if matches.value_source(name) == Some(ValueSource::CommandLine) {
            let given: Vec<&str> = matches.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect();
            let mut raw = RawValue::command_line(given.join(" "));
            if argument(name).is_some_and(|row| row.kind == Kind::Files) && given.len() > 1 {
                raw.value = given.into();
            }
            values.insert(name.to_owned(), raw);
        }
    }
    for row in ARGUMENTS.iter().filter(|row| is_on_by_default(row)) {
        if matches.get_flag(&format!("{NO}{}", row.name)) {
            values.insert(row.name.to_owned(), RawValue::command_line("false"));
        }
    }
    values
}

fn from_row(row: &Argument) -> Arg {
    let arg = named(row.name).help(help(row)).help_heading(row.group.title()).action(ArgAction::Set);
    match row.kind {
        Kind::Text => arg.value_name("TEXT").allow_hyphen_values(row.name == "text_column_delimiter"),
        Kind::Names => arg.value_name("NAMES"),
        Kind::Path => arg.value_name(if row.name.ends_with("_file") { "FILE" } else { "DIR" }),
        Kind::Files => arg.value_name("FILE").action(ArgAction::Append),
        Kind::DirectoryOrFlag => arg.value_name("DIR|true|false").num_args(0..=1).default_missing_value("true"),
        Kind::Integer { .. } => arg.value_name("N").allow_negative_numbers(true),
        Kind::Float { .. } => arg.value_name("NUMBER").allow_negative_numbers(true),
        Kind::Steps => arg.value_name("STEPS").allow_negative_numbers(true),
        Kind::Flag => arg.value_name("true|false").num_args(0..=1).default_missing_value("true"),
        Kind::Choice { .. } => arg.value_name("WORD"),
        Kind::Mapping => arg.value_name("JSON"),
    }
}

fn help(row: &Argument) -> String {
    let mut help = row.help.to_owned();
    if let Kind::Choice { supported, .. } = row.kind {
        help.push_str(&format!(" [choices: {}]", supported.join(", ")));
    }
    if let Some(default) = row.default {
        help.push_str(&format!(" [default: {default}]"));
    }
    help
}

fn is_on_by_default(row: &Argument) -> bool {
    row.kind == Kind::Flag && row.default == Some("true")
}

/// `HfArgumentParser` makes a `--no_NAME` for every switch that is on by default.
fn negation(row: &Argument) -> Arg {
    let name = format!("{NO}{}", row.name);
    Arg::new(name.clone()).alias(name.replace('_', "-")).long(name).hide(true).action(ArgAction::SetTrue).conflicts_with(row.name)
}

/// Names that transformers has or had and rtrain has not: taken here, so that the library can say so.
fn refused_names() -> impl Iterator<Item = &'static str> {
    NOT_YET.iter().chain(NOT_YET_OF_SCRIPT).copied().chain(REMOVED.iter().map(|(name, _)| *name))
}

fn refused(name: &'static str) -> Arg {
    named(name).hide(true).action(ArgAction::Set).num_args(0..).default_missing_value("true").allow_hyphen_values(false)
}

#[cfg(test)]
mod tests {
    use rtrain::train::arguments::TrainingArguments;

    use super::super::command;
    use super::*;

    fn matches(line: &[&str]) -> Result<ArgMatches, clap::Error> {
        let mut matches = command().try_get_matches_from(["rtrain", "train"].iter().chain(line))?;
        Ok(matches.remove_subcommand().unwrap().1)
    }

    fn given(line: &[&str]) -> Vec<(String, String)> {
        let values = train_values(&matches(line).unwrap());
        values.iter().map(|(name, raw)| (name.clone(), raw.value.as_str().unwrap().to_owned())).collect()
    }

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn only_what_is_given_is_a_value() {
        assert_eq!(given(&["train.yaml"]), []);
        assert_eq!(given(&["--learning_rate", "3e-5"]), pair("learning_rate", "3e-5"));
        assert_eq!(given(&["--learning-rate=3e-5"]), pair("learning_rate", "3e-5"));
    }

    #[test]
    fn the_last_of_two_values_counts() {
        assert_eq!(given(&["--seed", "1", "--seed", "2"]), pair("seed", "2"));
    }

    #[test]
    fn switches_need_no_value() {
        assert_eq!(given(&["--do_train"]), pair("do_train", "true"));
        assert_eq!(given(&["--do_train", "false"]), pair("do_train", "false"));
        assert_eq!(given(&["--no_pad_to_max_length"]), pair("pad_to_max_length", "false"));
        assert_eq!(given(&["--no-pad-to-max-length"]), pair("pad_to_max_length", "false"));
        let values: Vec<_> = given(&["--do_train", "--do_eval", "--seed", "3"]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn negative_numbers_and_odd_delimiters_are_values() {
        assert_eq!(given(&["--max_steps", "-1"]), pair("max_steps", "-1"));
        assert_eq!(given(&["--learning_rate", "-0.1"]), pair("learning_rate", "-0.1"));
        assert_eq!(given(&["--text_column_delimiter", "--"]), pair("text_column_delimiter", "--"));
    }

    #[test]
    fn the_file_stands_anywhere() {
        for line in [["train.yaml", "--seed", "1"], ["--seed", "1", "train.yaml"]] {
            assert_eq!(train_config(&matches(&line).unwrap()), Some(Path::new("train.yaml")));
        }
    }

    #[test]
    fn a_mistyped_name_is_suggested() {
        for (wrong, right) in
            [("--learning_rte", "--learning_rate"), ("--num_train_epoch", "--num_train_epochs"), ("--model_name", "--model_name_or_path")]
        {
            let error = matches(&[wrong, "1"]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(&format!("'{right}'")), "{error}");
        }
    }

    #[test]
    fn refused_names_reach_the_library() {
        for (line, code) in [
            (&["--push_to_hub"][..], "unsupported-argument"),
            (&["--label_names", "a", "b"][..], "unsupported-argument"),
            (&["--dataset-name", "imdb"][..], "unsupported-argument"),
            (&["--warmup_ratio", "0.1"][..], "removed-argument"),
        ] {
            let error = TrainingArguments::resolve(&train_values(&matches(line).unwrap())).unwrap_err();
            assert_eq!(error.diagnostic().code, code, "{line:?}");
        }
    }

    #[test]
    fn help_shows_every_supported_argument_and_no_other() {
        let help = matches(&["--help"]).unwrap_err().to_string();
        for row in ARGUMENTS {
            assert!(help.contains(&format!("--{} ", row.name)), "{}", row.name);
            assert!(help.contains(&format!("\n{}:\n", row.group.title())), "{}", row.group.title());
        }
        for name in refused_names() {
            assert!(!help.contains(&format!("--{name} ")), "{name}");
        }
        assert!(help.contains("[default: 5e-5]"));
    }
}

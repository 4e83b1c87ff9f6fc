//! Values as they were given, and how each kind of argument reads one.

use std::ops::RangeBounds;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::table::{Argument, Kind};
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::nearest::nearest;

/// Most characters of a value that a message repeats.
const SHOWN_CHARS: usize = 60;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// On the command line, as `--name value`.
    CommandLine,
    /// In a configuration file, at this place.
    File(Site),
}

/// A value as it was given, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct RawValue {
    /// A string from the command line; any JSON value from a file.
    pub value: Value,
    /// Where it was given.
    pub origin: Origin,
}

impl RawValue {
    /// A value from the command line.
    pub fn command_line(value: impl Into<String>) -> Self {
        RawValue { value: Value::String(value.into()), origin: Origin::CommandLine }
    }

    /// A diagnostic at the place where the value was given.
    pub(super) fn diagnostic(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        match &self.origin {
            Origin::CommandLine => Diagnostic::new(code, Site::default(), message),
            Origin::File(site) => Diagnostic::new(code, site.clone(), message),
        }
    }

    /// The argument's name as it was written there.
    pub(super) fn written(&self, name: &str) -> String {
        match self.origin {
            Origin::CommandLine => format!("--{name}"),
            Origin::File(_) => name.to_owned(),
        }
    }

    /// The value, short enough for a message.
    pub(super) fn shown(&self) -> String {
        let text = self.value.to_string();
        match text.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}

/// Values by the name of their argument, in the order in which they were given.
pub type Values = IndexMap<String, RawValue>;

/// A value that fits the kind of its argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Typed {
    Text(String),
    Names(Vec<String>),
    /// Names, where there are any, and paths.
    Files(Vec<(Option<String>, String)>),
    Integer(i64),
    Float(f64),
    Flag(bool),
    Mapping(Map<String, Value>),
}

/// Reads a value by the kind of its argument; JSON's null is no value where the argument has no default.
pub(super) fn read(argument: &Argument, raw: &RawValue) -> Result<Option<Typed>> {
    if raw.value.is_null() && argument.default.is_none() {
        return Ok(None);
    }
    if let Kind::Choice { not_yet, .. } = argument.kind
        && let Some(word) = word(&raw.value).filter(|word| not_yet.contains(&word.as_str()))
    {
        let message = format!("{} {word} is not supported yet", raw.written(argument.name));
        return Err(Error::unsupported(raw.diagnostic("unsupported-value", message).expected(argument.kind).found(word)));
    }
    match typed(argument.kind, &raw.value) {
        Some(typed) => Ok(Some(typed)),
        None => Err(Error::misuse(refusal(argument, raw))),
    }
}

fn refusal(argument: &Argument, raw: &RawValue) -> Diagnostic {
    let message = format!("{} cannot have this value", raw.written(argument.name));
    let diagnostic = raw.diagnostic("argument-value", message).expected(argument.kind).found(raw.shown());
    match (argument.kind, &raw.value) {
        (Kind::Choice { supported, not_yet }, Value::String(word)) => match nearest(word, supported.iter().chain(not_yet).copied()) {
            Some(near) => diagnostic.hint(format!("did you mean {near}?")),
            None => diagnostic,
        },
        (Kind::Flag, Value::String(word)) if raw.origin == Origin::CommandLine && std::path::Path::new(word).extension().is_some() => {
            diagnostic.hint(format!("put {word} before --{}, or write --{} true", argument.name, argument.name))
        }
        (_, Value::Null) => diagnostic.hint("leave the line out to have the default"),
        _ => diagnostic,
    }
}

/// The default of an argument; every default of the table fits its kind.
pub(super) fn read_default(argument: &Argument) -> Option<Typed> {
    argument.default.and_then(|text| typed(argument.kind, &Value::String(text.to_owned())))
}

fn typed(kind: Kind, value: &Value) -> Option<Typed> {
    match kind {
        Kind::Text => text(value).map(Typed::Text),
        Kind::Path => text(value).filter(|path| !path.is_empty()).map(Typed::Text),
        Kind::Names => names(value).map(Typed::Names),
        Kind::Files => files(value).map(Typed::Files),
        Kind::DirectoryOrFlag => flag(value).map(Typed::Flag).or_else(|| typed(Kind::Path, value)),
        Kind::Integer { min, max } => integer(value).filter(|number| (min..=max).contains(number)).map(Typed::Integer),
        Kind::Float { min, max } => float(value).filter(|number| (min, max).contains(number)).map(Typed::Float),
        Kind::Steps => float(value).filter(|steps| *steps >= 0.0 && (*steps < 1.0 || is_count(*steps))).map(Typed::Float),
        Kind::Flag => flag(value).map(Typed::Flag),
        Kind::Mapping => mapping(value).map(Typed::Mapping),
        Kind::Choice { supported, .. } => {
            let word = word(value).filter(|word| supported.contains(&word.as_str()));
            word.or_else(|| switch(supported, value)).map(Typed::Text)
        }
    }
}

/// A string; YAML turns names such as `1` into numbers, which are taken as they print.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn names(value: &Value) -> Option<Vec<String>> {
    let names: Vec<String> = match value {
        Value::Array(items) => items.iter().map(text).collect::<Option<_>>()?,
        other => text(other)?.split(',').map(str::to_owned).collect(),
    };
    (!names.is_empty() && names.iter().all(|name| !name.is_empty())).then_some(names)
}

/// One path; or several with names, in a mapping or as a list of `name=path`.
fn files(value: &Value) -> Option<Vec<(Option<String>, String)>> {
    let named = |(name, path): (&str, &str)| (is_name(name) && !path.is_empty()).then(|| (Some(name.to_owned()), path.to_owned()));
    let files: Vec<_> = match value {
        Value::Object(entries) => entries.iter().map(|(name, path)| named((name, &text(path)?))).collect::<Option<_>>()?,
        Value::Array(items) => items.iter().map(|item| named(text(item)?.split_once('=')?)).collect::<Option<_>>()?,
        other => {
            let path = text(other).filter(|path| !path.is_empty())?;
            vec![path.split_once('=').and_then(named).unwrap_or((None, path))]
        }
    };
    let names: std::collections::HashSet<_> = files.iter().map(|(name, _)| name).collect();
    (!files.is_empty() && names.len() == files.len()).then_some(files)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// A word of a list; YAML 1.1 reads the bare word `no` as false, and some arguments take a list of one word.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(word) => Some(word.clone()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::Array(items) => match items.as_slice() {
            [Value::String(word)] => Some(word.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// What was a switch before it had words: on means `all`.
fn switch(supported: &[&str], value: &Value) -> Option<String> {
    let word = if flag(value)? { "all" } else { "no" };
    supported.contains(&"all").then(|| word.to_owned())
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => {
            number.as_i64().or_else(|| number.as_f64().filter(|number| is_count(number.abs())).map(|number| number as i64))
        }
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_f64(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// Whether the number is whole and every whole number up to it is exact.
fn is_count(number: f64) -> bool {
    number.fract() == 0.0 && number <= 9_007_199_254_740_992.0
}

/// The words that `HfArgumentParser` or YAML 1.1 take for true and false.
fn flag(value: &Value) -> Option<bool> {
    let word = match value {
        Value::Bool(flag) => return Some(*flag),
        other => text(other)?.trim().to_ascii_lowercase(),
    };
    match word.as_str() {
        "yes" | "true" | "t" | "y" | "on" | "1" => Some(true),
        "no" | "false" | "f" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A mapping of a file as it stands there; in JSON text, words that are numbers or flags mean these.
///
/// # Source
/// transformers 5.23.0, `training_args.py` (`_convert_str_dict`).
fn mapping(value: &Value) -> Option<Map<String, Value>> {
    let text = match value {
        Value::Object(entries) => return Some(entries.clone()),
        other => other.as_str()?,
    };
    let entries: Map<String, Value> = serde_json::from_str(text).ok()?;
    Some(entries.into_iter().map(|(name, value)| (name, meant(value))).collect())
}

fn meant(value: Value) -> Value {
    let Value::String(word) = &value else { return value };
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    match word.to_ascii_lowercase().as_str() {
        "true" => true.into(),
        "false" => false.into(),
        digits if is_number(digits) => digits.parse::<i64>().map_or(value, Value::from),
        number if is_number(&number.replacen('.', "", 1)) => number.parse::<f64>().map_or(value, Value::from),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use serde_json::json;

    use super::*;

    #[test]
    fn reads_numbers_from_text_and_from_json() {
        let kind = Kind::Float { min: Bound::Included(0.0), max: Bound::Excluded(1.0) };
        for value in [json!("5e-5"), json!(5e-5)] {
            assert_eq!(typed(kind, &value), Some(Typed::Float(5e-5)));
        }
        for value in [json!("nan"), json!("inf"), json!(1), json!(-0.1), json!("fast"), json!(true), json!(null), json!([0.5])] {
            assert_eq!(typed(kind, &value), None, "{value}");
        }
        let kind = Kind::Integer { min: 1, max: 9 };
        for value in [json!("3"), json!(3), json!(3.0), json!(" 3 ")] {
            assert_eq!(typed(kind, &value), Some(Typed::Integer(3)));
        }
        for value in [json!("3.5"), json!(3.5), json!(0), json!(10), json!(1e300), json!(u64::MAX)] {
            assert_eq!(typed(kind, &value), None, "{value}");
        }
    }

    #[test]
    fn reads_the_words_for_true_and_false() {
        for value in [json!(true), json!("True"), json!("yes"), json!("1"), json!(1)] {
            assert_eq!(typed(Kind::Flag, &value), Some(Typed::Flag(true)), "{value}");
        }
        for value in [json!(false), json!("FALSE"), json!("n"), json!(0)] {
            assert_eq!(typed(Kind::Flag, &value), Some(Typed::Flag(false)), "{value}");
        }
        assert_eq!(typed(Kind::Flag, &json!("maybe")), None);
    }

    #[test]
    fn step_counts_are_whole_or_below_one() {
        for (value, expected) in
            [(json!(500), Some(500.0)), (json!("0.1"), Some(0.1)), (json!(0), Some(0.0)), (json!(1.5), None), (json!(-1), None)]
        {
            assert_eq!(typed(Kind::Steps, &value), expected.map(Typed::Float), "{value}");
        }
    }

    #[test]
    fn names_are_split_at_commas_in_text_only() {
        assert_eq!(typed(Kind::Names, &json!("a,b")), Some(Typed::Names(vec!["a".into(), "b".into()])));
        assert_eq!(typed(Kind::Names, &json!(["a,b"])), Some(Typed::Names(vec!["a,b".into()])));
        assert_eq!(typed(Kind::Names, &json!("a,,b")), None);
        assert_eq!(typed(Kind::Names, &json!([])), None);
    }

    #[test]
    fn a_switch_may_stand_for_all_or_no() {
        let kind = Kind::Choice { supported: &["no", "all", "non_padding"], not_yet: &[] };
        for (value, word) in [(json!(true), "all"), (json!("True"), "all"), (json!(false), "no"), (json!("non_padding"), "non_padding")] {
            assert_eq!(typed(kind, &value), Some(Typed::Text(word.to_owned())));
        }
        assert_eq!(typed(Kind::Choice { supported: &["no", "steps"], not_yet: &[] }, &json!(true)), None);
    }

    #[test]
    fn several_files_have_names() {
        let files = |value: Value| match typed(Kind::Files, &value) {
            Some(Typed::Files(files)) => Some(files.into_iter().map(|(name, path)| (name.unwrap_or_default(), path)).collect::<Vec<_>>()),
            _ => None,
        };
        let pairs = |pairs: &[(&str, &str)]| Some(pairs.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect());
        assert_eq!(files(json!("v.csv")), pairs(&[("", "v.csv")]));
        assert_eq!(files(json!("./a=b.csv")), pairs(&[("", "./a=b.csv")]));
        assert_eq!(files(json!("short=s.csv")), pairs(&[("short", "s.csv")]));
        assert_eq!(files(json!({"short": "s.csv", "long": "l.csv"})), pairs(&[("short", "s.csv"), ("long", "l.csv")]));
        assert_eq!(files(json!(["short=s.csv", "long=l.csv"])), pairs(&[("short", "s.csv"), ("long", "l.csv")]));
        for value in
            [json!([]), json!({}), json!(["a.csv", "b.csv"]), json!(["a=1", "a=2"]), json!({"a b": "c"}), json!(""), json!({"a": null})]
        {
            assert_eq!(files(value.clone()), None, "{value}");
        }
    }

    #[test]
    fn mappings_are_json_or_stand_in_a_file() {
        let read = |value| typed(Kind::Mapping, &value);
        let mapping = |value: Value| Some(Typed::Mapping(value.as_object().unwrap().clone()));
        assert_eq!(read(json!({"power": "2"})), mapping(json!({"power": "2"})));
        assert_eq!(
            read(json!(r#"{"a": 1, "b": "2", "c": "2.5", "d": "True", "e": "1e-3", "f": null, "g": 0.0}"#)),
            mapping(json!({"a": 1, "b": 2, "c": 2.5, "d": true, "e": "1e-3", "f": null, "g": 0.0}))
        );
        for value in [json!("num_cycles=2"), json!("[1]"), json!(1), json!([1])] {
            assert_eq!(read(value), None);
        }
    }

    #[test]
    fn long_values_are_cut_in_messages() {
        let raw = RawValue::command_line("é".repeat(100));
        assert_eq!(raw.shown().chars().count(), SHOWN_CHARS + 3);
    }
}

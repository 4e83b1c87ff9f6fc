//! Arguments from a YAML or JSON file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rtrain::diagnostic::{Diagnostic, Error, Place, Result, Site};
use rtrain::train::arguments::{Kind, Origin, RawValue, Values, argument};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

/// Most bytes of a configuration file; real ones have a few thousand.
const MAX_BYTES: u64 = 1 << 20;

/// The values of the file at `path` (where there is one), and those of the command line before them.
///
/// # Errors
/// As [`read`].
pub fn merged(path: Option<&Path>, command_line: Values) -> Result<Values> {
    let mut values = path.map(read).transpose()?.unwrap_or_default();
    values.extend(command_line);
    Ok(values)
}

/// The values of a `.yaml`, `.yml` or `.json` file.
///
/// # Errors
/// `config-file-type` for another extension, `config-syntax` where the file is not of its format or no mapping, `config-nested` for a value
/// that is a list of lists, or a mapping where the argument is none, `config-size` for a file above 1 MiB, `io` where it cannot be read.
pub fn read(path: &Path) -> Result<Values> {
    let file = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    let parse = match extension.as_str() {
        "yaml" | "yml" => parse_yaml,
        "json" => parse_json,
        _ => {
            let diagnostic = Diagnostic::new("config-file-type", Site::file(file), "this is not a file of arguments");
            let hint = "the only argument without a name is the file of arguments; tables and models have names, such as --train_file";
            return Err(Error::misuse(diagnostic.expected("a name that ends in .yaml, .yml or .json").hint(hint)));
        }
    };
    let bytes = fs::metadata(path).map_err(|error| Error::io(&file, "open", &error))?.len();
    if bytes > MAX_BYTES {
        let diagnostic = Diagnostic::new("config-size", Site::file(file), "the file is too long for arguments");
        return Err(Error::limit(diagnostic.expected(format!("at most {MAX_BYTES} bytes")).found(bytes)));
    }
    let text = fs::read_to_string(path).map_err(|error| Error::io(&file, "read", &error))?;
    parse(&file, &text)
}

fn parse_yaml(file: &str, text: &str) -> Result<Values> {
    // Bare `no` and `yes` stay words: the arguments know whether they mean a strategy, a switch or the name of a column.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let mut entries: Vec<(String, Spanned<Value>)> =
        match serde_saphyr::from_str_with_options::<Option<BTreeMap<String, Spanned<Value>>>>(text, options) {
            Ok(entries) => entries.unwrap_or_default().into_iter().collect(),
            Err(error) => {
                let site = error.location().map_or_else(|| Site::file(file), |location| at(file, location));
                return Err(syntax(site, &yaml_message(&error)));
            }
        };
    entries.sort_by_key(|(_, value)| (value.referenced.line(), value.referenced.column()));
    entries.into_iter().map(|(name, value)| entry(at(file, value.referenced), name, value.value)).collect()
}

/// The message without the location, which stands in the site, and without advice to programmers.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().to_string();
    let end = [" at line ", ", set DuplicateKeyPolicy"].iter().filter_map(|mark| message.find(mark)).min();
    message[..end.unwrap_or(message.len())].to_owned()
}

fn parse_json(file: &str, text: &str) -> Result<Values> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let place = Place::Line(error.line() as u64, error.column() as u64);
        let message = error.to_string();
        syntax(Site::file(file).at(place), message.split(" at line ").next().unwrap_or(&message))
    })?;
    let Value::Object(entries) = value else {
        return Err(syntax(Site::file(file), "the file is JSON, and no object"));
    };
    entries
        .into_iter()
        .map(|(name, value)| {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            entry(Site::file(file).at(Place::Pointer(pointer)), name, value)
        })
        .collect()
}

fn entry(site: Site, name: String, value: Value) -> Result<(String, RawValue)> {
    let is_nested = match &value {
        Value::Object(_) => argument(&name).is_none_or(|argument| argument.kind != Kind::Mapping),
        Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
        _ => false,
    };
    if is_nested {
        let diagnostic = Diagnostic::new("config-nested", site, format!("the value of {name} is nested"));
        return Err(Error::misuse(
            diagnostic.expected("a text, a number, true, false, or a list of texts").hint("write every argument at the top level"),
        ));
    }
    Ok((name, RawValue { value, origin: Origin::File(site) }))
}

fn at(file: &str, location: Location) -> Site {
    Site::file(file).at(Place::Line(location.line(), location.column()))
}

fn syntax(site: Site, message: &str) -> Error {
    let diagnostic = Diagnostic::new("config-syntax", site, message);
    Error::malformed(diagnostic.expected("arguments and their values, such as learning_rate: 3e-5"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(values: &Values) -> Vec<(&str, Value)> {
        values.iter().map(|(name, raw)| (name.as_str(), raw.value.clone())).collect()
    }

    #[test]
    fn reads_yaml_in_its_order() {
        let values =
            parse_yaml("t.yaml", "seed: 7\nlearning_rate: 5e-5\neval_strategy: no\ndo_eval: true\ntext_column_names: [a, b]\n").unwrap();
        let expected = [
            ("seed", json!(7)),
            ("learning_rate", json!(5e-5)),
            ("eval_strategy", json!("no")),
            ("do_eval", json!(true)),
            ("text_column_names", json!(["a", "b"])),
        ];
        assert_eq!(plain(&values), expected);
        assert_eq!(values["learning_rate"].origin, Origin::File(Site::file("t.yaml").at(Place::Line(2, 16))));
    }

    #[test]
    fn an_empty_file_holds_no_arguments() {
        for text in ["", "# nothing\n", "---\n"] {
            assert!(parse_yaml("t.yaml", text).unwrap().is_empty(), "{text:?}");
        }
    }

    #[test]
    fn reads_json() {
        let values = parse_json("t.json", r#"{"seed": 7, "learning_rate": "5e-5", "data_seed": null}"#).unwrap();
        assert_eq!(plain(&values), [("seed", json!(7)), ("learning_rate", json!("5e-5")), ("data_seed", json!(null))]);
        assert_eq!(values["seed"].origin, Origin::File(Site::file("t.json").at(Place::Pointer("/seed".into()))));
    }

    #[test]
    fn says_where_the_syntax_is_wrong() {
        for (error, line) in [
            (parse_yaml("t.yaml", "seed: 7\nlearning_rate: [1\n").unwrap_err(), 2),
            (parse_yaml("t.yaml", "seed: 7\nseed: 8\n").unwrap_err(), 2),
            (parse_yaml("t.yaml", "- seed\n").unwrap_err(), 1),
            (parse_json("t.json", "{\"seed\": 7,\n\"learning_rate\" 1}").unwrap_err(), 2),
        ] {
            let diagnostic = error.diagnostic();
            assert_eq!(diagnostic.code, "config-syntax");
            assert!(matches!(diagnostic.site.place, Place::Line(found, _) if found == line), "{diagnostic}");
            assert!(!diagnostic.message.contains(" line ") && !diagnostic.message.contains("Policy"), "{diagnostic}");
        }
        assert_eq!(parse_json("t.json", "[]").unwrap_err().diagnostic().code, "config-syntax");
    }

    #[test]
    fn a_mapping_stands_where_the_argument_is_one() {
        let values = parse_yaml("t.yaml", "lr_scheduler_kwargs:\n  min_lr: 1e-6\n  mode: max\n").unwrap();
        assert_eq!(plain(&values), [("lr_scheduler_kwargs", json!({"min_lr": 1e-6, "mode": "max"}))]);
        let values = parse_json("t.json", r#"{"lr_scheduler_kwargs": {"num_cycles": 2}}"#).unwrap();
        assert_eq!(plain(&values), [("lr_scheduler_kwargs", json!({"num_cycles": 2}))]);
    }

    #[test]
    fn nested_values_are_refused() {
        for error in [parse_yaml("t.yaml", "training:\n  seed: 7\n").unwrap_err(), parse_json("t.json", r#"{"a": [[1]]}"#).unwrap_err()] {
            assert_eq!(error.diagnostic().code, "config-nested");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("train.YML");
        std::fs::write(&path, "seed: 7\ndata_seed: 8\n").unwrap();
        let command_line = Values::from_iter([("seed".to_owned(), RawValue::command_line("9"))]);
        let values = merged(Some(&path), command_line).unwrap();
        assert_eq!(plain(&values), [("seed", json!("9")), ("data_seed", json!(8))]);
    }

    #[test]
    fn other_files_are_no_files_of_arguments() {
        assert_eq!(read(Path::new("train.csv")).unwrap_err().diagnostic().code, "config-file-type");
        assert_eq!(read(Path::new("/nowhere/train.yaml")).unwrap_err().diagnostic().code, "io");
    }
}

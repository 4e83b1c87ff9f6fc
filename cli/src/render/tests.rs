//! The same outcomes in every format: fine, findings at every kind of place, names that are made to do harm, and an error.

use std::path::Path;

use rtrain::diagnostic::{Diagnostic, Error, Place, Site};
use rtrain::verify::{Comparison, FileReport, FileStatus, Report};
use serde_json::Value;

use super::{github, json, junit, sarif, text};
use crate::outcome::Outcome;

fn file(name: &str, bytes: u64, status: FileStatus) -> FileReport {
    FileReport { name: name.to_owned(), bytes, status }
}

fn fine() -> Outcome {
    let report = Report {
        directory: "run".to_owned(),
        release: Some("5.23.0"),
        files: vec![file("config.json", 888, FileStatus::Identical), file("notes.txt", 5, FileStatus::NotChecked)],
        tensors: 41,
        parameters: 36_419,
        ..Report::default()
    };
    Outcome { ignored: 2, ..Outcome::new("run".to_owned(), Ok(report)) }
}

fn broken() -> Outcome {
    let directory = "my run/checkpoint-5";
    let site = |file: &str| Site::file(format!("{directory}/{file}"));
    let findings = vec![
        Diagnostic::new("json-syntax", site("config.json").at(Place::Line(3, 14)), "expected ','").found("'\"'"),
        Diagnostic::new("safetensors-truncated", site("model.safetensors").at(Place::Bytes(8..100)), "the file ends inside its header")
            .expected("4352 bytes")
            .found("100 bytes")
            .hint("fetch or save the file again"),
        Diagnostic::new(
            "tensor-extra",
            site("model.safetensors").at(Place::Tensor("a<b>&\"c\"".into())),
            "the model has no such parameter",
        ),
        Diagnostic::new("label-maps", site("config.json").at(Place::Pointer("/label2id".into())), "100% [wrong](http://x),\r\n::error::no")
            .expected(1)
            .found("]]>\u{0}\u{1b}[2J\u{ffff}"),
        Diagnostic::new("reference-value", site("optimizer.pt").at(Place::Pointer("/state/0".into())), "the value differs"),
        Diagnostic::new("not-identical", site("::stop-commands::x,y.json"), "transformers writes other bytes for the same values"),
        Diagnostic::new("tokenizer-missing", Site::file(directory), "the directory has no tokenizer").hint("save it"),
        Diagnostic::new("reference-missing", site("vocab.txt"), "the reference has this file"),
    ];
    let files = vec![
        file("::stop-commands::x,y.json", 2, FileStatus::Differs),
        file("config.json", 700, FileStatus::Unreadable),
        file("model.safetensors", 100, FileStatus::Unreadable),
        file("optimizer.pt", 3_000_000, FileStatus::NotChecked),
    ];
    let comparisons = vec![("config.json".to_owned(), Comparison::Different), ("vocab.txt".to_owned(), Comparison::Missing)];
    let report =
        Report { directory: directory.to_owned(), reference: Some("hf".to_owned()), files, findings, comparisons, ..Report::default() };
    Outcome { omitted: [("tensor-missing", 9_899), ("tensor-shape", 1)].into(), ..Outcome::new(directory.to_owned(), Ok(report)) }
}

fn absent() -> Outcome {
    let error = std::io::Error::from(std::io::ErrorKind::NotFound);
    Outcome::new("modle".to_owned(), Err(Error::io("modle", "open the directory", &error)))
}

fn outcomes() -> [Outcome; 3] {
    [fine(), broken(), absent()]
}

const ROOT: &str = "/work";

macro_rules! assert_rendered {
    ($text:expr) => {{
        let text = anstream::adapter::strip_str(&$text).to_string();
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(text));
    }};
}

#[test]
fn as_text() {
    assert_rendered!(text::report(&outcomes(), false));
}

#[test]
fn as_json() {
    assert_rendered!(json::report(&outcomes()));
}

#[test]
fn as_sarif() {
    assert_rendered!(sarif::report(&outcomes(), Path::new(ROOT)));
}

#[test]
fn as_junit() {
    assert_rendered!(junit::report(&outcomes(), Path::new(ROOT)));
}

#[test]
fn as_github() {
    assert_rendered!(github::report(&outcomes(), Path::new(ROOT)));
}

/// What the schema of SARIF 2.1.0 asks of the parts that are written.
#[test]
fn sarif_keeps_to_its_schema() {
    let document: Value = serde_json::from_str(&sarif::report(&outcomes(), Path::new(ROOT))).unwrap();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 8);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("my%20run/checkpoint-5") && uri.is_ascii() && !uri.contains([' ', ',', ':', '<']), "{uri}");
        for (key, value) in place["region"].as_object().into_iter().flatten() {
            assert!(["startLine", "startColumn", "byteOffset", "byteLength"].contains(&key.as_str()) && value.as_u64().is_some());
        }
    }
    let invocation = &run["invocations"][0];
    assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&false.into(), &2.into()));
    assert_eq!(invocation["toolExecutionNotifications"][1]["descriptor"]["id"], "io");
}

#[test]
fn junit_is_well_formed_and_counts_right() {
    let text = junit::report(&outcomes(), Path::new(ROOT));
    let document = roxmltree::Document::parse(&text).unwrap();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<usize>().unwrap();
    let count = |node: roxmltree::Node<'_, '_>, name: &str| node.descendants().filter(|child| child.has_tag_name(name)).count();
    let root = document.root_element();
    for (attribute, element) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
        for node in root.children().filter(|node| node.is_element()).chain((attribute != "skipped").then_some(root)) {
            assert_eq!(number(node, attribute), count(node, element), "{attribute} of {:?}", node.attribute("name"));
        }
    }
    assert_eq!((count(root, "testsuite"), count(root, "testcase")), (3, 9));
}

/// Every line is a command, or what came of a directory; no text of a file begins a line of its own.
#[test]
fn github_gets_no_commands_from_files() {
    let text = github::report(&outcomes(), Path::new(ROOT));
    for line in text.lines() {
        let own = ["::error file=", "::warning file=", "::notice file=", "run: ", "my run/checkpoint-5: ", "modle: "];
        assert!(own.iter().any(|start| line.starts_with(start)), "{line}");
    }
    assert!(
        !anstream::adapter::strip_str(&super::text::report(&outcomes(), false))
            .to_string()
            .lines()
            .any(|line| line.trim().starts_with("::"))
    );
}

#[test]
fn the_first_of_each_code_is_kept() {
    let finding = |code| Diagnostic::new(code, Site::file("f"), "again");
    let mut findings: Vec<Diagnostic> = (0..23).map(|_| finding("tensor-missing")).collect();
    findings.extend([finding("label-maps"), finding("tensor-shape"), finding("tensor-shape")]);
    let mut outcome = Outcome::new("d".to_owned(), Ok(Report { findings, ..Report::default() }));
    outcome.limit(4);
    let codes: Vec<&str> = outcome.result.as_ref().unwrap().findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["tensor-missing", "tensor-missing", "label-maps", "tensor-shape"]);
    assert_eq!(outcome.omitted, [("tensor-missing", 21), ("tensor-shape", 1)].into());
    assert_eq!((outcome.findings(), outcome.exit_code()), (26, 1));
    outcome.limit(100);
    assert_eq!(outcome.findings(), 26);
}

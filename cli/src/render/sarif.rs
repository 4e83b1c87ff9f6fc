//! SARIF 2.1.0, which code scanning reads.

use std::path::Path;

use rtrain::diagnostic::codes::{self, Code};
use rtrain::diagnostic::{Diagnostic, Place};
use serde_json::{Value, json};

use super::path::uri;
use super::wording::{details, omission, printable};
use crate::outcome::Outcome;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The report of `rtrain verify --format sarif`: a finding is a result; why a directory could not be checked is a notification.
pub fn report(outcomes: &[Outcome], root: &Path) -> String {
    let reports = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
    let findings: Vec<&Diagnostic> = reports.flat_map(|report| &report.findings).collect();
    let mut rules: Vec<&Code> = Vec::new();
    for code in findings.iter().filter_map(|finding| codes::find(finding.code)) {
        if !rules.contains(&code) {
            rules.push(code);
        }
    }
    let exit_code = outcomes.iter().map(Outcome::exit_code).max().unwrap_or(0);
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rtrain",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": exit_code != crate::COULD_NOT_RUN,
                "exitCode": exit_code,
                "toolExecutionNotifications": outcomes.iter().flat_map(|outcome| notifications(outcome, root)).collect::<Vec<_>>(),
            }],
            "results": findings.iter().map(|finding| result(finding, &rules, root)).collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.meaning},
        "help": {"text": format!("{} {}", code.cause, code.remedy)},
        "helpUri": format!("{}/blob/main/docs/codes.md#{}", env!("CARGO_PKG_REPOSITORY"), code.name),
        "defaultConfiguration": {"level": code.severity.name()},
    })
}

fn result(finding: &Diagnostic, rules: &[&Code], root: &Path) -> Value {
    json!({
        "ruleId": finding.code,
        "ruleIndex": rules.iter().position(|code| code.name == finding.code).map_or(-1, |index| index as i64),
        "level": finding.severity().name(),
        "message": {"text": message(finding)},
        "locations": locations(finding, root),
    })
}

/// Why there is no report, or what the report leaves out.
fn notifications(outcome: &Outcome, root: &Path) -> Vec<Value> {
    let mut notifications = Vec::new();
    if let Err(error) = &outcome.result {
        let diagnostic = error.diagnostic();
        notifications.push(json!({
            "level": "error",
            "message": {"text": message(diagnostic)},
            "descriptor": {"id": diagnostic.code},
            "locations": locations(diagnostic, root),
        }));
    }
    if !outcome.omitted.is_empty() {
        let text = format!("{}: {}", printable(&outcome.directory), omission(&outcome.omitted));
        notifications.push(json!({"level": "note", "message": {"text": text}}));
    }
    notifications
}

/// Message and details in lines of plain text, without what SARIF takes for a link, `[words](address)`, or for a placeholder, `{0}`.
fn message(finding: &Diagnostic) -> String {
    let text = details(finding).fold(printable(&finding.message), |text, (label, detail)| format!("{text}\n{label} {detail}"));
    text.replace("](", "] (").replace('{', "{{").replace('}', "}}")
}

fn locations(finding: &Diagnostic, root: &Path) -> Value {
    if finding.site.file.is_empty() {
        return json!([]);
    }
    let (uri, is_relative) = uri(&finding.site.file, root);
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": uri}}});
    if is_relative {
        location["physicalLocation"]["artifactLocation"]["uriBaseId"] = "%SRCROOT%".into();
    }
    match &finding.site.place {
        Place::Line(line, column) => location["physicalLocation"]["region"] = json!({"startLine": line, "startColumn": column}),
        Place::Bytes(range) => {
            let region = json!({"byteOffset": range.start, "byteLength": range.end.saturating_sub(range.start)});
            location["physicalLocation"]["region"] = region;
        }
        place => {
            if let Some((kind, name)) = logical(place) {
                location["logicalLocations"] = json!([{"fullyQualifiedName": name, "kind": kind}]);
            }
        }
    }
    json!([location])
}

/// Kind and full name of a place that is no range of lines or bytes.
fn logical(place: &Place) -> Option<(&'static str, &str)> {
    match place {
        Place::Tensor(name) => Some(("tensor", name)),
        Place::Pointer(pointer) => Some(("property", pointer)),
        Place::Column(name) => Some(("column", name)),
        Place::Whole | Place::Bytes(_) | Place::Line(..) => None,
    }
}

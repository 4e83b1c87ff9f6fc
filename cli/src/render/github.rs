//! Workflow commands of GitHub Actions, which become annotations of the changed files.

use std::fmt::Write;
use std::path::Path;

use rtrain::diagnostic::{Diagnostic, Place};

use super::path::relative;
use super::text;
use super::wording::{omission, paragraph};
use crate::outcome::Outcome;

/// The report of `rtrain verify --format github`: one command a finding, and one line a directory for whoever reads the log.
pub fn report(outcomes: &[Outcome], root: &Path) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        match &outcome.result {
            Ok(report) => report.findings.iter().for_each(|finding| command(&mut out, finding, root)),
            Err(error) => command(&mut out, error.diagnostic(), root),
        }
        if !outcome.omitted.is_empty() {
            let file = property(&relative(&outcome.directory, root));
            let _ = writeln!(out, "::notice file={file},title=rtrain::{}", data(&omission(&outcome.omitted)));
        }
        out.push_str(&text::verdict(outcome));
    }
    out
}

fn command(out: &mut String, finding: &Diagnostic, root: &Path) {
    let _ = write!(out, "::{} ", finding.severity().name());
    if !finding.site.file.is_empty() {
        let _ = write!(out, "file={},", property(&relative(&finding.site.file, root)));
    }
    if let Place::Line(line, column) = finding.site.place {
        let _ = write!(out, "line={line},col={column},");
    }
    let _ = writeln!(out, "title=rtrain {}::{}", finding.code, data(&paragraph(finding)));
}

/// The text of a command, escaped as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command, escaped as the runner reads it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

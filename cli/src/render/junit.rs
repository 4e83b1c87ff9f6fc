//! JUnit's XML, which the test views of CI systems read: a suite a directory, a test case a file.
//!
//! Those views differ in what they make of several failures in one case, so that all findings of a file stand in one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use rtrain::diagnostic::Diagnostic;
use rtrain::verify::{FileStatus, Report};

use super::path::relative;
use super::wording::{counted, omission, paragraph, printable};
use crate::outcome::{Outcome, name_in};

/// The report of `rtrain verify --format junit`.
pub fn report(outcomes: &[Outcome], root: &Path) -> String {
    let suites: Vec<Suite<'_>> = outcomes.iter().map(Suite::of).collect();
    let total = |count: fn(&Suite<'_>) -> usize| suites.iter().map(count).sum::<usize>();
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let (tests, failures) = (total(|suite| suite.cases.len()), total(|suite| suite.number(|case| !case.findings.is_empty())));
    let errors = total(|suite| usize::from(suite.error.is_some()));
    let _ = writeln!(out, "<testsuites name=\"rtrain verify\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">");
    for suite in &suites {
        suite.write(&mut out, root);
    }
    out + "</testsuites>\n"
}

/// One directory.
struct Suite<'a> {
    directory: &'a str,
    cases: Vec<Case<'a>>,
    error: Option<&'a Diagnostic>,
    omitted: &'a BTreeMap<&'static str, usize>,
}

/// One file, or the directory itself.
struct Case<'a> {
    path: String,
    is_skipped: bool,
    findings: Vec<&'a Diagnostic>,
}

impl<'a> Suite<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let (cases, error) = match &outcome.result {
            Ok(report) => (cases(&outcome.directory, report), None),
            Err(error) => {
                let case = Case { path: outcome.directory.clone(), is_skipped: false, findings: Vec::new() };
                (vec![case], Some(error.diagnostic()))
            }
        };
        Suite { directory: &outcome.directory, cases, error, omitted: &outcome.omitted }
    }

    fn number(&self, condition: fn(&Case<'_>) -> bool) -> usize {
        self.cases.iter().filter(|case| condition(case)).count()
    }

    fn write(&self, out: &mut String, root: &Path) {
        let name = attribute(&relative(self.directory, root));
        let failures = self.number(|case| !case.findings.is_empty());
        let (errors, skipped) = (usize::from(self.error.is_some()), self.number(|case| case.is_skipped));
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\">",
            self.cases.len()
        );
        for case in &self.cases {
            self.write_case(out, case, root);
        }
        if !self.omitted.is_empty() {
            let _ = writeln!(out, "    <system-out>{}</system-out>", content(&omission(self.omitted)));
        }
        out.push_str("  </testsuite>\n");
    }

    fn write_case(&self, out: &mut String, case: &Case<'_>, root: &Path) {
        let suite = attribute(&relative(self.directory, root));
        let file = relative(&case.path, root);
        let name = Some(name_in(self.directory, &case.path)).filter(|name| !name.is_empty()).unwrap_or(&file);
        let _ = write!(out, "    <testcase classname=\"{suite}\" name=\"{}\" file=\"{}\"", attribute(name), attribute(&file));
        if let Some(error) = self.error {
            out.push_str(">\n");
            problem(out, "error", &[error]);
        } else if !case.findings.is_empty() {
            out.push_str(">\n");
            problem(out, "failure", &case.findings);
        } else if case.is_skipped {
            out.push_str(">\n      <skipped message=\"rtrain does not know this file\"/>\n");
        } else {
            out.push_str("/>\n");
            return;
        }
        out.push_str("    </testcase>\n");
    }
}

/// The files of the directory, and after them what else has findings: files that are missing, and the directory itself.
fn cases<'a>(directory: &str, report: &'a Report) -> Vec<Case<'a>> {
    let file_case = |file: &rtrain::verify::FileReport| {
        let separator = if directory.is_empty() || directory.ends_with('/') { "" } else { "/" };
        let is_skipped = file.status == FileStatus::NotChecked;
        Case { path: format!("{directory}{separator}{}", file.name), is_skipped, findings: Vec::new() }
    };
    let mut cases: Vec<Case<'a>> = report.files.iter().map(file_case).collect();
    for finding in &report.findings {
        let file = name_in(directory, &finding.site.file);
        let position = cases.iter().position(|case| name_in(directory, &case.path) == file).unwrap_or_else(|| {
            cases.push(Case { path: finding.site.file.clone(), is_skipped: false, findings: Vec::new() });
            cases.len() - 1
        });
        cases[position].is_skipped = false;
        cases[position].findings.push(finding);
    }
    cases
}

/// A `failure` or an `error`: the first finding in its attributes, all of them in its text.
fn problem(out: &mut String, element: &str, findings: &[&Diagnostic]) {
    let Some(first) = findings.first() else { return };
    let more = if findings.len() > 1 { format!(" (and {})", counted(findings.len() - 1, "more finding")) } else { String::new() };
    let message = format!("{}{more}", printable(&first.message));
    let _ = write!(out, "      <{element} type=\"{}\" message=\"{}\">", attribute(first.code), attribute(&message));
    let paragraphs: Vec<String> =
        findings.iter().map(|finding| format!("{}[{}]: {}\n", finding.severity().name(), finding.code, paragraph(finding))).collect();
    let _ = writeln!(out, "{}</{element}>", content(&paragraphs.join("\n")));
}

/// Text between tags. XML 1.0 has no place for most control characters, not even escaped.
fn content(text: &str) -> String {
    let is_allowed = |character: char| matches!(character, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let text: String = text.chars().map(|character| if is_allowed(character) { character } else { '\u{fffd}' }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

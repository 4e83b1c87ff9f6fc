//! Results for programs: indented JSON with a newline at the end.

use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::verify::Report;

use crate::outcome::Outcome;

/// The report of `rtrain verify --format json`: an object whose `ok` says whether every directory is, and whose `reports` has one object a
/// directory. [`Report::to_json`] names the keys of those; `ignored` is a number of findings, `omitted` maps codes to numbers of findings
/// that are not shown, and `error` says why a directory could not be checked.
pub fn report(outcomes: &[Outcome]) -> String {
    let ok = outcomes.iter().all(|outcome| outcome.exit_code() == 0);
    let reports = outcomes.iter().map(outcome_json).collect();
    let document = Json::Object(vec![("ok".to_owned(), ok.into()), ("reports".to_owned(), Json::Array(reports))]);
    dumps(&document, Layout::PythonUnicode { indent: 2 }) + "\n"
}

fn outcome_json(outcome: &Outcome) -> Json {
    let nothing = Report { directory: outcome.directory.clone(), ..Report::default() };
    let report = outcome.result.as_ref().unwrap_or(&nothing).to_json();
    let mut entries = report.entries().unwrap_or_default().to_vec();
    if let Some((_, ok)) = entries.iter_mut().find(|(key, _)| key == "ok") {
        *ok = (outcome.exit_code() == 0).into();
    }
    let omitted = outcome.omitted.iter().map(|(code, count)| ((*code).to_owned(), (*count).into())).collect();
    let error = outcome.result.as_ref().err().map(|error| error.diagnostic().to_json());
    entries.extend([
        ("ignored".to_owned(), outcome.ignored.into()),
        ("omitted".to_owned(), Json::Object(omitted)),
        ("error".to_owned(), error.into()),
    ]);
    Json::Object(entries)
}

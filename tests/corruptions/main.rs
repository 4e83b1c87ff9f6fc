//! Every corruption of a list is found by `verify`, in the right file and at the right place.
//!
//! With `RTRAIN_CORRUPTIONS` in the environment, the damaged directories stay in the folder that it names, with what was found in them;
//! `compare.py` shows them to other programs.

mod directory;
mod instructions;
mod records;
mod table;

use directory::{Directory, golden};
use rtrain::diagnostic::Diagnostic;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::storage::DiskDirectory;
use rtrain::verify::verify;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use table::{By, Corruption};

/// What `verify` finds, or why it could not.
fn findings(directory: &Path, reference: Option<&Path>) -> Vec<Diagnostic> {
    let open = |path: &Path| DiskDirectory::open(path).unwrap();
    let source = open(directory);
    let report = verify(&source).and_then(|mut report| {
        reference.map_or(Ok(()), |reference| report.compare_with(&source, &open(reference)))?;
        Ok(report)
    });
    report.map_or_else(|error| vec![error.diagnostic().clone()], |report| report.findings)
}

/// Code, file and place of a finding, the file as a name inside the directory.
fn site(finding: &Diagnostic, directory: &Path) -> (String, String, String) {
    let file = Path::new(&finding.site.file).strip_prefix(directory).unwrap();
    (finding.code.to_owned(), file.display().to_string(), finding.site.place.to_string())
}

struct Scratch {
    path: PathBuf,
    stays: bool,
}

impl Scratch {
    fn new() -> Self {
        match std::env::var_os("RTRAIN_CORRUPTIONS") {
            Some(path) => Scratch { path: path.into(), stays: true },
            None => Scratch { path: std::env::temp_dir().join(format!("rtrain-corruptions-{}", std::process::id())), stays: false },
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.stays {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[test]
fn every_corruption_is_found() {
    let scratch = Scratch::new();
    let (mut missed, mut pending, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for corruption in table::all() {
        // The last part is the name that the golden directory has: that of a checkpoint says its step.
        let path = scratch.path.join(corruption.name).join(corruption.from.rsplit('/').next().unwrap());
        let directory = Directory::copy(corruption.from, path.clone());
        (corruption.damage)(&directory);
        let reference = golden(corruption.from);
        let reference = (corruption.by == By::Reference).then_some(reference.as_path());
        let found: Vec<_> = findings(&path, reference).iter().map(|finding| site(finding, &path)).collect();
        let wanted = (corruption.code, corruption.file, corruption.place);
        let is_found = found.iter().any(|(code, file, place)| match corruption.by {
            By::Pending => file == corruption.file,
            _ => (code.as_str(), file.as_str(), place.as_str()) == wanted,
        });
        if !is_found {
            let list = if corruption.by == By::Pending { &mut pending } else { &mut missed };
            list.push(format!("{}: expected {wanted:?}, found {:?}", corruption.name, &found[..found.len().min(3)]));
        }
        rows.push(row(corruption, &found, is_found));
    }
    if scratch.stays {
        fs::write(scratch.path.join("corruptions.json"), dumps(&Json::Array(rows.clone()), Layout::Python { indent: 1 })).unwrap();
    }
    let count = rows.len() - pending.len() - missed.len();
    println!("{count} of {} corruptions are found in the right place; {} wait for a check:", rows.len(), pending.len());
    println!("{}", pending.join("\n"));
    assert!(missed.is_empty(), "{} are not found:\n{}", missed.len(), missed.join("\n"));
    assert!(count >= 250);
}

/// A corruption and what was found, for `compare.py`.
fn row(corruption: &Corruption, found: &[(String, String, String)], is_found: bool) -> Json {
    let text = |text: &str| Json::from(text);
    let by = match corruption.by {
        By::Itself => "itself",
        By::Reference => "reference",
        By::Pending => "pending",
    };
    let object = |code: &str, file: &str, place: &str| {
        Json::Object(
            [("code", text(code)), ("file", text(file)), ("place", text(place))].map(|(key, value)| (key.to_owned(), value)).into(),
        )
    };
    let findings = found.iter().take(3).map(|(code, file, place)| object(code, file, place)).collect();
    let expected = object(corruption.code, corruption.file, corruption.place);
    let entries = [
        ("name", text(corruption.name)),
        ("from", text(corruption.from)),
        ("what", text(corruption.what)),
        ("by", text(by)),
        ("found", Json::Bool(is_found)),
        ("expected", expected),
        ("findings", Json::Array(findings)),
    ];
    Json::Object(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

#[test]
fn the_undamaged_directories_are_clean() {
    let names: BTreeSet<&str> = table::all().iter().map(|corruption| corruption.from).collect();
    for name in &names {
        let path = golden(name);
        let mut found = findings(&path, Some(&path));
        // There is no table of the parameters of some classes; this is not about them.
        found.retain(|finding| finding.code != "unsupported-architecture");
        assert_eq!(found, [], "{name}");
    }
    assert!(names.len() >= 10);
}

#[test]
fn names_are_unique_and_codes_are_known() {
    let all = table::all();
    let names: BTreeSet<&str> = all.iter().map(|corruption| corruption.name).collect();
    assert_eq!(names.len(), all.len());
    for corruption in all.iter().filter(|corruption| corruption.by != By::Pending) {
        assert!(rtrain::diagnostic::codes::find(corruption.code).is_some(), "{}", corruption.name);
    }
}

//! What came of verifying one directory: what every renderer prints.

use std::collections::{BTreeMap, BTreeSet};

use rtrain::diagnostic::Error;
use rtrain::verify::Report;

use crate::ignore::Ignored;

/// What came of one directory.
#[derive(Debug)]
pub struct Outcome {
    /// Path of the directory as the user knows it.
    pub directory: String,
    /// The report, or why there is none.
    pub result: Result<Report, Error>,
    /// Number of findings that `--ignore` left out.
    pub ignored: usize,
    /// Codes and numbers of findings beyond `--max-findings`.
    pub omitted: BTreeMap<&'static str, usize>,
}

impl Outcome {
    /// An outcome with nothing left out.
    pub fn new(directory: String, result: Result<Report, Error>) -> Self {
        Outcome { directory, result, ignored: 0, omitted: BTreeMap::new() }
    }

    /// Leaves out what is ignored; `name` is the directory's name inside its run, or empty.
    pub fn ignore(&mut self, patterns: &[Ignored], name: &str) {
        let Ok(report) = &mut self.result else { return };
        let in_run = |file: &str| match (name, file) {
            ("", file) => file.to_owned(),
            (name, "") => name.to_owned(),
            (name, file) => format!("{name}/{file}"),
        };
        let file_is_ignored = |file: &str| patterns.iter().any(|pattern| pattern.file(&[file, &in_run(file)]));
        report.files.retain(|file| !file_is_ignored(&file.name));
        report.comparisons.retain(|(file, _)| !file_is_ignored(file));
        let before = report.findings.len();
        report.findings.retain(|finding| {
            let file = name_in(&self.directory, &finding.site.file);
            !patterns.iter().any(|pattern| pattern.finding(finding.code, &[file, &in_run(file)]))
        });
        self.ignored = before - report.findings.len();
    }

    /// Keeps `limit` findings and counts the others: the first of every code goes before the second of any.
    pub fn limit(&mut self, limit: usize) {
        let Ok(report) = &mut self.result else { return };
        let mut ranks: BTreeMap<&str, usize> = BTreeMap::new();
        let ranked = report.findings.iter().enumerate().map(|(position, finding)| {
            let rank = ranks.entry(finding.code).or_default();
            *rank += 1;
            (*rank, position)
        });
        let mut order: Vec<(usize, usize)> = ranked.collect();
        order.sort_unstable();
        let beyond: BTreeSet<usize> = order.into_iter().skip(limit).map(|(_, position)| position).collect();
        for position in &beyond {
            *self.omitted.entry(report.findings[*position].code).or_default() += 1;
        }
        let mut position = 0..;
        report.findings.retain(|_| position.next().is_none_or(|position| !beyond.contains(&position)));
    }

    /// Number of findings, shown or not.
    pub fn findings(&self) -> usize {
        let shown = self.result.as_ref().map_or(0, |report| report.findings.len());
        shown + self.omitted.values().sum::<usize>()
    }

    /// The exit code that this directory asks for.
    pub fn exit_code(&self) -> u8 {
        match &self.result {
            Ok(_) => u8::from(self.findings() > 0),
            Err(_) => crate::COULD_NOT_RUN,
        }
    }
}

/// The name of a file inside its directory; a path elsewhere stays as it is, and the directory itself has an empty name.
pub fn name_in<'a>(directory: &str, file: &'a str) -> &'a str {
    let separators = ['/', std::path::MAIN_SEPARATOR];
    match file.strip_prefix(directory) {
        Some(rest) if rest.is_empty() || directory.ends_with(separators) || rest.starts_with(separators) => {
            rest.trim_start_matches(separators)
        }
        _ => file,
    }
}

//! What came of verifying one directory: what every renderer prints.

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
    pub omitted: Vec<(&'static str, usize)>,
}

impl Outcome {
    /// An outcome with nothing left out.
    pub fn new(directory: String, result: Result<Report, Error>) -> Self {
        Outcome { directory, result, ignored: 0, omitted: Vec::new() }
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
        if report.findings.len() <= limit {
            return;
        }
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        let mut ranks = Vec::with_capacity(report.findings.len());
        for (position, finding) in report.findings.iter().enumerate() {
            let index = counts.iter().position(|(code, _)| *code == finding.code).unwrap_or(counts.len());
            if index == counts.len() {
                counts.push((finding.code, 0));
            }
            ranks.push((counts[index].1, position));
            counts[index].1 += 1;
        }
        ranks.sort_unstable();
        let mut kept: Vec<usize> = ranks.into_iter().take(limit).map(|(_, position)| position).collect();
        kept.sort_unstable();
        let findings = std::mem::take(&mut report.findings);
        let mut kept = kept.into_iter().peekable();
        report.findings = findings
            .into_iter()
            .enumerate()
            .filter(|(position, _)| kept.next_if_eq(position).is_some())
            .map(|(_, finding)| finding)
            .collect();
        for (code, count) in &mut counts {
            *count -= report.findings.iter().filter(|finding| finding.code == *code).count();
        }
        counts.retain(|(_, count)| *count > 0);
        self.omitted = counts;
    }

    /// Number of findings, shown or not.
    pub fn findings(&self) -> usize {
        let shown = self.result.as_ref().map_or(0, |report| report.findings.len());
        shown + self.omitted.iter().map(|(_, count)| count).sum::<usize>()
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

//! Whether a directory is what transformers would have written: every file is read into values, written again and compared, and the values
//! of the files are held against each other. Nothing is executed, nothing is written.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod consistency;
mod reference;
mod report_json;
mod round_trip;
#[cfg(test)]
mod tests;
mod tolerance;

pub use reference::{Comparison, Comparisons, compare};
pub use round_trip::FileStatus;
pub use tolerance::Tolerance;

use crate::diagnostic::{Diagnostic, Result, Site};
use crate::storage::Source;

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// File name inside the directory.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it was read, and written again with the same bytes.
    pub status: FileStatus,
}

/// What a verification found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Path of the directory as the user knows it.
    pub directory: String,
    /// Path of the reference directory, if there is one.
    pub reference: Option<String>,
    /// The transformers release by whose rules `config.json` was checked; none where it names a release that is not known here. The files
    /// are then only read, written again and compared.
    pub release: Option<&'static str>,
    /// Every file of the directory, by name.
    pub files: Vec<FileReport>,
    /// What is wrong, in the order of the checks.
    pub findings: Vec<Diagnostic>,
    /// Number of tensors that were checked.
    pub tensors: u64,
    /// Number of elements of those tensors.
    pub parameters: u64,
    /// Each file held against the reference directory, if there is one.
    pub comparisons: Comparisons,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds how the directory relates to a reference; every difference is a finding.
    ///
    /// # Errors
    /// A file cannot be read from the disk.
    pub fn compare_with(&mut self, source: &dyn Source, reference: &dyn Source) -> Result<()> {
        self.compare_within(source, reference, Tolerance::default())
    }

    /// As [`Report::compare_with`], where tensors within the tolerance are no findings.
    ///
    /// # Errors
    /// A file cannot be read from the disk.
    pub fn compare_within(&mut self, source: &dyn Source, reference: &dyn Source, tolerance: Tolerance) -> Result<()> {
        let (comparisons, findings) = compare(source, reference, tolerance)?;
        self.reference = Some(reference.path(""));
        self.comparisons = comparisons;
        self.findings.extend(findings);
        Ok(())
    }

    /// How a file relates to the reference, if there is one.
    pub fn comparison(&self, file: &str) -> Option<Comparison> {
        self.comparisons.iter().find(|(name, _)| name == file).map(|(_, comparison)| *comparison)
    }
}

/// Checks a model directory alone.
///
/// # Errors
/// A file cannot be read from the disk, or the directory has no `config.json`: nothing could be checked then. Whatever is wrong inside a
/// file is a finding, not an error.
pub fn verify(source: &dyn Source) -> Result<Report> {
    let names = source.names()?;
    if !names.iter().any(|name| name == "config.json") {
        let diagnostic = Diagnostic::new("not-a-model-directory", Site::file(source.path("")), "this is not a model directory");
        let hint = "name the directory that transformers' save_pretrained, or rtrain train, has written";
        return Err(crate::diagnostic::Error::misuse(diagnostic.expected("a config.json in it").hint(hint)));
    }
    let mut report = Report { directory: source.path(""), ..Report::default() };
    for name in &names {
        let Some(content) = source.open(name)? else { continue };
        let status = round_trip::check(name, &source.path(name), content.as_ref(), &mut report.findings)?;
        report.files.push(FileReport { name: name.clone(), bytes: content.length(), status });
    }
    consistency::check(source, &mut report)?;
    Ok(report)
}

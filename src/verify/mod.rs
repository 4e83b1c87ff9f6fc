//! Whether a directory is what transformers would have written: every file is read into values, written again and compared, and the values
//! of the files are held against each other. Nothing is executed, nothing is written.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]

mod consistency;
mod identity;
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
use crate::format::release::{DEFAULT, Release};
use crate::storage::Source;
use round_trip::{Files, TorchFiles};

/// Files of which a directory has at least one, to be taken for that of a model, of an adapter or of a run.
pub const MARKS: [&str; 3] = ["config.json", "adapter_config.json", "trainer_state.json"];

/// The one folder of a model directory.
const TEMPLATES: &str = "additional_chat_templates";

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
    /// The transformers release by whose rules the directory was checked: the one that was asked for, or that it names, or that its files
    /// are of; none where it names a release that is not known here. The files are then read, written again and compared, and which of them
    /// there must be is not checked.
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

/// Checks a directory alone: of a model, of an adapter, or of a checkpoint, by the rules of the release that it names.
///
/// # Errors
/// A file cannot be read from the disk, or nothing in the directory is of a model or of a run: nothing could be checked then. Whatever is
/// wrong inside a file is a finding, not an error.
pub fn verify(source: &dyn Source) -> Result<Report> {
    verify_as(source, None)
}

/// As [`verify`], by the rules of a release whatever the directory says, if one is given.
///
/// # Errors
/// Those of [`verify`].
pub fn verify_as(source: &dyn Source, release: Option<&'static Release>) -> Result<Report> {
    let mut names = source.names()?;
    names.extend(source.names_in(TEMPLATES)?);
    names.sort();
    if !names.iter().any(|name| MARKS.contains(&name.as_str())) {
        let diagnostic = Diagnostic::new("not-a-model-directory", Site::file(source.path("")), "this is not a model directory");
        let hint = "name the directory that transformers' save_pretrained, or rtrain train, has written";
        return Err(crate::diagnostic::Error::misuse(diagnostic.expected("a config.json in it").hint(hint)));
    }
    let mut report = Report { directory: source.path(""), ..Report::default() };
    let identity = identity::identify(source, &names, release, &mut report.findings)?;
    report.release = identity.release.map(|release| release.version);
    let hinted = report.release.unwrap_or(DEFAULT.version);
    let mut read = Files { release: hinted, torch: TorchFiles::new(), findings: std::mem::take(&mut report.findings) };
    for name in &names {
        let Some(content) = source.open(name)? else { continue };
        let status = read.check(name, &source.path(name), content.as_ref())?;
        report.files.push(FileReport { name: name.clone(), bytes: content.length(), status });
    }
    report.findings = read.findings;
    consistency::check(source, names, identity, read.torch, &mut report)?;
    Ok(report)
}

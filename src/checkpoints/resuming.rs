//! Which checkpoint a run goes on from: the newest one that is whole.

use super::{Checkpoints, record};
use crate::diagnostic::codes::Severity;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::json::Json;
use crate::storage::FileSystem;
use crate::storage::commit::finish_replacing;
use crate::verify::verify;

/// A checkpoint that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumable {
    /// Its directory.
    pub path: String,
    /// What was given to [`Checkpoints::save`] with it; nothing where another program saved it.
    pub progress: Option<Json>,
}

/// `Trainer` writes this file of a checkpoint last.
const STATE: &str = "trainer_state.json";

/// Errors of [`verify`] that do not keep a run from going on.
const HARMLESS: [&str; 2] = ["tokenizer-missing", "run-best"];

impl Checkpoints<'_> {
    /// The newest checkpoint that is whole: by its record, or where there is none, by all that [`verify`] looks at. `tell` is given what was
    /// passed over, and why.
    ///
    /// # Errors
    /// There is none.
    ///
    /// # Source
    /// transformers 5.23.0, `trainer_utils.py` (`get_last_checkpoint`), takes the last one, whole or not.
    pub fn newest(&self, mut tell: impl FnMut(&Diagnostic)) -> Result<Resumable> {
        finish_replacing(self.system, self.output_dir)?;
        for step in self.steps()?.into_iter().rev() {
            let path = self.path(step);
            match judge(self.system, &path, &mut tell) {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(error) => {
                    let hint = error.diagnostic().hint.as_deref().unwrap_or("mend it, or remove it");
                    let diagnostic = Diagnostic::new("checkpoint-passed-over", Site::file(path), format!("passed over, because {error}"));
                    tell(&diagnostic.hint(hint));
                }
            }
        }
        let diagnostic = Diagnostic::new("checkpoint-none", Site::file(self.output_dir), "there is no checkpoint to go on from");
        Err(Error::misuse(
            diagnostic.expected("a folder such as checkpoint-500 that is whole").hint("leave out resume_from_checkpoint to start anew"),
        ))
    }
}

/// The checkpoint in a directory that the user has named. `tell` is given what else there is to know of it.
///
/// # Errors
/// It is not there, or not whole.
pub fn checkpoint_at(system: &dyn FileSystem, directory: &str, mut tell: impl FnMut(&Diagnostic)) -> Result<Resumable> {
    let directory = directory.trim_end_matches('/');
    let checked = finish_replacing(system, directory.rsplit_once('/').map_or(".", |(parent, _)| parent));
    checked.and_then(|()| judge(system, directory, &mut tell)).map_err(|error| {
        let message = format!("no run can go on from this checkpoint: {error}");
        let other = "name another checkpoint, or give no name to take the newest one that is whole";
        let hint = error.diagnostic().hint.as_ref().map_or(other.to_owned(), |hint| format!("{hint}; or {other}"));
        Error::malformed(Diagnostic::new("checkpoint-invalid", Site::file(directory), message).hint(hint))
    })
}

/// Whether a checkpoint is whole; the error says why it is not.
fn judge(system: &dyn FileSystem, path: &str, tell: &mut dyn FnMut(&Diagnostic)) -> Result<Resumable> {
    let source = system.open_directory(path)?;
    let records = record::read(system, path).unwrap_or_else(|error| {
        let message = format!("the checkpoint is taken without its record: {error}");
        tell(&Diagnostic::new("checkpoint-record", Site::file(path), message).hint("remove the record; its sums of the loss are lost"));
        None
    });
    let mut is_other = false;
    for record in records.unwrap_or_default() {
        let differences = record.differences(source.as_ref())?;
        match differences.first() {
            None => return Ok(Resumable { path: path.to_owned(), progress: Some(record.progress) }),
            Some(difference) if record.is_of(&differences, source.as_ref()) => return Err(Error::malformed(difference.clone())),
            Some(_) => is_other = true,
        }
    }
    if !source.contains(STATE)? {
        let diagnostic = Diagnostic::new("checkpoint-damaged", Site::file(path), "the checkpoint was not written to its end");
        return Err(Error::malformed(diagnostic.expected(STATE)));
    }
    let report = verify(source.as_ref())?;
    let is_fault = |finding: &&Diagnostic| finding.severity() == Severity::Error && !HARMLESS.contains(&finding.code);
    if let Some(finding) = report.findings.iter().find(is_fault) {
        return Err(Error::malformed(finding.clone()));
    }
    if is_other {
        let message = "rtrain's record of this checkpoint is of other files; another program has written over them since";
        tell(&Diagnostic::new("checkpoint-rewritten", Site::file(path), message).hint("the run goes on from what is there now"));
    }
    Ok(Resumable { path: path.to_owned(), progress: None })
}

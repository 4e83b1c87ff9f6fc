//! The name that `torch.save` writes into a file against the name that the file has.

use super::Directory;
use crate::diagnostic::{Diagnostic, Result, Site};
use crate::format::torch::content::TorchContent;
use crate::verify::Report;

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    for (name, content) in &directory.torch {
        let stem = match content {
            TorchContent::Optimizer(state) => &state.stem,
            TorchContent::Scheduler(state) => &state.stem,
            TorchContent::Scaler(state) => &state.stem,
            TorchContent::Rng(state) => &state.stem,
            TorchContent::StateDict(state) => &state.stem,
            TorchContent::TrainingArguments(arguments) => &arguments.stem,
        };
        if name.rsplit_once('.').map(|(stem, _)| stem) != Some(stem.as_str()) {
            let site = Site::file(directory.source.path(name));
            let diagnostic = Diagnostic::new("torch-stem", site, "the file was saved under another name");
            let hint = "give it its name back; of several processes, each has a file of its own";
            report.findings.push(diagnostic.expected(name).found(format!("{stem}, and an ending")).hint(hint));
        }
    }
    Ok(())
}

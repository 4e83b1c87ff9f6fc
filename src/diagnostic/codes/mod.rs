//! The table of all stable codes: how bad each one is, what it means, how it comes about, and what to do.
//!
//! A new code is one more row in the file of its group; a test names the rows that are missing and those that nothing uses.

mod checks;
mod conversion;
mod devices;
mod files;
mod runs;
mod safetensors;
#[cfg(test)]
mod tests;
mod text_files;
mod torch_files;
mod training;
mod weights;

/// How bad a finding is. Either kind makes `rtrain verify` return 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The directory cannot be used, or not as what it was saved as.
    Error,
    /// The directory can be used, and is not what transformers would have written, or could not be checked to the end.
    Warning,
}

impl Severity {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// What is to be said about a code wherever it occurs.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable name in kebab case.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What it means for whoever wants to use the directory.
    pub meaning: &'static str,
    /// How it usually comes about.
    pub cause: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Codes that belong together.
#[derive(Debug)]
pub struct Group {
    /// The heading above them.
    pub title: &'static str,
    /// One row a code.
    pub codes: &'static [Code],
}

/// All codes.
pub const GROUPS: &[Group] = &[
    Group { title: "Files and directories", codes: files::CODES },
    Group { title: "Safetensors", codes: safetensors::CODES },
    Group { title: "Files of torch.save", codes: torch_files::CODES },
    Group { title: "Text files beside the model", codes: text_files::CODES },
    Group { title: "Weights", codes: weights::CODES },
    Group { title: "The files against each other and against a reference", codes: checks::CODES },
    Group { title: "Checkpoints and runs", codes: runs::CODES },
    Group { title: "Converting", codes: conversion::CODES },
    Group { title: "Training, evaluating and predicting", codes: training::CODES },
    Group { title: "Devices", codes: devices::CODES },
];

/// Every row of the table, group by group.
pub fn all() -> impl Iterator<Item = &'static Code> {
    GROUPS.iter().flat_map(|group| group.codes)
}

/// The row of a code.
pub fn find(name: &str) -> Option<&'static Code> {
    all().find(|code| code.name == name)
}

const fn error(name: &'static str, title: &'static str, meaning: &'static str, cause: &'static str, remedy: &'static str) -> Code {
    Code { name, severity: Severity::Error, title, meaning, cause, remedy }
}

const fn warning(name: &'static str, title: &'static str, meaning: &'static str, cause: &'static str, remedy: &'static str) -> Code {
    Code { name, severity: Severity::Warning, title, meaning, cause, remedy }
}

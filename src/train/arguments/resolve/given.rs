//! The arguments that were given, by name and type.

use super::Given;
use crate::diagnostic::{Diagnostic, Site};
use crate::train::arguments::StepCount;
use crate::train::arguments::raw::Typed;
use std::path::PathBuf;

impl Given<'_> {
    pub(super) fn at(&self, name: &str, code: &'static str, message: String) -> Diagnostic {
        match self.values.get(name) {
            Some(raw) => raw.diagnostic(code, message),
            None => Diagnostic::new(code, Site::default(), message),
        }
    }

    pub(super) fn written(&self, name: &str) -> String {
        self.values.get(name).map_or_else(|| name.to_owned(), |raw| raw.written(name))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.typed.get(name) {
            Some(Typed::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    pub(super) fn files(&self, name: &str) -> Vec<(Option<String>, PathBuf)> {
        match self.typed.get(name) {
            Some(Typed::Files(files)) => files.iter().map(|(name, path)| (name.clone(), PathBuf::from(path))).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn names(&self, name: &str) -> Option<Vec<String>> {
        match self.typed.get(name) {
            Some(Typed::Names(names)) => Some(names.clone()),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.typed.get(name) {
            Some(Typed::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn mapping(&self, name: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
        match self.typed.get(name) {
            Some(Typed::Mapping(entries)) => Some(entries.clone()),
            _ => None,
        }
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.flag(name) == Some(true)
    }

    pub(super) fn count(&self, name: &str) -> Option<usize> {
        match self.typed.get(name) {
            Some(Typed::Integer(number)) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    pub(super) fn seed(&self, name: &str) -> Option<u64> {
        match self.typed.get(name) {
            Some(Typed::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    pub(super) fn float(&self, name: &str) -> f64 {
        match self.typed.get(name) {
            Some(Typed::Float(number)) => *number,
            _ => 0.0,
        }
    }

    pub(super) fn is_zero(&self, name: &str) -> bool {
        self.float(name) == 0.0
    }

    pub(super) fn steps(&self, name: &str) -> StepCount {
        match self.float(name) {
            share if share > 0.0 && share < 1.0 => StepCount::Share(share),
            steps => StepCount::Steps(steps as usize),
        }
    }

    /// # Panics
    /// Where the table and the enumeration disagree, which the tests rule out.
    pub(super) fn choice<T>(&self, name: &str, from_name: fn(&str) -> Option<T>) -> T {
        let choice = self.text(name).and_then(|word| from_name(&word));
        choice.unwrap_or_else(|| panic!("the table allows a {name} that its type does not have"))
    }
}

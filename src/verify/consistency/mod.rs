//! The files against each other, one room a subject.

mod index;
mod labels;
mod tensors;
mod tokenizer;
mod values;
mod weights;

use super::Report;
use crate::diagnostic::Result;
use crate::format::config::Config;
use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};
use crate::storage::Source;
use weights::{Weights, WeightsFile};

/// What the checks look at. A file that could not be read is not here, and has its finding already.
struct Directory<'a> {
    source: &'a dyn Source,
    config: Option<Config>,
    weights: Option<Weights<'a>>,
}

impl<'a> Directory<'a> {
    /// The files of the weights; none where one of them could not be read.
    fn files(&self) -> &[WeightsFile<'a>] {
        self.weights.as_ref().map_or(&[], |weights| &weights.files)
    }
}

/// A check adds what does not fit together to the findings, and what it counted to the report.
type Check = fn(&Directory<'_>, &mut Report) -> Result<()>;

const CHECKS: [Check; 5] = [labels::check, tokenizer::check, index::check, values::check, tensors::check];

/// Runs every check.
///
/// # Errors
/// A file cannot be read from the disk.
pub(super) fn check(source: &dyn Source, report: &mut Report) -> Result<()> {
    let bytes = source.read("config.json")?.unwrap_or_default();
    let config = Config::parse(&source.path("config.json"), &bytes).ok();
    report.release = config.as_ref().and_then(Config::release).map(|release| release.version);
    let weights = tensors::open(source, &mut report.findings)?;
    let directory = Directory { source, config, weights };
    CHECKS.iter().try_for_each(|check| check(&directory, report))
}

fn show(value: Option<&Json>) -> String {
    value.map_or("nothing".to_owned(), |value| dumps(value, Layout::Compact))
}

//! The tensors against the parameter table of the config's class.

use super::weights::{Weight, Weights};
use super::{Directory, show};
use crate::architecture::{self, ParameterTable, bert};
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::storage::Source;
use crate::verify::Report;
use std::collections::{BTreeMap, BTreeSet};

/// Opens the weights; what is wrong with them is a finding, unless one names the same file already.
pub(super) fn open<'a>(source: &'a dyn Source, findings: &mut Vec<Diagnostic>) -> Result<Option<Weights<'a>>> {
    match Weights::open(source) {
        Ok(weights) => Ok(Some(weights)),
        Err(error @ crate::diagnostic::Error::Io(_)) => Err(error),
        Err(error) => {
            if !findings.iter().any(|finding| finding.site.file == error.diagnostic().site.file) {
                findings.push(error.diagnostic().clone());
            }
            Ok(None)
        }
    }
}

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(config) = directory.config.as_ref().filter(|_| !directory.files().is_empty()) else { return Ok(()) };
    match architecture::inventory(config) {
        Some(Ok(table)) => check_inventory(directory, &table, &mut report.findings),
        Some(Err(error)) => report.findings.push(error.diagnostic().clone()),
        None => {
            let diagnostic =
                Diagnostic::new("unsupported-architecture", config.site("architectures"), "rtrain has no parameter table for this class");
            report.findings.push(diagnostic.expected(architecture::CLASSES).found(show(config.get("architectures"))));
        }
    }
    Ok(())
}

fn check_inventory(directory: &Directory<'_>, table: &ParameterTable, findings: &mut Vec<Diagnostic>) {
    let site = |shard: &str, tensor: &str| Site::file(directory.source.path(shard)).at(Place::Tensor(tensor.to_owned()));
    let first = directory.files().first().map_or("", |file| file.name.as_str());
    let tensors: BTreeMap<&str, (&str, &Weight)> = directory
        .files()
        .iter()
        .rev()
        .flat_map(|file| file.tensors.iter().map(|tensor| (tensor.name.as_str(), (file.name.as_str(), tensor))))
        .collect();
    let mut known = BTreeSet::new();
    for parameter in &table.parameters {
        let mut names = bert::checkpoint_names(&parameter.name);
        names.retain(|name| name.starts_with("bert.") == parameter.name.starts_with("bert."));
        let Some((shard, info)) = names.iter().find_map(|name| tensors.get(name.as_str())) else {
            let diagnostic = Diagnostic::new("tensor-missing", site(first, &parameter.name), "the tensor is missing");
            findings.push(diagnostic.expected(format!("a tensor of shape {:?}", parameter.shape)));
            continue;
        };
        let shape: Vec<u64> = parameter.shape.iter().map(|&size| u64::try_from(size).unwrap_or(u64::MAX)).collect();
        if info.shape != shape {
            let diagnostic = Diagnostic::new("tensor-shape", site(shard, &info.name), "the tensor's shape does not fit config.json");
            findings.push(diagnostic.expected(format!("{shape:?}")).found(format!("{:?}", info.shape)));
        }
        if info.dtype.config_name().is_none() {
            let diagnostic = Diagnostic::new("tensor-dtype", site(shard, &info.name), "a parameter must be a float tensor");
            findings.push(diagnostic.found(info.dtype.name()));
        }
        known.insert(info.name.as_str());
    }
    for shard in directory.files() {
        for tensor in shard.tensors.iter().filter(|tensor| !known.contains(tensor.name.as_str())) {
            findings.push(Diagnostic::new("tensor-extra", site(&shard.name, &tensor.name), "the model has no such parameter"));
        }
    }
}

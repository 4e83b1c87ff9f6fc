//! The tensors against the parameter table of the config's class, and against the element type that the config says.

use super::weights::{Values, Weight, Weights};
use super::{Directory, show};
use crate::architecture::{self, ARCHITECTURES, Parameter, ParameterTable};
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::verify::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Opens the weights; what is wrong with them is a finding, unless one names the same file already.
pub(super) fn open<'a>(directory: &Directory<'a>, findings: &mut Vec<Diagnostic>) -> Result<Option<Weights<'a>>> {
    match Weights::open(directory.source, &directory.names, &directory.torch) {
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
    match &directory.parameters {
        Some(Ok(table)) => {
            let inventory = Inventory::of(directory);
            inventory.check(table, &mut report.findings);
            inventory.check_dtypes(table, &mut report.findings);
        }
        Some(Err(error)) => report.findings.push(error.diagnostic().clone()),
        None => {
            let message = "rtrain has no parameter table for this class";
            let diagnostic = Diagnostic::new("unsupported-architecture", config.site("architectures"), message);
            let known = ARCHITECTURES.map(|architecture| architecture.model_type).join(", ");
            report.findings.push(diagnostic.expected(format!("a class of {known}")).found(show(config.get("architectures"))));
        }
    }
    Ok(())
}

/// The tensors by their names; of several with one name the first counts.
struct Inventory<'d> {
    directory: &'d Directory<'d>,
    tensors: BTreeMap<&'d str, (&'d str, &'d Weight)>,
}

impl<'d> Inventory<'d> {
    fn of(directory: &'d Directory<'_>) -> Self {
        let files = directory.files().iter().rev();
        let tensors = files.flat_map(|file| file.tensors.iter().map(|tensor| (tensor.name.as_str(), (file.name.as_str(), tensor))));
        Inventory { directory, tensors: tensors.collect() }
    }

    fn site(&self, shard: &str, tensor: &str) -> Site {
        Site::file(self.directory.source.path(shard)).at(Place::Tensor(tensor.to_owned()))
    }

    fn find(&self, parameter: &Parameter) -> Option<(&'d str, &'d Weight)> {
        architecture::names_in_files(&parameter.name).find_map(|name| self.tensors.get(name.as_str()).copied())
    }

    fn check(&self, table: &ParameterTable, findings: &mut Vec<Diagnostic>) {
        let first = self.directory.files().first().map_or("", |file| file.name.as_str());
        let mut known = BTreeSet::new();
        for parameter in &table.parameters {
            let Some((shard, info)) = self.find(parameter) else {
                if parameter.tied_to.is_none() {
                    let diagnostic = Diagnostic::new("tensor-missing", self.site(first, &parameter.name), "the tensor is missing");
                    findings.push(diagnostic.expected(format!("a tensor of shape {:?}", parameter.shape)));
                }
                continue;
            };
            let shape: Vec<u64> = parameter.shape.iter().map(|&size| u64::try_from(size).unwrap_or(u64::MAX)).collect();
            if info.shape != shape {
                let message = "the tensor's shape does not fit config.json";
                let diagnostic = Diagnostic::new("tensor-shape", self.site(shard, &info.name), message);
                findings.push(diagnostic.expected(format!("{shape:?}")).found(format!("{:?}", info.shape)));
            }
            if info.dtype.config_name().is_none() {
                let diagnostic = Diagnostic::new("tensor-dtype", self.site(shard, &info.name), "a parameter must be a float tensor");
                findings.push(diagnostic.found(info.dtype.name()));
            }
            findings.extend(parameter.tied_to.as_ref().and_then(|owner| self.check_tie(shard, info, owner)));
            known.insert(info.name.as_str());
        }
        // Tensors of whole numbers are buffers that a script registers; they are saved too.
        let is_extra = |tensor: &&Weight| tensor.dtype.is_float() && !known.contains(tensor.name.as_str());
        for shard in self.directory.files() {
            for tensor in shard.tensors.iter().filter(is_extra) {
                findings.push(Diagnostic::new("tensor-extra", self.site(&shard.name, &tensor.name), "the model has no such parameter"));
            }
        }
    }

    /// A tensor that is another one: safetensors do not hold it, and a pickle holds it as the same memory.
    fn check_tie(&self, shard: &str, info: &Weight, owner: &str) -> Option<Diagnostic> {
        let shares = |owner: &Weight| match (&info.values, &owner.values) {
            (Values::In(own), Values::In(other)) => own == other,
            (Values::Held(own), Values::Held(other)) => Arc::ptr_eq(own, other),
            _ => false,
        };
        let owner_is_here = |(file, _): &&(&str, &Weight)| *file == shard;
        let owned = self.tensors.get(owner).filter(owner_is_here).is_some_and(|(_, owner)| shares(owner));
        let is_pickled = shard.ends_with(".bin");
        if owned || (is_pickled && self.tensors.get(owner).is_some_and(|(file, _)| *file != shard)) {
            return None;
        }
        let message = format!("config.json ties the tensor to {owner}, and the file has it by itself");
        let hint = "set tie_word_embeddings to false if the two differ, or save the model again";
        Some(Diagnostic::new("tensor-tied", self.site(shard, &info.name), message).hint(hint))
    }

    /// Every parameter has the element type that the config says.
    fn check_dtypes(&self, table: &ParameterTable, findings: &mut Vec<Diagnostic>) {
        let Some(config) = &self.directory.config else { return };
        let key = if config.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
        let Some(expected) = config.text(key) else { return };
        let tensors = table.parameters.iter().filter_map(|parameter| self.find(parameter));
        let floats: Vec<_> = tensors.filter(|(_, info)| info.dtype.config_name().is_some()).collect();
        let others: Vec<_> = floats.iter().filter(|(_, info)| info.dtype.config_name() != Some(expected)).collect();
        let named = |dtype: crate::format::dtype::Dtype| dtype.config_name().unwrap_or_default();
        if let Some((_, first)) = others.first().filter(|_| others.len() == floats.len()) {
            let diagnostic =
                Diagnostic::new("config-dtype", config.site(key), "the tensors have another element type than the config says");
            findings.push(diagnostic.expected(named(first.dtype)).found(expected));
            return;
        }
        for (shard, info) in others {
            let message = "the tensor has another element type than config.json says";
            let diagnostic = Diagnostic::new("config-dtype", self.site(shard, &info.name), message);
            findings.push(diagnostic.expected(expected).found(named(info.dtype)));
        }
    }
}

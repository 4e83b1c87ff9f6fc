//! The tensors of a LoRA adapter against `adapter_config.json`: ranks, and which modules have one.

use super::Directory;
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::config::adapter::AdapterConfig;
use crate::format::json::Json;
use crate::verify::Report;
use std::collections::{BTreeMap, BTreeSet};

/// What PEFT puts before the names of the model's modules.
const PREFIX: &str = "base_model.model.";
/// The two matrices, with the dimension of each that is the rank.
const MATRICES: [(&str, usize); 4] = [(".lora_A.weight", 0), (".lora_B.weight", 1), (".lora_embedding_A", 0), (".lora_embedding_B", 1)];
/// Characters that make a name a pattern.
const OF_PATTERNS: [char; 12] = ['\\', '^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '|'];

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(config) = directory.adapter.as_ref().filter(|config| config.peft_type() == Some("LORA")) else { return Ok(()) };
    let Some(file) = directory.files().iter().find(|file| file.name == "adapter_model.safetensors") else { return Ok(()) };
    let site = |tensor: &str| Site::file(directory.source.path(&file.name)).at(Place::Tensor(tensor.to_owned()));
    let names = Names::of(config);
    let mut matrices: BTreeMap<&str, usize> = BTreeMap::new();
    for tensor in &file.tensors {
        let name = tensor.name.strip_prefix(PREFIX).unwrap_or(&tensor.name);
        match MATRICES.iter().find_map(|(end, dimension)| Some((name.strip_suffix(end)?, *dimension))) {
            Some((module, dimension)) => {
                let count = matrices.entry(module).or_default();
                *count = count.saturating_add(1);
                report.findings.extend(names.check_matrix(&site(&tensor.name), module, dimension, &tensor.shape));
            }
            None if !names.has_whole(name) => {
                let diagnostic = Diagnostic::new("adapter-tensor", site(&tensor.name), "the adapter's config accounts for no such tensor");
                report.findings.push(diagnostic.expected("a matrix of LoRA, or a module of modules_to_save"));
            }
            None => {}
        }
    }
    let called: BTreeSet<&str> = matrices.keys().flat_map(|module| ends(module)).collect();
    for target in names.targets.iter().filter(|target| !called.contains(*target)) {
        let site = directory.site("adapter_config.json", "/target_modules");
        report.findings.push(Diagnostic::new("adapter-target", site, "the adapter has no matrices for this module").expected(target));
    }
    for (module, _) in matrices.iter().filter(|(_, count)| count.checked_rem(2) != Some(0)) {
        let site = site(&format!("{PREFIX}{module}"));
        let diagnostic = Diagnostic::new("adapter-tensor", site, "the module has one matrix of LoRA without the other");
        report.findings.push(diagnostic.expected("lora_A and lora_B"));
    }
    Ok(())
}

/// A module's name, and all that is left of it when names are taken from its front: a config may mean it by any of those.
fn ends(module: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(module), |rest| rest.split_once('.').map(|(_, rest)| rest))
}

/// The modules that the config names.
struct Names<'c> {
    /// `target_modules`; none where it is a pattern.
    targets: BTreeSet<&'c str>,
    /// `modules_to_save`
    whole: BTreeSet<&'c str>,
    /// `rank_pattern`; none where it has patterns.
    ranks: Option<BTreeMap<&'c str, u64>>,
    rank: Option<u64>,
    trains_biases: bool,
}

impl<'c> Names<'c> {
    fn of(config: &'c AdapterConfig) -> Self {
        let list = |key: &str| config.settings.get(key).and_then(Json::as_array).unwrap_or(&[]).iter().filter_map(Json::as_str).collect();
        let ranks = config.settings.get("rank_pattern").and_then(Json::entries).unwrap_or(&[]);
        let are_names = !ranks.iter().any(|(name, _)| name.contains(OF_PATTERNS));
        let ranks = ranks.iter().filter_map(|(name, rank)| Some((name.as_str(), rank.as_u64()?)));
        Names {
            targets: list("target_modules"),
            whole: list("modules_to_save"),
            ranks: are_names.then(|| ranks.collect()),
            rank: config.rank(),
            trains_biases: config.settings.text("bias").is_some_and(|bias| bias != "none"),
        }
    }

    /// A matrix belongs to a target, and its dimension of that number is the rank.
    fn check_matrix(&self, site: &Site, module: &str, dimension: usize, shape: &[u64]) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        let rank = self.ranks.as_ref().and_then(|ranks| ends(module).find_map(|end| ranks.get(end).copied()).or(self.rank));
        if let Some(expected) = rank.filter(|expected| shape.get(dimension) != Some(expected)) {
            let message = "the matrix has another rank than adapter_config.json says";
            let diagnostic = Diagnostic::new("adapter-rank", site.clone(), message);
            findings.push(diagnostic.expected(format!("{expected} in dimension {dimension}")).found(format!("{shape:?}")));
        }
        if !self.targets.is_empty() && !ends(module).any(|end| self.targets.contains(end)) {
            let diagnostic = Diagnostic::new("adapter-target", site.clone(), "the module is none of target_modules");
            let targets: Vec<&str> = self.targets.iter().copied().take(10).collect();
            findings.push(diagnostic.expected(targets.join(", ")).found(module));
        }
        findings
    }

    /// Whether a tensor belongs to a module that is trained and saved as a whole, or is a bias that is trained.
    fn has_whole(&self, tensor: &str) -> bool {
        let is_bias = self.trains_biases && tensor.ends_with(".bias");
        let modules = tensor.match_indices('.').filter_map(|(dot, _)| tensor.get(..dot));
        is_bias || tensor.contains("lora_magnitude_vector") || modules.flat_map(ends).any(|name| self.whole.contains(name))
    }
}

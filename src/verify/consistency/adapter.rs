//! The tensors of a LoRA adapter against `adapter_config.json`: ranks, and which modules have one.

use super::Directory;
use super::weights::Weight;
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::config::adapter::AdapterConfig;
use crate::format::json::Json;
use crate::verify::Report;
use std::collections::BTreeMap;

/// What PEFT puts before the names of the model's modules.
const PREFIX: &str = "base_model.model.";
/// The two matrices, with the dimension of each that is the rank.
const MATRICES: [(&str, usize); 4] = [(".lora_A.weight", 0), (".lora_B.weight", 1), (".lora_embedding_A", 0), (".lora_embedding_B", 1)];
/// Characters that make a name a pattern.
const OF_PATTERNS: [char; 12] = ['\\', '^', '$', '*', '+', '?', '(', ')', '[', ']', '{', '|'];

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(config) = directory.adapter.as_ref().filter(|config| config.peft_type() == Some("LORA")) else { return Ok(()) };
    let Some(file) = directory.files().iter().find(|file| file.name == "adapter_model.safetensors") else { return Ok(()) };
    let site = |tensor: &Weight| Site::file(directory.source.path(&file.name)).at(Place::Tensor(tensor.name.clone()));
    let targets = targets(config);
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for tensor in &file.tensors {
        let name = tensor.name.strip_prefix(PREFIX).unwrap_or(&tensor.name);
        let matrix = MATRICES.iter().find_map(|(end, rank)| Some((name.strip_suffix(end)?, *end, *rank)));
        let Some((module, end, dimension)) = matrix else {
            if !is_saved_whole(config, name) {
                let diagnostic = Diagnostic::new("adapter-tensor", site(tensor), "the adapter's config accounts for no such tensor");
                report.findings.push(diagnostic.expected("a matrix of LoRA, or a module of modules_to_save"));
            }
            continue;
        };
        modules.entry(module).or_default().push(end);
        if let Some(expected) = rank(config, module)
            && tensor.shape.get(dimension) != Some(&expected)
        {
            let diagnostic = Diagnostic::new("adapter-rank", site(tensor), "the matrix has another rank than adapter_config.json says");
            report.findings.push(diagnostic.expected(format!("{expected} in dimension {dimension}")).found(format!("{:?}", tensor.shape)));
        }
        if !targets.is_empty() && !targets.iter().any(|target| is_called(module, target)) {
            let diagnostic = Diagnostic::new("adapter-target", site(tensor), "the module is none of target_modules");
            report.findings.push(diagnostic.expected(targets.join(", ")).found(module));
        }
    }
    let config_site = || directory.site("adapter_config.json", "/target_modules");
    for target in targets.iter().filter(|target| !modules.keys().any(|module| is_called(module, target))) {
        let diagnostic = Diagnostic::new("adapter-target", config_site(), "the adapter has no matrices for this module");
        report.findings.push(diagnostic.expected(target));
    }
    for (module, _) in modules.iter().filter(|(_, ends)| ends.len().checked_rem(2) != Some(0)) {
        let whole = Site::file(directory.source.path(&file.name)).at(Place::Tensor(format!("{PREFIX}{module}")));
        let diagnostic = Diagnostic::new("adapter-tensor", whole, "the module has one matrix of LoRA without the other");
        report.findings.push(diagnostic.expected("lora_A and lora_B"));
    }
    Ok(())
}

/// The names in `target_modules`; none where it is a pattern.
fn targets(config: &AdapterConfig) -> Vec<&str> {
    match config.settings.get("target_modules") {
        Some(Json::Array(_)) => config.target_modules(),
        _ => Vec::new(),
    }
}

/// Whether a module is the one that a name of the config means: by its whole name or by the end of it.
fn is_called(module: &str, name: &str) -> bool {
    module.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The rank of a module; none where the config has patterns for some.
fn rank(config: &AdapterConfig, module: &str) -> Option<u64> {
    let ranks = config.settings.get("rank_pattern").and_then(Json::entries).unwrap_or(&[]);
    if ranks.iter().any(|(name, _)| name.contains(OF_PATTERNS)) {
        return None;
    }
    let own = ranks.iter().find(|(name, _)| is_called(module, name)).and_then(|(_, rank)| rank.as_u64());
    own.or(config.rank())
}

/// Whether a tensor belongs to a module that is trained and saved as a whole, or is a bias that is trained.
fn is_saved_whole(config: &AdapterConfig, tensor: &str) -> bool {
    let saved = config.settings.get("modules_to_save").and_then(Json::as_array).unwrap_or(&[]);
    let is_part = |name: &str| tensor.split('.').any(|part| part == name) || tensor.starts_with(&format!("{name}."));
    let trains_biases = config.settings.text("bias").is_some_and(|bias| bias != "none") && tensor.ends_with(".bias");
    trains_biases || tensor.contains("lora_magnitude_vector") || saved.iter().filter_map(Json::as_str).any(is_part)
}

//! The files against each other: config and tensors, config and tokenizer, the label maps.

use super::Report;
use crate::architecture::{BertConfig, ParameterTable, bert};
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::config::Config;
use crate::format::json::Json;
use crate::format::python_json::{Layout, dumps};
use crate::format::safetensors::to_f32;
use crate::format::shards::{self, Shard};
use crate::format::tokenizer::id_limit;
use crate::format::tokenizer_json::TokenizerJson;
use crate::storage::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Adds what does not fit together. Files that could not be read have their finding already.
pub(super) fn check(source: &dyn Source, report: &mut Report) -> Result<()> {
    let bytes = source.read("config.json")?.unwrap_or_default();
    let config = Config::parse(&source.path("config.json"), &bytes).ok();
    if let Some(config) = &config {
        report.release = super::round_trip::release(config).map(|release| release.version);
        check_labels(config, &mut report.findings);
    }
    check_tokenizer(source, config.as_ref(), &mut report.findings)?;
    check_tensors(source, config.as_ref(), report)
}

fn show(value: Option<&Json>) -> String {
    value.map_or("nothing".to_owned(), |value| dumps(value, Layout::Compact))
}

fn check_labels(config: &Config, findings: &mut Vec<Diagnostic>) {
    let Some(mut ids) = config.label_ids() else { return };
    ids.sort_unstable();
    if !ids.iter().zip(0_i128..).all(|(id, expected)| *id == expected) {
        let diagnostic = Diagnostic::new("label-ids", config.site("id2label"), "the ids of the labels are not 0, 1, 2, …");
        findings.push(diagnostic.found(format!("{ids:?}")));
        return;
    }
    let labels = config.labels();
    let label2id = config.get("label2id").and_then(Json::entries).unwrap_or(&[]);
    let label2id: BTreeMap<&str, &Json> = label2id.iter().map(|(label, id)| (label.as_str(), id)).collect();
    for (id, label) in (0_i128..).zip(&labels) {
        let found = label2id.get(label.as_str()).copied();
        if found != Some(&Json::Integer(id)) {
            let diagnostic = Diagnostic::new("label-maps", config.site("label2id"), format!("label2id and id2label disagree on {label:?}"));
            findings.push(diagnostic.expected(id).found(show(found)));
        }
    }
}

fn check_tokenizer(source: &dyn Source, config: Option<&Config>, findings: &mut Vec<Diagnostic>) -> Result<()> {
    let path = source.path("tokenizer.json");
    let Some(bytes) = source.read("tokenizer.json")? else {
        if source.read("vocab.txt")?.is_none() {
            let diagnostic = Diagnostic::new("tokenizer-missing", Site::file(source.path("")), "the directory has no tokenizer");
            findings.push(diagnostic.expected("tokenizer.json").hint("save the tokenizer into the same directory"));
        }
        return Ok(());
    };
    let Ok(tokenizer) = TokenizerJson::parse(&path, &bytes) else { return Ok(()) };
    let limit = id_limit(&tokenizer);
    let vocab_size = config.and_then(|config| config.get("vocab_size")).and_then(Json::as_u64).unwrap_or(u64::MAX);
    if limit > vocab_size {
        let diagnostic =
            Diagnostic::new("tokenizer-vocabulary", Site::file(path.as_str()), "the tokenizer has ids that the model has no embedding for");
        let hint = "resize the model's embedding, or save the tokenizer that belongs to the model";
        findings.push(
            diagnostic
                .expected(format!("ids below vocab_size {vocab_size}"))
                .found(format!("ids up to {}", limit.saturating_sub(1)))
                .hint(hint),
        );
    }
    let vocab: BTreeMap<&str, u32> = tokenizer.model.vocab.iter().flatten().map(|(token, id)| (token.as_str(), *id)).collect();
    let ids: BTreeSet<u32> = vocab.values().copied().collect();
    if ids.len() != vocab.len() {
        findings.push(Diagnostic::new(
            "tokenizer-vocabulary",
            Site::file(path.as_str()).at(Place::Pointer("/model/vocab".to_owned())),
            "two tokens share an id",
        ));
    }
    for token in &tokenizer.added_tokens {
        if let Some(id) = vocab.get(token.content.as_str()).filter(|id| **id != token.id) {
            let diagnostic =
                Diagnostic::new("tokenizer-added-token", Site::file(path.as_str()), format!("{:?} has two ids", token.content));
            findings.push(diagnostic.expected(id).found(token.id));
        }
    }
    Ok(())
}

/// The inventory under the names that the directory's class uses, or nothing where the class is not known.
fn expected(config: &Config) -> Option<Result<ParameterTable>> {
    let architecture = config.get("architectures").and_then(Json::as_array).and_then(<[_]>::first).and_then(Json::as_str)?;
    let table = BertConfig::from_config(config).map(|bert| bert.sequence_classification());
    match architecture {
        "BertForSequenceClassification" => Some(table),
        "BertModel" => Some(table.map(|mut table| {
            table.parameters.retain(|parameter| parameter.name.starts_with("bert."));
            for parameter in &mut table.parameters {
                parameter.name = parameter.name.replacen("bert.", "", 1);
            }
            table
        })),
        _ => None,
    }
}

fn check_tensors(source: &dyn Source, config: Option<&Config>, report: &mut Report) -> Result<()> {
    let shards = match shards::read(source) {
        Ok(shards) => shards,
        Err(error) => {
            let known = |diagnostic: &Diagnostic| diagnostic.site.file == error.diagnostic().site.file;
            if !report.findings.iter().any(known) {
                report.findings.push(error.diagnostic().clone());
            }
            return Ok(());
        }
    };
    for shard in &shards {
        check_values(source, shard, report);
    }
    let Some(config) = config else { return Ok(()) };
    match expected(config) {
        Some(Ok(table)) => check_inventory(source, &table, &shards, &mut report.findings),
        Some(Err(error)) => report.findings.push(error.diagnostic().clone()),
        None => {
            let diagnostic =
                Diagnostic::new("unsupported-architecture", config.site("architectures"), "rtrain has no parameter table for this class");
            let found = show(config.get("architectures"));
            report.findings.push(diagnostic.expected("BertForSequenceClassification or BertModel").found(found));
        }
    }
    Ok(())
}

fn check_values(source: &dyn Source, shard: &Shard, report: &mut Report) {
    for tensor in &shard.header.tensors {
        report.tensors = report.tensors.saturating_add(1);
        report.parameters = report.parameters.saturating_add(tensor.shape.iter().product());
        let values = to_f32(tensor.dtype, shard.header.data(tensor, &shard.bytes)).unwrap_or_default();
        let broken = values.iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            let site = Site::file(source.path(&shard.name)).at(Place::Tensor(tensor.name.clone()));
            let diagnostic = Diagnostic::new("tensor-not-finite", site, "the tensor holds NaN or infinity");
            report.findings.push(diagnostic.expected("finite numbers").found(format!("{broken} of {} elements", values.len())));
        }
    }
}

fn check_inventory(source: &dyn Source, table: &ParameterTable, shards: &[Shard], findings: &mut Vec<Diagnostic>) {
    let site = |shard: &str, tensor: &str| Site::file(source.path(shard)).at(Place::Tensor(tensor.to_owned()));
    let first = shards.first().map_or(shards::SINGLE, |shard| shard.name.as_str());
    let mut known = BTreeSet::new();
    for parameter in &table.parameters {
        let mut names = bert::checkpoint_names(&parameter.name);
        names.retain(|name| name.starts_with("bert.") == parameter.name.starts_with("bert."));
        let find = |shard: &'_ Shard| names.iter().find_map(|name| shard.header.find(name).cloned()).map(|info| (shard.name.clone(), info));
        let Some((shard, info)) = shards.iter().find_map(find) else {
            let diagnostic = Diagnostic::new("tensor-missing", site(first, &parameter.name), "the tensor is missing");
            findings.push(diagnostic.expected(format!("a tensor of shape {:?}", parameter.shape)));
            continue;
        };
        let shape: Vec<u64> = parameter.shape.iter().map(|&size| u64::try_from(size).unwrap_or(u64::MAX)).collect();
        if info.shape != shape {
            let diagnostic = Diagnostic::new("tensor-shape", site(&shard, &info.name), "the tensor's shape does not fit config.json");
            findings.push(diagnostic.expected(format!("{shape:?}")).found(format!("{:?}", info.shape)));
        }
        if info.dtype.config_name().is_none() {
            findings.push(
                Diagnostic::new("tensor-dtype", site(&shard, &info.name), "a parameter must be a float tensor").found(info.dtype.name()),
            );
        }
        known.insert(info.name);
    }
    for shard in shards {
        for tensor in shard.header.tensors.iter().filter(|tensor| !known.contains(&tensor.name)) {
            findings.push(Diagnostic::new("tensor-extra", site(&shard.name, &tensor.name), "the model has no such parameter"));
        }
    }
}

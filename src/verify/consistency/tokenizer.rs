//! The tokenizer's ids, among themselves and against the model's embedding.

use super::Directory;
use super::completeness::has_model;
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::json::Json;
use crate::format::tokenizer::id_limit;
use crate::format::tokenizer::json::TokenizerJson;
use crate::verify::Report;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let source = directory.source;
    if !directory.has("tokenizer.json") && !directory.has("vocab.txt") && has_model(directory) {
        let diagnostic = Diagnostic::new("tokenizer-missing", Site::file(source.path("")), "the directory has no tokenizer");
        report.findings.push(diagnostic.expected("tokenizer.json").hint("save the tokenizer into the same directory"));
    }
    let Some(tokenizer) = &directory.tokenizer else { return Ok(()) };
    let path = source.path("tokenizer.json");
    let vocab_size = directory.config.as_ref().and_then(|config| config.get("vocab_size")).and_then(Json::as_u64);
    check_limit(&path, id_limit(tokenizer), vocab_size.unwrap_or(u64::MAX), &mut report.findings);
    check_ids(&path, tokenizer, &mut report.findings);
    Ok(())
}

fn check_limit(path: &str, limit: u64, vocab_size: u64, findings: &mut Vec<Diagnostic>) {
    if limit > vocab_size {
        let diagnostic =
            Diagnostic::new("tokenizer-vocabulary", Site::file(path), "the tokenizer has ids that the model has no embedding for");
        let diagnostic = diagnostic.expected(format!("ids below vocab_size {vocab_size}"));
        let hint = "resize the model's embedding, or save the tokenizer that belongs to the model";
        findings.push(diagnostic.found(format!("ids up to {}", limit.saturating_sub(1))).hint(hint));
    }
}

fn check_ids(path: &str, tokenizer: &TokenizerJson, findings: &mut Vec<Diagnostic>) {
    let vocab: BTreeMap<&str, u32> = tokenizer.model.vocab.iter().flatten().map(|(token, id)| (token.as_str(), *id)).collect();
    let ids: BTreeSet<u32> = vocab.values().copied().collect();
    if ids.len() != vocab.len() {
        let site = Site::file(path).at(Place::Pointer("/model/vocab".to_owned()));
        findings.push(Diagnostic::new("tokenizer-vocabulary", site, "two tokens share an id"));
    }
    for token in &tokenizer.added_tokens {
        if let Some(id) = vocab.get(token.content.as_str()).filter(|id| **id != token.id) {
            let diagnostic = Diagnostic::new("tokenizer-added-token", Site::file(path), format!("{:?} has two ids", token.content));
            findings.push(diagnostic.expected(id).found(token.id));
        }
    }
}

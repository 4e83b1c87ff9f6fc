//! The two label maps of the config.

use super::{Directory, show};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::config::Config;
use crate::format::json::Json;
use crate::verify::Report;
use std::collections::BTreeMap;

/// What `problem_type` may be, with the least number of labels that makes sense.
const PROBLEM_TYPES: [(&str, usize); 3] = [("regression", 1), ("single_label_classification", 2), ("multi_label_classification", 1)];

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(config) = &directory.config else { return Ok(()) };
    report.findings.extend(check_problem_type(config));
    let Some(mut ids) = config.label_ids() else { return Ok(()) };
    ids.sort_unstable();
    if !ids.iter().zip(0_i128..).all(|(id, expected)| *id == expected) {
        let diagnostic = Diagnostic::new("label-ids", config.site("id2label"), "the ids of the labels are not 0, 1, 2, …");
        report.findings.push(diagnostic.found(format!("{ids:?}")));
        return Ok(());
    }
    let labels = config.labels();
    let label2id = config.get("label2id").and_then(Json::entries).unwrap_or(&[]);
    let label2id: BTreeMap<&str, &Json> = label2id.iter().map(|(label, id)| (label.as_str(), id)).collect();
    for (id, label) in (0_i128..).zip(&labels) {
        let found = label2id.get(label.as_str()).copied();
        if found != Some(&Json::Integer(id)) {
            let diagnostic = Diagnostic::new("label-maps", config.site("label2id"), format!("label2id and id2label disagree on {label:?}"));
            report.findings.push(diagnostic.expected(id).found(show(found)));
        }
    }
    Ok(())
}

fn check_problem_type(config: &Config) -> Option<Diagnostic> {
    let found = config.get("problem_type").filter(|value| **value != Json::Null)?;
    let known = PROBLEM_TYPES.iter().find(|(name, _)| found.as_str() == Some(*name));
    let diagnostic = |message: &str| Diagnostic::new("problem-type", config.site("problem_type"), message).found(show(Some(found)));
    match known {
        None => Some(diagnostic("transformers knows no such problem").expected(PROBLEM_TYPES.map(|(name, _)| name).join(", "))),
        Some((_, least)) if config.num_labels() < *least => {
            Some(diagnostic("the number of labels does not fit the problem").expected(format!("at least {least} labels for it")))
        }
        Some(_) => None,
    }
}

//! How long texts the tokenizer makes against how long texts the model takes.

use super::Directory;
use crate::architecture;
use crate::diagnostic::{Diagnostic, Result};
use crate::format::json::Json;
use crate::verify::Report;

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(limit) = positions(directory) else { return Ok(()) };
    let longest = directory.tokenizer_config.as_ref().and_then(|config| config.get("model_max_length")).and_then(Json::as_f64);
    let truncation = directory.tokenizer.as_ref().and_then(|tokenizer| tokenizer.truncation.as_ref());
    let rows = [
        // A tokenizer without a limit has Python's int(1e30) for it.
        ("tokenizer_config.json", "/model_max_length", longest.filter(|length| *length < 1e18).map(|length| length.to_string())),
        ("tokenizer.json", "/truncation/max_length", truncation.map(|truncation| truncation.max_length.to_string())),
    ];
    for (file, pointer, found) in rows {
        if let Some(found) = found.filter(|found| found.parse::<f64>().is_ok_and(|length| length > limit)) {
            let message = "the tokenizer makes sequences that the model has no positions for";
            let diagnostic = Diagnostic::new("tokenizer-length", directory.site(file, pointer), message);
            report.findings.push(diagnostic.expected(format!("at most {limit}")).found(found));
        }
    }
    Ok(())
}

/// Most tokens of a text that the model takes.
fn positions(directory: &Directory<'_>) -> Option<f64> {
    let config = directory.config.as_ref()?;
    let (architecture, _) = architecture::class_of(config)?;
    let positions = config.get(architecture.positions)?.as_u64()?;
    // The first positions are those of padding.
    let unused = if architecture.counts_positions_from_padding { config.get("pad_token_id")?.as_u64()?.checked_add(1)? } else { 0 };
    positions.checked_sub(unused)?.to_string().parse().ok()
}

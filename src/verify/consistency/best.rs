//! The best checkpoint of a run: its step, its path, its metric in the log, and whether it is there.

use super::{Directory, step_of};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::json::Json;
use crate::format::run::trainer_state::TrainerState;
use crate::format::torch::pickle::Value;
use crate::verify::Report;

const FILE: &str = "trainer_state.json";

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(state) = &directory.state else { return Ok(()) };
    let wrong = |key: &str, message: &str| Diagnostic::new("run-best", directory.site(FILE, format!("/{key}")), message);
    let best = state.best_global_step;
    if let Some(best) = best.filter(|best| *best > state.global_step) {
        let diagnostic = wrong("best_global_step", "the best step is yet to be done");
        report.findings.push(diagnostic.expected(format!("at most global_step {}", state.global_step)).found(best));
    }
    let checkpoint = state.best_model_checkpoint.as_deref();
    if let (Some(path), Some(best)) = (checkpoint, best)
        && step_of(path) != Some(best)
    {
        let diagnostic = wrong("best_model_checkpoint", "the path is not that of the best step");
        report.findings.push(diagnostic.expected(format!("a path that ends in checkpoint-{best}")).found(format!("{path:?}")));
    }
    if let (Some(metric), Some(best)) = (state.best_metric, best)
        && !logged(directory, state, best).contains(&metric.to_f64())
    {
        let diagnostic = wrong("best_metric", "the log has no such value at the best step");
        report.findings.push(diagnostic.expected(format!("a metric that was logged at step {best}")).found(metric.to_f64()));
    }
    check_presence(directory, state, report)
}

/// The values at a step of the metric that the run looked at, or of all of them where the arguments do not say which.
fn logged(directory: &Directory<'_>, state: &TrainerState, step: u64) -> Vec<f64> {
    let metric = directory.argument("metric_for_best_model").and_then(Value::as_str);
    let is_metric = |key: &str| metric.is_none_or(|metric| key == metric || key.strip_prefix("eval_") == Some(metric));
    let entries = state.log_history.iter().filter(|entry| entry.get("step").and_then(Json::as_u64) == Some(step));
    let values = entries.filter_map(Json::entries).flatten().filter(|(key, _)| is_metric(key));
    values.filter_map(|(_, value)| value.as_f64()).collect()
}

/// In the directory of a run whose last checkpoint is still there, the best one is too: rotation does not take it.
fn check_presence(directory: &Directory<'_>, state: &TrainerState, report: &mut Report) -> Result<()> {
    let Some(best) = state.best_model_checkpoint.as_deref().and_then(step_of).filter(|_| !directory.is_checkpoint()) else { return Ok(()) };
    let has = |step: u64| directory.source.open(&format!("checkpoint-{step}/{FILE}")).map(|content| content.is_some());
    if has(state.global_step)? && !has(best)? {
        let diagnostic = Diagnostic::new("run-best", directory.site(FILE, "/best_model_checkpoint"), "the best checkpoint is not there");
        report.findings.push(diagnostic.expected(format!("checkpoint-{best} in the directory of the run")));
    }
    Ok(())
}

//! The steps of `trainer_state.json`: those that it counts, those that it logged, and the one in the directory's name.

use super::{Directory, show};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::json::Json;
use crate::format::json::number::Number;
use crate::format::run::trainer_state::TrainerState;
use crate::verify::Report;

const FILE: &str = "trainer_state.json";

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(state) = &directory.state else { return Ok(()) };
    if let Some(step) = directory.checkpoint_step().filter(|step| *step != state.global_step) {
        let message = "the step is not that of the directory's name";
        let diagnostic = Diagnostic::new("run-checkpoint", directory.site(FILE, "/global_step"), message);
        report.findings.push(diagnostic.expected(step).found(state.global_step).hint("give the directory its name back"));
    }
    if state.global_step > state.max_steps {
        let diagnostic = Diagnostic::new("run-steps", directory.site(FILE, "/global_step"), "more steps are done than the run has");
        report.findings.push(diagnostic.expected(format!("at most max_steps {}", state.max_steps)).found(state.global_step));
    }
    report.findings.extend(check_epoch(directory, state));
    report.findings.extend(check_log(directory, state));
    Ok(())
}

fn check_epoch(directory: &Directory<'_>, state: &TrainerState) -> Option<Diagnostic> {
    let epoch = state.epoch.map(Number::to_f64)?;
    let most: f64 = state.num_train_epochs.to_string().parse().ok()?;
    let diagnostic = || Diagnostic::new("run-steps", directory.site(FILE, "/epoch"), "more epochs are done than the run has");
    (epoch > most).then(|| diagnostic().expected(format!("at most num_train_epochs {most}")).found(epoch))
}

/// Neither steps nor epochs go back, and none lies ahead.
fn check_log(directory: &Directory<'_>, state: &TrainerState) -> Option<Diagnostic> {
    let (mut last_step, mut last_epoch) = (0, f64::NEG_INFINITY);
    for (index, entry) in state.log_history.iter().enumerate() {
        let wrong =
            |key: &str, message: &str| Diagnostic::new("run-steps", directory.site(FILE, format!("/log_history/{index}/{key}")), message);
        let step = entry.get("step").and_then(Json::as_u64);
        match step {
            Some(step) if step < last_step => {
                return Some(wrong("step", "the log goes back").expected(format!("at least {last_step}")).found(step));
            }
            Some(step) if step > state.global_step => {
                let expected = format!("at most global_step {}", state.global_step);
                return Some(wrong("step", "the log is ahead of the run").expected(expected).found(step));
            }
            Some(step) => last_step = step,
            None => return Some(wrong("step", "the entry says no step").expected("a whole number").found(show(entry.get("step")))),
        }
        let Some(epoch) = entry.get("epoch").and_then(Json::as_f64) else { continue };
        if epoch < last_epoch {
            return Some(wrong("epoch", "the log goes back").expected(format!("at least {last_epoch}")).found(epoch));
        }
        last_epoch = epoch;
    }
    None
}

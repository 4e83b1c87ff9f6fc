//! `scheduler.pt` against the run's steps and arguments, and against the learning rates of the optimizer.

use super::Directory;
use crate::diagnostic::{Diagnostic, Result};
use crate::format::torch::scheduler_state::{LambdaLr, Number, Schedule};
use crate::format::torch::tensor::Entry;
use crate::verify::Report;

const FILE: &str = "scheduler.pt";

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let schedule = directory.scheduler().map(|state| &state.schedule);
    let Some(Schedule::Lambda(schedule)) = schedule else { return Ok(()) };
    report.findings.extend(check_step(directory, schedule));
    let rates = [("_last_lr", "lr", &schedule.last_lr), ("base_lrs", "initial_lr", &schedule.base_lrs)];
    for (key, setting, rates) in rates {
        report.findings.extend(check_rates(directory, key, setting, rates));
    }
    let argument = directory.argument("learning_rate").and_then(|value| value.as_float());
    let wrong =
        schedule.base_lrs.iter().map(|rate| float(*rate)).enumerate().find(|(_, rate)| argument.is_some_and(|argument| argument != *rate));
    if let (Some(argument), Some((index, rate))) = (argument, wrong) {
        let site = directory.site(FILE, format!("/base_lrs/{index}"));
        let diagnostic = Diagnostic::new("scheduler-rate", site, "the learning rate is not that of the run's arguments");
        report.findings.push(diagnostic.expected(argument).found(rate));
    }
    Ok(())
}

/// The schedule has done the steps of the run, unless a scaler has skipped some.
fn check_step(directory: &Directory<'_>, schedule: &LambdaLr) -> Option<Diagnostic> {
    let done = i64::try_from(directory.state.as_ref()?.global_step).ok()?;
    let found = schedule.last_epoch;
    let fits = found == done || (directory.has("scaler.pt") && (0..done).contains(&found));
    let diagnostic = || {
        Diagnostic::new("scheduler-step", directory.site(FILE, "/last_epoch"), "the schedule has done another number of steps than the run")
    };
    (!fits).then(|| diagnostic().expected(format!("global_step {done}")).found(found))
}

/// Each group of the optimizer has the rate of the schedule.
fn check_rates(directory: &Directory<'_>, key: &str, setting: &str, rates: &[Number]) -> Option<Diagnostic> {
    let groups = &directory.optimizer()?.groups;
    if groups.len() != rates.len() {
        let diagnostic =
            Diagnostic::new("scheduler-rate", directory.site(FILE, format!("/{key}")), "the optimizer has another number of groups");
        return Some(diagnostic.expected(groups.len()).found(rates.len()));
    }
    let wrong = groups.iter().zip(rates).enumerate().find_map(|(index, (group, rate))| match group.setting(setting)? {
        Entry::Value(value) => value.as_float().filter(|value| *value != float(*rate)).map(|value| (index, value, float(*rate))),
        Entry::Tensor(_) => None,
    });
    wrong.map(|(index, expected, found)| {
        let site = directory.site(FILE, format!("/{key}/{index}"));
        let diagnostic = Diagnostic::new("scheduler-rate", site, format!("the optimizer has another {setting} for this group"));
        diagnostic.expected(expected).found(found)
    })
}

fn float(number: Number) -> f64 {
    match number {
        Number::Float(number) => number,
        Number::Integer(number) => number.to_string().parse().unwrap_or(f64::NAN),
    }
}

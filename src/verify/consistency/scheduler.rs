//! `scheduler.pt` against the run's steps and arguments, and against the learning rates of the optimizer.

use super::Directory;
use crate::diagnostic::{Diagnostic, Result};
use crate::format::torch::scheduler_state::{LambdaLr, Number, Schedule};
use crate::format::torch::tensor::Entry;
use crate::format::torch::training_args::Setting;
use crate::verify::Report;

const FILE: &str = "scheduler.pt";
const PLATEAU: &str = "ReduceLROnPlateau";
const GREEDY: &str = "GreedyLR";
const PLAIN: &str = "LambdaLR of a function that keeps nothing";
const PARTIAL: &str = "LambdaLR of a partial function";

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(schedule) = directory.scheduler().map(|state| &state.schedule) else { return Ok(()) };
    report.findings.extend(check_type(directory, schedule));
    match schedule {
        Schedule::Lambda(schedule) => {
            report.findings.extend(check_step(directory, schedule));
            report.findings.extend(check_rates(directory, "_last_lr", "lr", &schedule.last_lr));
            report.findings.extend(check_rates(directory, "base_lrs", "initial_lr", &schedule.base_lrs));
            report.findings.extend(check_argument(directory, "base_lrs", &schedule.base_lrs));
        }
        Schedule::Plateau(schedule) => {
            report.findings.extend(check_evaluations(directory, schedule.last_epoch));
            report.findings.extend(check_rates(directory, "_last_lr", "lr", &schedule.last_lr));
        }
        Schedule::Greedy(schedule) => {
            report.findings.extend(check_evaluations(directory, schedule.last_epoch));
            report.findings.extend(check_rates(directory, "_last_lr", "lr", &schedule.last_lr));
            report.findings.extend(check_argument(directory, "_init_lrs", &schedule.init_lrs));
        }
        Schedule::Other(_) => {}
    }
    Ok(())
}

/// The file is one that the schedule of the arguments writes.
fn check_type(directory: &Directory<'_>, schedule: &Schedule) -> Option<Diagnostic> {
    let Setting::Choice(kind) = directory.arguments()?.get("lr_scheduler_type")? else { return None };
    let expected = match kind.as_str() {
        "reduce_lr_on_plateau" => PLATEAU,
        "greedy" => GREEDY,
        "constant" => PLAIN,
        _ => PARTIAL,
    };
    let found = match schedule {
        Schedule::Plateau(_) => PLATEAU,
        Schedule::Greedy(_) => GREEDY,
        Schedule::Lambda(schedule) if schedule.lr_lambdas.iter().all(Option::is_none) => PLAIN,
        Schedule::Lambda(_) => PARTIAL,
        Schedule::Other(_) => "another schedule",
    };
    let diagnostic = || Diagnostic::new("scheduler-type", directory.site(FILE, ""), "the schedule is not that of the run's arguments");
    (expected != found).then(|| diagnostic().expected(format!("{expected}, as of lr_scheduler_type {kind}")).found(found))
}

/// Learning rates without the schedule are that of the arguments.
fn check_argument(directory: &Directory<'_>, key: &str, rates: &[Number]) -> Option<Diagnostic> {
    let argument = directory.argument("learning_rate")?.as_float()?;
    let (index, rate) = rates.iter().map(|rate| rate.to_f64()).enumerate().find(|(_, rate)| *rate != argument)?;
    let site = directory.site(FILE, format!("/{key}/{index}"));
    let diagnostic = Diagnostic::new("scheduler-rate", site, "the learning rate is not that of the run's arguments");
    Some(diagnostic.expected(argument).found(rate))
}

/// A schedule that follows a metric has seen at most one evaluation a step.
fn check_evaluations(directory: &Directory<'_>, seen: i64) -> Option<Diagnostic> {
    let steps = i64::try_from(directory.state.as_ref()?.global_step).ok()?;
    let diagnostic = || {
        Diagnostic::new(
            "scheduler-step",
            directory.site(FILE, "/last_epoch"),
            "the schedule has seen more evaluations than the run has steps",
        )
    };
    (!(0..=steps).contains(&seen)).then(|| diagnostic().expected(format!("at most global_step {steps}")).found(seen))
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
        Entry::Value(value) => value.as_float().filter(|value| *value != rate.to_f64()).map(|value| (index, value, rate.to_f64())),
        Entry::Tensor(_) => None,
    });
    wrong.map(|(index, expected, found)| {
        let site = directory.site(FILE, format!("/{key}/{index}"));
        let diagnostic = Diagnostic::new("scheduler-rate", site, format!("the optimizer has another {setting} for this group"));
        diagnostic.expected(expected).found(found)
    })
}

//! `training_args.bin` against what `trainer_state.json` took from it.

use super::Directory;
use crate::diagnostic::{Diagnostic, Result, Site};
use crate::format::json::number::Number;
use crate::format::torch::pickle::Value;
use crate::verify::Report;

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    if let (Some(arguments), Some(release)) = (directory.arguments(), directory.release)
        && arguments.release != release.version
    {
        let site = Site::file(directory.source.path("training_args.bin"));
        let diagnostic = Diagnostic::new("run-arguments", site, "the arguments are those of another release");
        report.findings.push(diagnostic.expected(release.version).found(arguments.release));
    }
    let Some(state) = directory.state.as_ref().filter(|_| directory.arguments().is_some()) else { return Ok(()) };
    let argument = |name: &str| directory.argument(name).and_then(number);
    let max_steps = argument("max_steps").filter(|steps| *steps > 0.0);
    let epochs = argument("num_train_epochs").filter(|_| max_steps.is_none()).map(f64::ceil);
    let steps = |name: &str| argument(name).and_then(|steps| absolute(steps, state.max_steps));
    let finds_batch_size = directory.argument("auto_find_batch_size").and_then(Value::as_bool) == Some(true);
    let devices = argument("_n_gpu").map_or(1.0, |devices| devices.max(1.0));
    let batch_size = argument("per_device_train_batch_size").filter(|_| !finds_batch_size).map(|size| size * devices);
    let whole = |number: u64| number.to_string().parse::<f64>().ok();
    let rows = [
        ("max_steps", max_steps, whole(state.max_steps)),
        ("num_train_epochs", epochs, whole(state.num_train_epochs)),
        ("train_batch_size", batch_size, state.train_batch_size.and_then(whole)),
        ("save_steps", steps("save_steps"), Some(state.save_steps.to_f64())),
        ("logging_steps", steps("logging_steps"), Some(state.logging_steps.to_f64())),
        ("eval_steps", steps("eval_steps"), Some(state.eval_steps.to_f64())),
    ];
    for (key, expected, found) in rows {
        if let (Some(expected), Some(found)) = (expected, found)
            && expected != found
        {
            let site = directory.site("trainer_state.json", format!("/{key}"));
            let diagnostic = Diagnostic::new("run-arguments", site, "the run's arguments in training_args.bin say otherwise");
            report.findings.push(diagnostic.expected(expected).found(found));
        }
    }
    Ok(())
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer::<i64>()?.to_string().parse().ok())
}

/// Steps that are given as a part of the run are rounded up to whole ones.
fn absolute(steps: f64, max_steps: u64) -> Option<f64> {
    let whole = Number::Whole(i128::from(max_steps)).to_f64();
    Some(if steps < 1.0 { (whole * steps).ceil() } else { steps })
}

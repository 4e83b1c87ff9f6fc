//! `optimizer.pt` against the parameter table: which parameters, in which group, of which shape, after how many steps.

use super::Directory;
use crate::architecture::Parameter;
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::torch::optimizer_state::{OptimizerState, ParameterGroup};
use crate::format::torch::tensor::{Entry, Tensor};
use crate::verify::Report;
use std::collections::BTreeMap;

const FILE: &str = "optimizer.pt";
/// What optimizers remember in the shape of the parameter itself.
const MOMENTS: [&str; 8] =
    ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "grad_avg", "sum", "__bnb_optimizer_quant_state__/state1"];

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let Some(state) = directory.optimizer() else { return Ok(()) };
    let numbered = check_numbers(directory, state);
    let is_numbered = numbered.is_none();
    report.findings.extend(numbered);
    if is_numbered && let Some(table) = directory.table() {
        let groups: Vec<Vec<&Parameter>> = match state.groups.len() {
            1 => vec![table.untied().collect()],
            2 => [true, false].map(|decays| table.untied().filter(|parameter| parameter.weight_decay == decays).collect()).into(),
            // A script has made its own groups.
            _ => Vec::new(),
        };
        for (index, (group, parameters)) in state.groups.iter().zip(groups).enumerate() {
            report.findings.extend(check_group(directory, state, index, group, &parameters));
        }
    } else if is_numbered && directory.config.is_none() {
        report.findings.extend(check_adapter(directory, state));
    }
    report.findings.extend(check_weight_decay(directory, state));
    report.findings.extend(check_steps(directory, state));
    Ok(())
}

/// Parameters are numbered one after another through the groups, and nothing is remembered of others.
fn check_numbers(directory: &Directory<'_>, state: &OptimizerState<'_>) -> Option<Diagnostic> {
    let mut next = 0_u64;
    for (group, settings) in state.groups.iter().enumerate() {
        for (index, number) in settings.parameters.iter().enumerate() {
            if *number != next {
                let site = directory.site(FILE, format!("/param_groups/{group}/params/{index}"));
                let diagnostic = Diagnostic::new("optimizer-parameters", site, "the parameters are not numbered one after another");
                return Some(diagnostic.expected(next).found(number));
            }
            next = next.saturating_add(1);
        }
    }
    let (number, _) = state.parameters.iter().find(|(number, _)| *number >= next)?;
    let site = directory.site(FILE, format!("/state/{number}"));
    let diagnostic = Diagnostic::new("optimizer-parameters", site, "something is remembered of a parameter that is in no group");
    Some(diagnostic.expected(format!("numbers below {next}")).found(number))
}

/// The moments of a group have the shapes of the table's parameters, in their order; parameters that are not trained are passed over.
fn check_group(
    directory: &Directory<'_>,
    state: &OptimizerState<'_>,
    index: usize,
    group: &ParameterGroup<'_>,
    parameters: &[&Parameter],
) -> Option<Diagnostic> {
    if group.parameters.len() > parameters.len() {
        let site = directory.site(FILE, format!("/param_groups/{index}/params"));
        let diagnostic = Diagnostic::new("optimizer-parameters", site, "the group has more parameters than the model");
        return Some(diagnostic.expected(format!("at most {}", parameters.len())).found(group.parameters.len()));
    }
    let moments: BTreeMap<u64, &[(String, Entry<'_>)]> =
        state.parameters.iter().map(|(number, entries)| (*number, entries.as_slice())).collect();
    let is_whole = group.parameters.len() == parameters.len();
    let mut rest = parameters.iter();
    for number in &group.parameters {
        let entries = moments.get(number).copied().unwrap_or(&[]);
        let shapes: Vec<(&str, &[u64])> = entries.iter().filter_map(|(name, entry)| moment(name, entry)).collect();
        let fits = |parameter: &Parameter| shapes.iter().all(|(_, shape)| is_shape(parameter, shape));
        let found = if is_whole { rest.next().filter(|parameter| fits(parameter)) } else { rest.find(|parameter| fits(parameter)) };
        if found.is_none() {
            let position = usize::try_from(number.saturating_sub(group.parameters.first().copied().unwrap_or(0))).unwrap_or(usize::MAX);
            let expected = parameters.get(position).filter(|_| is_whole);
            let wrong = shapes.iter().find(|(_, shape)| expected.is_none_or(|parameter| !is_shape(parameter, shape)));
            let (name, shape) = wrong.copied().unwrap_or_default();
            let site = directory.site(FILE, format!("/state/{number}/{name}"));
            let diagnostic = Diagnostic::new("optimizer-parameters", site, "the moments have another shape than the parameter");
            let expected = expected.map_or("the shape of a later parameter of the group".to_owned(), |parameter| {
                format!("{:?} of {}", parameter.shape, parameter.name)
            });
            return Some(diagnostic.expected(expected).found(format!("{shape:?}")));
        }
    }
    None
}

fn moment<'e>(name: &'e str, entry: &'e Entry<'_>) -> Option<(&'e str, &'e [u64])> {
    match entry {
        Entry::Tensor(tensor) if MOMENTS.contains(&name) => Some((name, tensor.shape.as_slice())),
        _ => None,
    }
}

fn is_shape(parameter: &Parameter, shape: &[u64]) -> bool {
    parameter.shape.len() == shape.len() && parameter.shape.iter().zip(shape).all(|(size, found)| u64::try_from(*size) == Ok(*found))
}

/// An adapter's optimizer has as many parameters as the adapter has tensors, of the same shapes.
fn check_adapter(directory: &Directory<'_>, state: &OptimizerState<'_>) -> Option<Diagnostic> {
    let mut shapes: BTreeMap<&[u64], usize> = BTreeMap::new();
    for tensor in directory.files().iter().flat_map(|file| &file.tensors) {
        let count = shapes.entry(&tensor.shape).or_default();
        *count = count.saturating_add(1);
    }
    let (expected, count) = (shapes.values().sum::<usize>(), state.groups.iter().map(|group| group.parameters.len()).sum::<usize>());
    if expected == 0 {
        return None;
    }
    if count != expected {
        let site = directory.site(FILE, "/param_groups");
        let diagnostic = Diagnostic::new("optimizer-parameters", site, "the groups have other parameters than the adapter");
        return Some(diagnostic.expected(format!("{expected} tensors")).found(count));
    }
    for (number, entries) in &state.parameters {
        let Some((name, shape)) = entries.iter().find_map(|(name, entry)| moment(name, entry)) else { continue };
        match shapes.get_mut(shape).and_then(|count| Some((count.checked_sub(1)?, count))) {
            Some((rest, count)) => *count = rest,
            None => {
                let site = directory.site(FILE, format!("/state/{number}/{name}"));
                let diagnostic = Diagnostic::new("optimizer-parameters", site, "the adapter has no further tensor of this shape");
                return Some(diagnostic.found(format!("{shape:?}")));
            }
        }
    }
    None
}

/// `weight_decay` of the arguments stands in the first group alone.
fn check_weight_decay(directory: &Directory<'_>, state: &OptimizerState<'_>) -> Option<Diagnostic> {
    let argument = directory.argument("weight_decay")?.as_float()?;
    for (index, (group, expected)) in state.groups.iter().zip([argument, 0.0]).enumerate() {
        let Some(Entry::Value(found)) = group.setting("weight_decay") else { continue };
        if found.as_float().is_some_and(|found| found != expected) {
            let site = directory.site(FILE, format!("/param_groups/{index}/weight_decay"));
            let diagnostic = Diagnostic::new("optimizer-group", site, "the group has another weight decay than the run's arguments say");
            return Some(diagnostic.expected(expected).found(found.as_float().unwrap_or_default()));
        }
    }
    None
}

/// No parameter has more steps than the run, and one has as many, unless a scaler has skipped some.
fn check_steps(directory: &Directory<'_>, state: &OptimizerState<'_>) -> Option<Diagnostic> {
    let done = directory.state.as_ref()?.global_step.to_string().parse::<f64>().ok()?;
    let step = |entries: &[(String, Entry<'_>)]| entries.iter().find(|(name, _)| name == "step").and_then(|(_, entry)| number(entry));
    let steps: Vec<(u64, f64)> = state.parameters.iter().filter_map(|(number, entries)| Some((*number, step(entries)?))).collect();
    let most = steps.iter().map(|(_, step)| *step).fold(f64::NEG_INFINITY, f64::max);
    let skips = directory.has("scaler.pt");
    let (number, found) = steps.into_iter().find(|(_, step)| *step > done || (most < done && !skips))?;
    let site = Site::file(directory.source.path(FILE)).at(Place::Pointer(format!("/state/{number}/step")));
    let diagnostic = Diagnostic::new("optimizer-step", site, "the optimizer has done another number of steps than the run");
    Some(diagnostic.expected(format!("global_step {done}")).found(found))
}

/// A number, plain or in a tensor without dimensions.
fn number(entry: &Entry<'_>) -> Option<f64> {
    match entry {
        Entry::Value(value) => value.as_float().or_else(|| value.as_integer::<i64>()?.to_string().parse().ok()),
        Entry::Tensor(tensor) => scalar(tensor),
    }
}

fn scalar(tensor: &Tensor<'_>) -> Option<f64> {
    if !tensor.shape.is_empty() {
        return None;
    }
    tensor.dtype.values(tensor.contiguous_data()?)?.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::pickle::Value;

    #[test]
    fn numbers_are_plain_or_tensors_without_dimensions() {
        let tensor =
            |shape: Vec<u64>| Entry::from(Tensor::contiguous(crate::format::dtype::Dtype::F32, shape, 3_f32.to_le_bytes().to_vec()));
        assert_eq!((number(&tensor(vec![])), number(&tensor(vec![1]))), (Some(3.0), None));
        assert_eq!((number(&Entry::Value(4_i64.into())), number(&Entry::Value(Value::None))), (Some(4.0), None));
    }
}

//! From `optimizer.pt` to an optimizer that goes on.

use std::collections::BTreeMap;

use super::{Algorithm, Optimizer, State};
use crate::architecture::{Parameter, ParameterTable};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::dtype::Dtype;
use crate::format::torch::optimizer_state::{OptimizerState, StepFormat};
use crate::format::torch::tensor::{Entry, Tensor};

type Entries<'a> = [(String, Entry<'a>)];

impl Optimizer {
    /// An optimizer that goes on from a file, which must be in memory as a whole; `path` is what errors call it.
    ///
    /// The settings are those of `algorithm`, not those of the file.
    ///
    /// # Errors
    /// `optimizer-parameters` where the file is not that of this algorithm with these parameters, or `optimizer-step` where the parameters
    /// have made different numbers of steps.
    pub fn restored(algorithm: Algorithm, table: &ParameterTable, path: &str, state: &OptimizerState<'_>) -> Result<Optimizer> {
        let file = File {
            path,
            algorithm: &algorithm,
            entries: state.parameters.iter().map(|(number, entries)| (*number, &entries[..])).collect(),
        };
        let mut states: Vec<State> = table.parameters.iter().map(|parameter| State::new(&algorithm, parameter)).collect();
        // torch numbers the parameters group by group.
        let (decaying, others): (Vec<_>, Vec<_>) = (0..states.len()).partition(|place| table.parameters[*place].weight_decay);
        let mut steps = None;
        for (number, place) in (0..).zip(decaying.iter().chain(&others)) {
            let parameter = &table.parameters[*place];
            let found = file.read(number, parameter, &mut states[*place])?;
            if *steps.get_or_insert(found) != found {
                return Err(file.other_steps(number, parameter, steps.unwrap_or_default(), found));
            }
        }
        let sizes: Vec<usize> = state.groups.iter().map(|group| group.parameters.len()).collect();
        if sizes != [decaying.len(), others.len()] {
            let site = Site::file(path).at(Place::Pointer("/param_groups".to_owned()));
            let diagnostic = Diagnostic::new("optimizer-parameters", site, "the groups have other parameters than the model");
            let expected = format!("{} parameters that decay and {} that do not", decaying.len(), others.len());
            return Err(Error::malformed(diagnostic.expected(expected).found(format!("{sizes:?}"))));
        }
        Ok(Optimizer { algorithm, states, steps: steps.unwrap_or_default(), updates: Vec::new() })
    }
}

struct File<'f> {
    path: &'f str,
    algorithm: &'f Algorithm,
    entries: BTreeMap<u64, &'f Entries<'f>>,
}

impl File<'_> {
    /// Reads what is remembered of a parameter, and gives the steps that it has made.
    fn read(&self, number: u64, parameter: &Parameter, state: &mut State) -> Result<u64> {
        let shape: Vec<u64> = parameter.shape.iter().map(|size| *size as u64).collect();
        let moments = self.algorithm.moments(&shape);
        let entries = self.entries.get(&number).copied();
        if moments.is_empty() {
            let is_foreign = |(name, _): &&(String, Entry<'_>)| name != "momentum_buffer";
            let foreign = entries.and_then(|entries| entries.iter().find(is_foreign));
            return foreign.map_or(Ok(0), |(name, _)| {
                let message = format!("{name} is remembered of a parameter, and this optimizer remembers nothing");
                Err(self.wrong(number, name, parameter, message, None))
            });
        }
        let entries = entries.ok_or_else(|| self.wrong(number, "", parameter, "nothing is remembered of a parameter".to_owned(), None))?;
        for ((name, shape), values) in moments.iter().zip(&mut state.moments) {
            let tensor = self.tensor(number, name, parameter, entries)?;
            let bytes = (tensor.dtype == Dtype::F32 && tensor.shape == *shape).then(|| tensor.row_major_data(values.len() as u64 * 4));
            let Some(bytes) = bytes.flatten() else {
                let message = format!("{name} does not fit its parameter");
                let found = format!("{} {:?}", tensor.dtype.name(), tensor.shape);
                return Err(self.wrong(number, name, parameter, message, Some((format!("F32 {shape:?}"), found))));
            };
            values.iter_mut().zip(bytes.as_chunks().0).for_each(|(value, bytes)| *value = f32::from_le_bytes(*bytes));
        }
        if *self.algorithm == Algorithm::Adafactor {
            state.root_mean_square = self.scalar(number, "RMS", parameter, entries)? as f32;
        }
        state.note_touched();
        match self.algorithm.step_format() {
            StepFormat::Absent => Ok(1),
            StepFormat::Integer | StepFormat::Tensor => Ok(self.scalar(number, "step", parameter, entries)? as u64),
        }
    }

    fn tensor<'e>(&self, number: u64, name: &str, parameter: &Parameter, entries: &'e Entries<'_>) -> Result<&'e Tensor<'e>> {
        match entries.iter().find(|(known, _)| known == name) {
            Some((_, Entry::Tensor(tensor))) => Ok(tensor),
            _ => Err(self.missing(number, name, parameter, entries)),
        }
    }

    /// A number, plain or in a tensor without dimensions.
    fn scalar(&self, number: u64, name: &str, parameter: &Parameter, entries: &Entries<'_>) -> Result<f64> {
        let found = entries.iter().find(|(known, _)| known == name).and_then(|(_, entry)| match entry {
            Entry::Value(value) => value.as_float().or_else(|| value.as_integer::<u32>().map(f64::from)),
            Entry::Tensor(tensor) if tensor.shape.is_empty() => tensor.dtype.values(tensor.contiguous_data()?)?.next(),
            Entry::Tensor(_) => None,
        });
        found.ok_or_else(|| self.missing(number, name, parameter, entries))
    }

    fn missing(&self, number: u64, name: &str, parameter: &Parameter, entries: &Entries<'_>) -> Error {
        let found = entries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("{name} is not remembered of a parameter");
        self.wrong(number, name, parameter, message, Some((name.to_owned(), found)))
    }

    fn wrong(&self, number: u64, name: &str, parameter: &Parameter, message: String, difference: Option<(String, String)>) -> Error {
        let diagnostic = Diagnostic::new("optimizer-parameters", self.site(number, name), format!("{message}: {}", parameter.name));
        let diagnostic = diagnostic.hint("go on with the optimizer, its arguments and the model that the checkpoint was made with");
        Error::malformed(match difference {
            Some((expected, found)) => diagnostic.expected(expected).found(found),
            None => diagnostic,
        })
    }

    fn other_steps(&self, number: u64, parameter: &Parameter, expected: u64, found: u64) -> Error {
        let message = format!("a parameter has made another number of steps than those before it: {}", parameter.name);
        Error::unsupported(Diagnostic::new("optimizer-step", self.site(number, "step"), message).expected(expected).found(found))
    }

    fn site(&self, number: u64, name: &str) -> Site {
        let separator = if name.is_empty() { "" } else { "/" };
        Site::file(self.path).at(Place::Pointer(format!("/state/{number}{separator}{name}")))
    }
}

impl State {
    /// Rows of which only zeros are remembered count as rows that never had a gradient, and may be left out of steps for less.
    pub(super) fn note_touched(&mut self) {
        let Some(rows) = &mut self.rows else { return };
        for (index, row) in rows.iter_mut().enumerate() {
            let place = index * self.width..(index + 1) * self.width;
            row.touched = self.moments.iter().filter_map(|moment| moment.get(place.clone())).flatten().any(|value| value.to_bits() != 0);
        }
    }
}

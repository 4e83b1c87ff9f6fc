//! Optimizers on the host.
//!
//! On the CPU they work on the tensors' own memory, in one pass over parameter, gradient and what is remembered. Kernels of the device take
//! their place where parameters live on a GPU.

mod adafactor;
mod adagrad;
mod adamw;
#[cfg(test)]
mod golden;
mod lion;
mod norm;
mod restore;
mod rmsprop;
mod rows;
mod sgd;
#[cfg(test)]
mod tests;
mod update;
mod values;

use bytemuck::cast_slice;
use rayon::prelude::*;
use std::borrow::Cow;

use super::gradient::Gradient;
use crate::architecture::{Construction, Parameter, ParameterTable};
use crate::format::torch::optimizer_state::{Remembered, TrainedParameter};
use adafactor::Adafactor;
use rows::Row;
use update::Update;
use values::{MOMENTS, Values};

pub use crate::format::torch::optimizer_state::Algorithm;
pub use norm::global_norm;

/// Elements that one task updates, and that one partial sum covers; fixed, so that no result depends on the threads.
const CHUNK: usize = 1 << 15;

/// What one step of an [`Optimizer`] is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateSettings {
    /// The learning rate of this step, the schedule's factor included.
    pub learning_rate: f64,
    /// Weight decay of the parameters that [`crate::architecture::Parameter::weight_decay`] marks.
    pub weight_decay: f64,
    /// The norm that gradients are clipped to; no clipping where it is 0 or less.
    pub max_grad_norm: f64,
}

/// An optimizer of torch or transformers, with clipping by the norm of all gradients together.
///
/// Rows of an embedding table that a step has no gradient for change in that step too, by what is remembered of them and by the decay. They
/// are left as they are until somebody asks for them ([`Optimizer::settle`]), and then take all their steps at once, with the same bits.
///
/// # Numerics
/// What is remembered and the parameters are `f32`, scalars are computed in `f64` and rounded once; norms and means are summed in `f64`.
/// Results do not depend on the number of threads.
///
/// # Source
/// torch 2.15.0, `torch/optim/{adamw,sgd,adagrad,rmsprop}.py`, and `torch.nn.utils.clip_grad_norm_`; transformers 5.23.0, `optimization.py`
/// (`Adafactor`); bitsandbytes 0.50.2, `backends/default/ops.py` (`lion`).
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    algorithm: Algorithm,
    states: Vec<State>,
    steps: u64,
    /// The last steps, from the first one that a row may have left out.
    updates: Vec<Update>,
}

/// What the optimizer knows of one parameter.
#[derive(Debug, Clone, PartialEq)]
struct State {
    decays: bool,
    /// Elements of a row; of a vector all.
    width: usize,
    /// In the order of [`Algorithm::moments`]; empty where that has fewer.
    moments: [Vec<f32>; MOMENTS],
    /// For an embedding table, how far each row is.
    rows: Option<Vec<Row>>,
    /// Adafactor alone: of the parameter before its last step.
    root_mean_square: f32,
}

impl Optimizer {
    /// An optimizer that has made no step.
    pub fn new(algorithm: Algorithm, table: &ParameterTable) -> Self {
        let states = table.parameters.iter().map(|parameter| State::new(&algorithm, parameter)).collect();
        Optimizer { algorithm, states, steps: 0, updates: Vec::new() }
    }

    /// Clips the gradients together, moves the parameters, and returns the norm that the gradients had before.
    ///
    /// Rows of an embedding table that have a gradient must be settled.
    ///
    /// # Shapes
    /// `parameters` and `gradients` hold one entry a parameter, in the order of the table.
    ///
    /// # Panics
    /// Where entries do not fit the table.
    pub fn step(&mut self, parameters: &mut [&mut [f32]], gradients: &[Gradient], settings: &UpdateSettings) -> f64 {
        assert!(parameters.len() == self.states.len() && gradients.len() == self.states.len(), "one entry a parameter");
        let norm = global_norm(gradients);
        let clip = norm::clip(norm, settings.max_grad_norm);
        self.steps += 1;
        let parts = parameters.iter_mut().zip(gradients).zip(&mut self.states);
        match Update::new(&self.algorithm, settings, clip, self.steps) {
            Some(update) => {
                self.updates.push(update);
                let mut chunks = Vec::new();
                parts.for_each(|((parameter, gradient), state)| {
                    state.chunks(parameter, gradient, self.updates.len(), self.steps, &mut chunks)
                });
                chunks.into_par_iter().with_min_len(1).for_each(|chunk| chunk.take(update));
            }
            None => {
                let adafactor = Adafactor::new(settings, clip, self.steps);
                parts.for_each(|((parameter, gradient), state)| adafactor.step(parameter, gradient, state));
            }
        }
        norm
    }

    /// Lets rows of an embedding table take the steps that they have left out.
    ///
    /// # Panics
    /// Where the parameter does not have these rows.
    pub fn settle(&mut self, index: usize, parameter: &mut [f32], rows: impl IntoIterator<Item = usize>) {
        let State { decays, width, moments, rows: Some(states), .. } = &mut self.states[index] else { return };
        let (decays, updates) = (*decays, &self.updates);
        let mut late: Vec<usize> = rows.into_iter().filter(|row| states[*row].taken < updates.len()).collect();
        late.sort_unstable();
        late.dedup();
        let values = Values::new(parameter, moments).rows(*width, late.iter().copied());
        let work: Vec<_> = values.into_iter().zip(late.iter().map(|row| states[*row])).collect();
        for row in late {
            let Row { taken, touched } = states[row];
            // Weight decay alone may have left something to remember.
            let touched = touched || updates[taken..].iter().any(|update| update.at_rest(decays).is_none());
            states[row] = Row { taken: updates.len(), touched };
        }
        work.into_par_iter().with_min_len(8).for_each(|(values, row)| rows::catch_up(values, &updates[row.taken..], decays, row.touched));
    }

    /// [`Optimizer::settle`] for all rows of all embedding tables.
    ///
    /// # Panics
    /// Where `parameters` do not fit the table.
    pub fn settle_all(&mut self, parameters: &mut [&mut [f32]]) {
        for (index, parameter) in parameters.iter_mut().enumerate() {
            if let Some(rows) = self.states[index].rows.as_ref().map(Vec::len) {
                self.settle(index, parameter, 0..rows);
            }
        }
        self.updates.clear();
        self.states.iter_mut().flat_map(|state| &mut state.rows).flatten().for_each(|row| row.taken = 0);
    }

    /// Whether no row has left out a step.
    pub fn is_settled(&self) -> bool {
        self.updates.is_empty()
    }

    /// An optimizer that has made steps elsewhere: `moments` are what it remembers of each parameter, in the order of
    /// [`Algorithm::moments`].
    ///
    /// # Panics
    /// Where the moments do not fit the table.
    pub fn going_on(algorithm: Algorithm, table: &ParameterTable, steps: u64, moments: impl Iterator<Item = Vec<Vec<f32>>>) -> Self {
        let states = table.parameters.iter().zip(moments).map(|(parameter, found)| {
            let (mut state, mut found) = (State::new(&algorithm, parameter), found.into_iter());
            for moment in &mut state.moments {
                let found = found.next().unwrap_or_default();
                assert_eq!(found.len(), moment.len(), "what is remembered fits the parameter");
                *moment = found;
            }
            state.note_touched();
            state
        });
        let states: Vec<State> = states.collect();
        assert_eq!(states.len(), table.parameters.len(), "something is remembered of every parameter");
        Optimizer { algorithm, states, steps, updates: Vec::new() }
    }

    /// What is remembered of each parameter, in the order of [`Algorithm::moments`]; rows must be [settled](Optimizer::settle_all).
    pub fn moments(&self) -> impl Iterator<Item = &[Vec<f32>]> {
        self.states.iter().map(|state| &state.moments[..])
    }

    /// What kind of optimizer it is.
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// How many steps were made, those before a [restart](Optimizer::restored) included if its file counts them.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What `optimizer.pt` has of the parameters, once all rows are [settled](Optimizer::settle_all).
    pub fn trained_parameters<'a>(&'a self, table: &ParameterTable) -> impl Iterator<Item = TrainedParameter<'a>> {
        table.parameters.iter().zip(&self.states).map(|(parameter, state)| TrainedParameter {
            shape: parameter.shape.iter().map(|size| *size as u64).collect(),
            weight_decay: parameter.weight_decay,
            remembered: (self.steps > 0).then(|| Remembered {
                step: self.steps,
                moments: state.moments.iter().map(|moment| Cow::Borrowed(cast_slice(moment))).collect(),
                root_mean_square: state.root_mean_square,
            }),
        })
    }
}

impl State {
    fn new(algorithm: &Algorithm, parameter: &Parameter) -> State {
        let shape: Vec<u64> = parameter.shape.iter().map(|size| *size as u64).collect();
        let mut sizes = algorithm.moments(&shape).into_iter().map(|(_, shape)| shape.iter().product::<u64>() as usize);
        let is_lazy = parameter.construction == Construction::Normal && *algorithm != Algorithm::Adafactor;
        State {
            decays: parameter.weight_decay,
            width: parameter.shape.last().copied().unwrap_or(1),
            moments: std::array::from_fn(|_| vec![0.0; sizes.next().unwrap_or(0)]),
            rows: is_lazy.then(|| vec![Row::default(); parameter.shape[0]]),
            root_mean_square: 0.0,
        }
    }

    /// Cuts the step of one parameter into tasks; `update` is the number of updates with this one, `step` that of all steps.
    fn chunks<'a>(&'a mut self, parameter: &'a mut [f32], gradient: &'a Gradient, update: usize, step: u64, chunks: &mut Vec<Chunk<'a>>) {
        let State { decays, width, moments, rows, .. } = self;
        let (decays, values) = (*decays, Values::new(parameter, moments));
        match (gradient, rows) {
            (Gradient::Dense(gradient), rows) => {
                assert!(values.parameter.len() == gradient.len(), "the gradient fits the parameter");
                if let Some(rows) = rows {
                    assert!(rows.iter().all(|row| row.taken + 1 == update), "rows are settled");
                    rows.fill(Row { taken: update, touched: true });
                }
                let parts = values.chunks(CHUNK).into_iter().zip(gradient.chunks(CHUNK));
                chunks.extend(parts.map(|(values, gradient)| Chunk { values, gradient, decays, fresh: step == 1 }));
            }
            (Gradient::Rows(gradient), Some(rows)) => {
                let gradients = gradient.sorted();
                let parts = values.rows(*width, gradients.iter().map(|(row, _)| *row));
                for ((row, gradient), values) in gradients.into_iter().zip(parts) {
                    assert_eq!(rows[row].taken + 1, update, "row {row} is settled");
                    chunks.push(Chunk { values, gradient, decays, fresh: !rows[row].touched });
                    rows[row] = Row { taken: update, touched: true };
                }
            }
            (Gradient::Rows(_), None) => panic!("a gradient of rows, and no embedding table"),
        }
    }
}

struct Chunk<'a> {
    values: Values<'a>,
    gradient: &'a [f32],
    decays: bool,
    /// Whether what is remembered is still the zeros that it was made with.
    fresh: bool,
}

impl Chunk<'_> {
    fn take(mut self, update: Update) {
        if self.fresh {
            // New memory that is read before it is written costs two page faults.
            self.values.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        }
        update::apply(self.values, self.gradient, update, self.decays);
    }
}

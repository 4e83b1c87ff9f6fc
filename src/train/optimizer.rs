//! AdamW on the host.
//!
//! On the CPU the optimizer works on the tensors' own memory, in one pass over parameter, gradient and both moments. Kernels of the device
//! take its place where parameters live on a GPU.

use rayon::prelude::*;

use super::gradient::Gradient;
use crate::architecture::{Construction, Parameter, ParameterTable};
use crate::simd::vectorized;

/// Elements that one task updates, and that one partial sum of the norm covers; fixed, so that no result depends on the threads.
const CHUNK: usize = 1 << 15;

/// What one step of [`AdamW`] is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// Decoupled weight decay of the parameters that [`crate::architecture::Parameter::weight_decay`] marks.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the corrected second moment.
    pub epsilon: f64,
    /// The norm that gradients are clipped to; no clipping where it is 0 or less.
    pub max_grad_norm: f64,
}

/// Adam with decoupled weight decay, and clipping by the norm of all gradients together.
///
/// Rows of an embedding table that a step has no gradient for change in that step too, by their moments and by the decay. They are left
/// as they are until somebody asks for them ([`AdamW::settle`]), and then take all their steps at once, with the same bits.
///
/// # Numerics
/// Moments and parameters are `f32`, scalars are computed in `f64` and rounded once; the norm sums squares in `f64`. Results do not depend
/// on the number of threads.
///
/// # Source
/// `torch.optim.AdamW` and `torch.nn.utils.clip_grad_norm_`; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    states: Vec<State>,
    updates: Vec<Update>,
}

/// What the optimizer knows of one parameter.
#[derive(Debug, Clone, PartialEq)]
struct State {
    decays: bool,
    exp_avg: Vec<f32>,
    exp_avg_sq: Vec<f32>,
    /// For an embedding table, how far each row is.
    rows: Option<Vec<Row>>,
}

/// How far a row of an embedding table is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Row {
    /// Steps that it has taken.
    taken: usize,
    /// Whether it ever had a gradient; before that its moments are zeros that no memory has been spent on.
    touched: bool,
}

impl AdamW {
    /// An optimizer that has made no step.
    pub fn new(table: &ParameterTable) -> Self {
        let state = |parameter: &Parameter| State {
            decays: parameter.weight_decay,
            exp_avg: vec![0.0; parameter.numel()],
            exp_avg_sq: vec![0.0; parameter.numel()],
            rows: (parameter.construction == Construction::Normal).then(|| vec![Row::default(); parameter.shape[0]]),
        };
        AdamW { states: table.parameters.iter().map(state).collect(), updates: Vec::new() }
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
    pub fn step(&mut self, parameters: &mut [&mut [f32]], gradients: &[Gradient], settings: &AdamWSettings) -> f64 {
        assert!(parameters.len() == self.states.len() && gradients.len() == self.states.len(), "one entry a parameter");
        let norm = global_norm(gradients);
        let update = Update::new(settings, norm, self.updates.len() as u64 + 1);
        self.updates.push(update);
        let steps = self.updates.len();
        let mut chunks = Vec::new();
        for ((parameter, gradient), state) in parameters.iter_mut().zip(gradients).zip(&mut self.states) {
            let values = Values { parameter, exp_avg: &mut state.exp_avg, exp_avg_sq: &mut state.exp_avg_sq };
            match (gradient, &mut state.rows) {
                (Gradient::Dense(gradient), rows) => {
                    assert!(values.len() == gradient.len(), "the gradient fits the parameter");
                    if let Some(rows) = rows {
                        assert!(rows.iter().all(|row| row.taken + 1 == steps), "rows are settled");
                        rows.fill(Row { taken: steps, touched: true });
                    }
                    let parts = values.chunks(CHUNK).zip(gradient.chunks(CHUNK));
                    let (decays, fresh) = (state.decays, steps == 1);
                    chunks.extend(parts.map(|(values, gradient)| Chunk { values, gradient, decays, fresh }));
                }
                (Gradient::Rows(gradient), Some(rows)) => {
                    let width = values.len() / rows.len();
                    let gradients = gradient.sorted();
                    let parts = values.rows(width, gradients.iter().map(|(row, _)| *row));
                    for ((row, gradient), values) in gradients.into_iter().zip(parts) {
                        assert_eq!(rows[row].taken + 1, steps, "row {row} is settled");
                        chunks.push(Chunk { values, gradient, decays: state.decays, fresh: !rows[row].touched });
                        rows[row] = Row { taken: steps, touched: true };
                    }
                }
                (Gradient::Rows(_), None) => panic!("a gradient of rows, and no embedding table"),
            }
        }
        chunks.into_par_iter().with_min_len(1).for_each(|chunk| {
            if chunk.fresh {
                // New memory that is read before it is written costs two page faults.
                chunk.values.exp_avg.fill(0.0);
                chunk.values.exp_avg_sq.fill(0.0);
            }
            apply(chunk.values, chunk.gradient, update, chunk.decays);
        });
        norm
    }

    /// Lets rows of an embedding table take the steps that they have left out.
    ///
    /// # Panics
    /// Where the parameter is no embedding table, or does not have these rows.
    pub fn settle(&mut self, index: usize, parameter: &mut [f32], rows: impl IntoIterator<Item = usize>) {
        let State { decays, exp_avg, exp_avg_sq, rows: Some(states) } = &mut self.states[index] else {
            panic!("parameter {index} is no embedding table");
        };
        let width = parameter.len() / states.len();
        let (decays, updates) = (*decays, &self.updates);
        let mut late: Vec<usize> = rows.into_iter().filter(|row| states[*row].taken < updates.len()).collect();
        late.sort_unstable();
        late.dedup();
        let values = Values { parameter, exp_avg, exp_avg_sq }.rows(width, late.iter().copied());
        let work: Vec<_> = values.into_iter().zip(late.iter().map(|row| states[*row])).collect();
        late.iter().for_each(|row| states[*row].taken = updates.len());
        work.into_par_iter().with_min_len(8).for_each(|(values, row)| catch_up(values, &updates[row.taken..], decays, row.touched));
    }

    /// [`AdamW::settle`] for all rows of all embedding tables.
    ///
    /// # Panics
    /// Where `parameters` do not fit the table.
    pub fn settle_all(&mut self, parameters: &mut [&mut [f32]]) {
        for (index, parameter) in parameters.iter_mut().enumerate() {
            if let Some(rows) = self.states[index].rows.as_ref().map(Vec::len) {
                self.settle(index, parameter, 0..rows);
            }
        }
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.updates.len() as u64
    }

    /// The first moments of a parameter, by its place in the table.
    pub fn exp_avg(&self, index: usize) -> &[f32] {
        &self.states[index].exp_avg
    }

    /// The second moments of a parameter, by its place in the table.
    pub fn exp_avg_sq(&self, index: usize) -> &[f32] {
        &self.states[index].exp_avg_sq
    }
}

/// The Euclidean norm of all gradients together.
///
/// # Numerics
/// Squares and sums are `f64`, in an order that the lengths alone decide.
pub fn global_norm(gradients: &[Gradient]) -> f64 {
    let chunks: Vec<&[f32]> = gradients.iter().flat_map(|gradient| gradient.values().chunks(CHUNK)).collect();
    let sums: Vec<f64> = chunks.into_par_iter().map(sum_of_squares).collect();
    sums.iter().sum::<f64>().sqrt()
}

vectorized! {
    fn sum_of_squares<'a>(values: &'a [f32]) -> f64 {
        const LANES: usize = 32;
        let (blocks, rest) = values.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for block in blocks {
            for (sum, value) in sums.iter_mut().zip(block) {
                *sum += f64::from(*value) * f64::from(*value);
            }
        }
        sums.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>()
    }
}

/// Elements of a parameter with their moments.
#[derive(Debug)]
struct Values<'a> {
    parameter: &'a mut [f32],
    exp_avg: &'a mut [f32],
    exp_avg_sq: &'a mut [f32],
}

impl<'a> Values<'a> {
    fn len(&self) -> usize {
        assert!(self.parameter.len() == self.exp_avg.len(), "the parameter fits the table");
        self.parameter.len()
    }

    fn split_at(self, place: usize) -> (Self, Self) {
        let (parameter, parameter_rest) = self.parameter.split_at_mut(place);
        let (exp_avg, exp_avg_rest) = self.exp_avg.split_at_mut(place);
        let (exp_avg_sq, exp_avg_sq_rest) = self.exp_avg_sq.split_at_mut(place);
        let rest = Values { parameter: parameter_rest, exp_avg: exp_avg_rest, exp_avg_sq: exp_avg_sq_rest };
        (Values { parameter, exp_avg, exp_avg_sq }, rest)
    }

    fn chunks(self, size: usize) -> impl Iterator<Item = Values<'a>> {
        let moments = self.exp_avg.chunks_mut(size).zip(self.exp_avg_sq.chunks_mut(size));
        let chunks = self.parameter.chunks_mut(size).zip(moments);
        chunks.map(|(parameter, (exp_avg, exp_avg_sq))| Values { parameter, exp_avg, exp_avg_sq })
    }

    /// Rows, which must ascend.
    fn rows(self, width: usize, rows: impl Iterator<Item = usize>) -> Vec<Values<'a>> {
        let (mut rest, mut next) = (self, 0);
        rows.map(|row| {
            let skipped = std::mem::replace(&mut rest, Values { parameter: &mut [], exp_avg: &mut [], exp_avg_sq: &mut [] });
            let (values, later) = skipped.split_at((row - next) * width).1.split_at(width);
            (rest, next) = (later, row + 1);
            values
        })
        .collect()
    }
}

struct Chunk<'a> {
    values: Values<'a>,
    gradient: &'a [f32],
    decays: bool,
    /// Whether the moments are still the zeros they were made with.
    fresh: bool,
}

/// The scalars of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Update {
    clip: f32,
    shrink: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    root_correction2: f32,
    epsilon: f32,
    step_size: f32,
}

impl Update {
    fn new(settings: &AdamWSettings, norm: f64, step: u64) -> Self {
        let clip = if settings.max_grad_norm > 0.0 { (settings.max_grad_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        Update {
            clip: clip as f32,
            shrink: (1.0 - settings.learning_rate * settings.weight_decay) as f32,
            one_minus_beta1: (1.0 - settings.beta1) as f32,
            beta2: settings.beta2 as f32,
            one_minus_beta2: (1.0 - settings.beta2) as f32,
            root_correction2: correction(settings.beta2).sqrt() as f32,
            epsilon: settings.epsilon as f32,
            step_size: (settings.learning_rate / correction(settings.beta1)) as f32,
        }
    }

    /// One element: parameter, moments, gradient.
    #[inline(always)]
    fn element(self, parameter: &mut f32, exp_avg: &mut f32, exp_avg_sq: &mut f32, gradient: f32, shrink: f32) {
        let gradient = gradient * self.clip;
        *exp_avg += (gradient - *exp_avg) * self.one_minus_beta1;
        *exp_avg_sq = *exp_avg_sq * self.beta2 + gradient * gradient * self.one_minus_beta2;
        let denominator = exp_avg_sq.sqrt() / self.root_correction2 + self.epsilon;
        *parameter = *parameter * shrink - self.step_size * *exp_avg / denominator;
    }
}

vectorized! {
    fn apply<'a>(values: Values<'a>, gradient: &'a [f32], update: Update, decays: bool) {
        let shrink = if decays { update.shrink } else { 1.0 };
        let moments = values.exp_avg.iter_mut().zip(values.exp_avg_sq);
        for ((parameter, gradient), (exp_avg, exp_avg_sq)) in values.parameter.iter_mut().zip(gradient).zip(moments) {
            update.element(parameter, exp_avg, exp_avg_sq, *gradient, shrink);
        }
    }
}

vectorized! {
    /// Steps without a gradient, one after another. Where there never was one, the moments are zero and only the decay is left.
    fn catch_up<'a>(values: Values<'a>, updates: &'a [Update], decays: bool, touched: bool) {
        for update in updates {
            let shrink = if decays { update.shrink } else { 1.0 };
            if touched || update.epsilon <= 0.0 {
                let moments = values.exp_avg.iter_mut().zip(values.exp_avg_sq.iter_mut());
                for (parameter, (exp_avg, exp_avg_sq)) in values.parameter.iter_mut().zip(moments) {
                    update.element(parameter, exp_avg, exp_avg_sq, 0.0, shrink);
                }
            } else if shrink != 1.0 {
                values.parameter.iter_mut().for_each(|parameter| *parameter *= shrink);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gradient::RowGradient;
    use super::*;
    use crate::architecture::Initializer;
    use proptest::prelude::*;

    const SETTINGS: AdamWSettings =
        AdamWSettings { learning_rate: 0.1, weight_decay: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, max_grad_norm: 0.0 };

    fn parameter(shape: &[usize], weight_decay: bool, construction: Construction) -> Parameter {
        Parameter {
            name: String::new(),
            shape: shape.to_vec(),
            initializer: Initializer::Zeros,
            construction,
            padding_row: None,
            weight_decay,
            tied_to: None,
        }
    }

    fn optimizer(sizes: &[(usize, bool)]) -> AdamW {
        let parameter = |&(size, weight_decay): &(usize, bool)| parameter(&[size], weight_decay, Construction::Constant);
        AdamW::new(&ParameterTable { parameters: sizes.iter().map(parameter).collect(), base_parameters: sizes.len() })
    }

    fn dense(gradients: &[&[f32]]) -> Vec<Gradient> {
        gradients.iter().map(|gradient| Gradient::Dense(gradient.to_vec())).collect()
    }

    #[test]
    fn the_first_step_goes_by_the_learning_rate() {
        let (mut decayed, mut plain) = ([1.0f32], [1.0f32]);
        let norm = optimizer(&[(1, true), (1, false)]).step(&mut [&mut decayed, &mut plain], &dense(&[&[3.0], &[-4.0]]), &SETTINGS);
        assert_eq!(norm, 5.0);
        assert!((decayed[0] - (0.95 - 0.1)).abs() < 1e-6, "{decayed:?}");
        assert!((plain[0] - 1.1).abs() < 1e-6, "{plain:?}");
    }

    #[test]
    fn gradients_are_clipped_together() {
        let mut optimizer = optimizer(&[(1, true), (1, false)]);
        let settings = AdamWSettings { max_grad_norm: 1.0, ..SETTINGS };
        let norm = optimizer.step(&mut [&mut [0.0], &mut [0.0]], &dense(&[&[3.0], &[4.0]]), &settings);
        let [first, second] = [optimizer.exp_avg(0)[0], optimizer.exp_avg(1)[0]];
        assert_eq!(norm, 5.0);
        assert!((first - 0.06).abs() < 1e-6 && (second - 0.08).abs() < 1e-6, "{first} {second}");
        assert_eq!(optimizer.steps(), 1);
    }

    #[test]
    fn results_do_not_depend_on_the_threads() {
        let sizes = [(3 * CHUNK + 7, true), (5, false), (CHUNK, true)];
        let values: Vec<Vec<f32>> = sizes.iter().map(|(size, _)| (0..*size).map(|i| (i as f32 * 0.37).sin()).collect()).collect();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut parameters = values.clone();
            let mut slices: Vec<&mut [f32]> = parameters.iter_mut().map(Vec::as_mut_slice).collect();
            let gradients: Vec<Gradient> = values.iter().cloned().map(Gradient::Dense).collect();
            let mut optimizer = optimizer(&sizes);
            let norm = pool.install(|| optimizer.step(&mut slices, &gradients, &SETTINGS));
            (norm.to_bits(), parameters, optimizer)
        };
        assert!(run(1) == run(3));
    }

    const WIDTH: usize = 5;
    const ROWS: usize = 6;

    proptest! {
        /// Steps that are left out and taken later have the bits of steps with a gradient of zero.
        #[test]
        fn late_rows_catch_up_bit_for_bit(
            steps in prop::collection::vec(prop::collection::btree_map(0..ROWS, -2.0f32..2.0, 0..3), 1..12),
            weight_decay in prop::bool::ANY,
        ) {
            let table = |construction| ParameterTable { parameters: vec![parameter(&[ROWS, WIDTH], weight_decay, construction)], base_parameters: 1 };
            let mut lazy = AdamW::new(&table(Construction::Normal));
            let mut eager = AdamW::new(&table(Construction::Uniform));
            let start: Vec<f32> = (0..ROWS * WIDTH).map(|i| (i as f32 * 0.71).sin()).collect();
            let (mut left, mut right) = (start.clone(), start);
            for (index, rows) in steps.iter().enumerate() {
                let settings = AdamWSettings { learning_rate: 0.1 / (index + 1) as f64, max_grad_norm: 1.0, ..SETTINGS };
                let mut gradient = RowGradient::default();
                for (row, value) in rows {
                    let values: Vec<f32> = (0..WIDTH).map(|column| value * (column as f32 - 1.5)).collect();
                    gradient.add(&[*row as i32], &values, WIDTH, None);
                }
                let gradient = Gradient::Rows(gradient);
                let whole = Gradient::Dense(gradient.to_dense(ROWS * WIDTH, WIDTH));
                lazy.settle(0, &mut left, rows.keys().copied());
                let lazy_norm = lazy.step(&mut [&mut left], &[gradient], &settings);
                let eager_norm = eager.step(&mut [&mut right], &[whole], &settings);
                prop_assert!((lazy_norm - eager_norm).abs() <= 1e-12 * eager_norm);
            }
            lazy.settle_all(&mut [&mut left]);
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&left), bits(&right));
            prop_assert_eq!(bits(lazy.exp_avg(0)), bits(eager.exp_avg(0)));
            prop_assert_eq!(bits(lazy.exp_avg_sq(0)), bits(eager.exp_avg_sq(0)));
        }
    }
}

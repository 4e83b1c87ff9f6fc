//! Steps divided by a running root mean square that is remembered by rows and columns only: Shazeer and Stern, "Adafactor", 2018.
//!
//! As transformers calls it from the Trainer: at a learning rate that is given, without first moment, the step clipped to the size 1.

use rayon::prelude::*;

use super::norm::sum_of_squares;
use super::{CHUNK, State, UpdateSettings};
use crate::simd::vectorized;
use crate::train::gradient::Gradient;

/// What is added to the square of a gradient.
const EPSILON: f32 = 1e-30;
/// How the decay of the running mean nears 1.
const DECAY_RATE: f64 = -0.8;

/// The scalars of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Adafactor {
    clip: f32,
    /// Added to a parameter that decays, times itself.
    decay: f32,
    learning_rate: f32,
    beta2: f32,
    one_minus_beta2: f32,
}

impl Adafactor {
    pub(super) fn new(settings: &UpdateSettings, clip: f32, step: u64) -> Self {
        let beta2 = 1.0 - (step as f64).powf(DECAY_RATE);
        Adafactor {
            clip,
            decay: (-settings.weight_decay * settings.learning_rate) as f32,
            learning_rate: settings.learning_rate as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
        }
    }

    /// Moves a parameter; rows without a gradient are treated as those with one of zero.
    pub(super) fn step(self, parameter: &mut [f32], gradient: &Gradient, state: &mut State) {
        let squares: f64 = parameter.par_chunks(CHUNK).map(sum_of_squares).collect::<Vec<_>>().iter().sum();
        state.root_mean_square = (squares.sqrt() / (parameter.len() as f64).sqrt()) as f32;
        let decay = if state.decays { self.decay } else { 0.0 };
        let zeros = vec![0.0; state.width];
        let [first, columns, _] = &mut state.moments;
        if columns.is_empty() {
            let [gradient] = rows_of(gradient, parameter.len(), parameter.len(), &zeros)[..] else { panic!("a vector is one row") };
            update_mean(first, gradient, self);
            let factors = first.iter().map(|mean| 1.0 / mean.sqrt()).collect::<Vec<_>>();
            let divisor = divisor(sum_of_update_squares(gradient, 1.0, &factors, self.clip), parameter.len());
            self.move_row(parameter, gradient, 1.0, &factors, divisor, decay);
            return;
        }
        let width = columns.len();
        let gradients = rows_of(gradient, parameter.len(), width, &zeros);
        let rows_a_chunk = (CHUNK / width).max(1);
        self.remember(&gradients, first, columns, rows_a_chunk);
        let mean = (first.iter().map(|row| f64::from(*row)).sum::<f64>() / first.len() as f64) as f32;
        let row_factors: Vec<f32> = first.iter().map(|row| 1.0 / (row / mean).sqrt()).collect();
        let factors: Vec<f32> = columns.iter().map(|column| 1.0 / column.sqrt()).collect();
        let chunks = gradients.par_chunks(rows_a_chunk).zip(row_factors.par_chunks(rows_a_chunk));
        let squares = |(gradients, row_factors): (&[&[f32]], &[f32])| -> f64 {
            gradients.iter().zip(row_factors).map(|(gradient, row)| sum_of_update_squares(gradient, *row, &factors, self.clip)).sum()
        };
        let squares = chunks.clone().map(squares).collect::<Vec<_>>().iter().sum();
        let divisor = divisor(squares, parameter.len());
        parameter.par_chunks_mut(rows_a_chunk * width).zip(chunks).for_each(|(parameter, (gradients, row_factors))| {
            for ((parameter, gradient), row) in parameter.chunks_exact_mut(width).zip(gradients).zip(row_factors) {
                self.move_row(parameter, gradient, *row, &factors, divisor, decay);
            }
        });
    }

    /// Brings the running means of the squares up to date.
    fn remember(self, gradients: &[&[f32]], rows: &mut [f32], columns: &mut [f32], rows_a_chunk: usize) {
        let width = columns.len();
        let of_chunk = |(gradients, rows): (&[&[f32]], &mut [f32])| {
            let mut sums = vec![0.0; width];
            for (gradient, row) in gradients.iter().zip(rows) {
                let mean = (add_squares(gradient, &mut sums, self.clip) / width as f64) as f32;
                *row = *row * self.beta2 + mean * self.one_minus_beta2;
            }
            sums
        };
        let sums: Vec<Vec<f64>> = gradients.par_chunks(rows_a_chunk).zip(rows.par_chunks_mut(rows_a_chunk)).map(of_chunk).collect();
        for (index, column) in columns.iter_mut().enumerate() {
            let mean = (sums.iter().map(|sums| sums[index]).sum::<f64>() / gradients.len() as f64) as f32;
            *column = *column * self.beta2 + mean * self.one_minus_beta2;
        }
    }

    fn move_row(self, parameter: &mut [f32], gradient: &[f32], row: f32, factors: &[f32], divisor: f32, decay: f32) {
        move_row(parameter, gradient, factors, [row, self.clip, divisor, self.learning_rate, decay]);
    }
}

/// The gradient row by row.
fn rows_of<'a>(gradient: &'a Gradient, numel: usize, width: usize, zeros: &'a [f32]) -> Vec<&'a [f32]> {
    match gradient {
        Gradient::Dense(values) => {
            assert!(values.len() == numel, "the gradient fits the parameter");
            values.chunks_exact(width.max(1)).collect()
        }
        Gradient::Rows(gradient) => {
            let mut rows = vec![zeros; numel / width.max(1)];
            gradient.sorted().into_iter().for_each(|(row, gradient)| rows[row] = gradient);
            rows
        }
    }
}

/// What the update is divided by, so that its root mean square is 1 at most.
fn divisor(squares: f64, count: usize) -> f32 {
    ((squares.sqrt() / (count as f64).sqrt()) as f32).max(1.0)
}

fn update_mean(mean: &mut [f32], gradient: &[f32], scalars: Adafactor) {
    for (mean, gradient) in mean.iter_mut().zip(gradient) {
        *mean = *mean * scalars.beta2 + square(*gradient, scalars.clip) * scalars.one_minus_beta2;
    }
}

#[inline(always)]
fn square(gradient: f32, clip: f32) -> f32 {
    let gradient = gradient * clip;
    gradient * gradient + EPSILON
}

vectorized! {
    /// Adds squares to the sums of their columns, and gives their sum.
    fn add_squares<'a>(gradient: &'a [f32], sums: &'a mut [f64], clip: f32) -> f64 {
        const LANES: usize = 16;
        let mut totals = [0.0; LANES];
        let (blocks, rest) = gradient.as_chunks::<LANES>();
        let (sum_blocks, sum_rest) = sums.as_chunks_mut::<LANES>();
        for (block, sums) in blocks.iter().zip(sum_blocks) {
            for ((gradient, sum), total) in block.iter().zip(sums).zip(&mut totals) {
                let square = f64::from(square(*gradient, clip));
                *sum += square;
                *total += square;
            }
        }
        for ((gradient, sum), total) in rest.iter().zip(sum_rest).zip(&mut totals) {
            let square = f64::from(square(*gradient, clip));
            *sum += square;
            *total += square;
        }
        totals.iter().sum()
    }
}

vectorized! {
    fn sum_of_update_squares<'a>(gradient: &'a [f32], row: f32, factors: &'a [f32], clip: f32) -> f64 {
        const LANES: usize = 16;
        let mut totals = [0.0; LANES];
        let (blocks, rest) = gradient.as_chunks::<LANES>();
        let (factor_blocks, factor_rest) = factors.as_chunks::<LANES>();
        for (block, factors) in blocks.iter().zip(factor_blocks) {
            for ((gradient, factor), total) in block.iter().zip(factors).zip(&mut totals) {
                let update = f64::from(row * factor * (gradient * clip));
                *total += update * update;
            }
        }
        for ((gradient, factor), total) in rest.iter().zip(factor_rest).zip(&mut totals) {
            let update = f64::from(row * factor * (gradient * clip));
            *total += update * update;
        }
        totals.iter().sum()
    }
}

vectorized! {
    fn move_row<'a>(parameter: &'a mut [f32], gradient: &'a [f32], factors: &'a [f32], scalars: [f32; 5]) {
        let [row, clip, divisor, learning_rate, decay] = scalars;
        for ((parameter, gradient), factor) in parameter.iter_mut().zip(gradient).zip(factors) {
            let update = row * factor * (gradient * clip) / divisor * learning_rate;
            *parameter = *parameter + *parameter * decay - update;
        }
    }
}

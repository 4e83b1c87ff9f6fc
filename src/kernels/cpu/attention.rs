//! Self-attention over packed sequences: nothing is computed for padding, because there is none.

use super::dense::{Linear, add_input_gradient, linear, parameter_gradients};
use super::gemm::{Matrix, Output, gemm};
use super::math::{exp, max, sum, sum2};
use super::pool::{give, take};
use crate::kernels::{Mask, Sequences};
use crate::simd::vectorized;
use rayon::join;
use rayon::prelude::*;

/// What attention leaves for its backward pass.
#[derive(Debug, Clone)]
pub struct Attended {
    /// Queries, keys, values: (N, H) each.
    pub projections: [Vec<f32>; 3],
    /// For each sequence, head and query, the logarithm of the sum of the exponentials of its scores: (A, L) one sequence after another.
    pub log_sums: Vec<f32>,
}

impl Attended {
    /// Gives the buffers back.
    pub fn give(self) {
        self.projections.into_iter().for_each(give);
        give(self.log_sums);
    }
}

/// The part of a head in the matrices of a sequence.
#[derive(Clone, Copy)]
struct Head {
    /// Tokens of the sequence.
    length: usize,
    /// First column of the head.
    column: usize,
    /// Columns of the head.
    size: usize,
    /// Columns of all heads.
    width: usize,
}

impl Head {
    fn matrix(self, rows: &[f32]) -> Matrix<'_> {
        Matrix::strided(&rows[self.column..], self.length, self.size, self.width)
    }

    fn write(self, rows: &mut [f32], scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
        gemm(&mut rows[self.column..], self.width, Output::Overwrite, scale, left, right);
    }

    fn scale(self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }
}

/// The context of every token, (N, H), from (N, H).
pub fn self_attention(x: &[f32], layers: [Linear<'_>; 3], sequences: &Sequences, mask: Option<&Mask>) -> (Vec<f32>, Attended) {
    let [query, key, value] = layers.map(|layer| move || linear(x, layer));
    let (query, (key, value)) = join(query, || join(key, value));
    let projections = [query, key, value];
    let width = layers[0].out_features();
    let heads = sequences.heads;
    let (mut context, mut log_sums) = (take(x.len()), take(x.len() / width * heads));
    let [query, key, value] = &projections;
    let contexts = sequences.split(&mut context, width);
    let tasks: Vec<_> = sequences
        .iter()
        .zip(contexts)
        .zip(sequences.split(&mut log_sums, heads))
        .filter(|((sequence, _), _)| !sequence.tokens.is_empty())
        .collect();
    tasks.into_par_iter().for_each(|((sequence, context), log_sums)| {
        let rows = sequence.tokens.start * width..sequence.tokens.end * width;
        let [query, key, value] = [query, key, value].map(|matrix| &matrix[rows.clone()]);
        let length = sequence.tokens.len();
        let mut scores = take(length * length);
        for (index, log_sums) in log_sums.chunks_exact_mut(length).enumerate() {
            let head = Head { length, column: index * (width / heads), size: width / heads, width };
            let kept = mask.map(|mask| mask.rows(sequence.scores + index * length * length, length * length));
            gemm(&mut scores, length, Output::Overwrite, head.scale(), head.matrix(query), head.matrix(key).transposed());
            softmax(&mut scores, log_sums, kept, mask.map_or(1.0, |mask| mask.scale));
            head.write(context, 1.0, Matrix::new(&scores, length), head.matrix(value));
        }
        give(scores);
    });
    (context, Attended { projections, log_sums })
}

vectorized! {
    /// Scores to probabilities, with dropout, in place.
    fn softmax<'a>(scores: &'a mut [f32], log_sums: &'a mut [f32], kept: Option<&'a [u8]>, keep_scale: f32) {
        let length = log_sums.len();
        for (index, (row, log_sum)) in scores.chunks_exact_mut(length).zip(log_sums).enumerate() {
            let greatest = max(row);
            for score in row.iter_mut() {
                *score = exp(*score - greatest);
            }
            let total = sum(row);
            *log_sum = greatest + total.ln();
            match kept {
                Some(kept) => {
                    let scale = keep_scale / total;
                    for (score, keep) in row.iter_mut().zip(&kept[index * length..(index + 1) * length]) {
                        *score *= f32::from(*keep) * scale;
                    }
                }
                None => {
                    let scale = 1.0 / total;
                    for score in row.iter_mut() {
                        *score *= scale;
                    }
                }
            }
        }
    }
}

/// Gradients of x, and of each projection's weight and bias, from the gradient of the context.
pub fn self_attention_backward(
    gradient: &[f32],
    x: &[f32],
    layers: [Linear<'_>; 3],
    context: &[f32],
    attended: &Attended,
    sequences: &Sequences,
    mask: Option<&Mask>,
) -> [Vec<f32>; 7] {
    let width = layers[0].out_features();
    let mut gradients = [take(x.len()), take(x.len()), take(x.len())];
    attention_backward(&mut gradients, width, gradient, context, attended, sequences, mask);
    let mut input = take(x.len());
    let input_gradient = || {
        let mut output = Output::Overwrite;
        for (gradient, layer) in gradients.iter().zip(layers) {
            add_input_gradient(&mut input, output, gradient, layer);
            output = Output::Add;
        }
    };
    let [query, key, value] = std::array::from_fn(|index| (&gradients[index], layers[index]));
    let parameters = |(gradient, layer): (&Vec<f32>, Linear<'_>)| parameter_gradients(gradient, x, layer);
    let (_, ([query_weight, query_bias], ([key_weight, key_bias], [value_weight, value_bias]))) =
        join(input_gradient, || join(|| parameters(query), || join(|| parameters(key), || parameters(value))));
    gradients.into_iter().for_each(give);
    [input, query_weight, query_bias, key_weight, key_bias, value_weight, value_bias]
}

/// Gradients of queries, keys and values.
fn attention_backward(
    gradients: &mut [Vec<f32>; 3],
    width: usize,
    gradient: &[f32],
    context: &[f32],
    attended: &Attended,
    sequences: &Sequences,
    mask: Option<&Mask>,
) {
    let heads = sequences.heads;
    let [query, key, value] = &attended.projections;
    let [queries, keys, values] = gradients;
    let outputs = sequences.split(queries, width).into_iter().zip(sequences.split(keys, width)).zip(sequences.split(values, width));
    let tasks: Vec<_> = sequences.iter().zip(outputs).filter(|(sequence, _)| !sequence.tokens.is_empty()).collect();
    tasks.into_par_iter().for_each(|(sequence, ((query_gradient, key_gradient), value_gradient))| {
        let rows = sequence.tokens.start * width..sequence.tokens.end * width;
        let [query, key, value, gradient, context] = [query, key, value, gradient, context].map(|matrix| &matrix[rows.clone()]);
        let length = sequence.tokens.len();
        let log_sums = &attended.log_sums[sequence.tokens.start * heads..sequence.tokens.end * heads];
        let (mut probabilities, mut slopes) = (take(length * length), take(length * length));
        for (index, log_sums) in log_sums.chunks_exact(length).enumerate() {
            let head = Head { length, column: index * (width / heads), size: width / heads, width };
            let kept = mask.map(|mask| mask.rows(sequence.scores + index * length * length, length * length));
            gemm(&mut probabilities, length, Output::Overwrite, head.scale(), head.matrix(query), head.matrix(key).transposed());
            gemm(&mut slopes, length, Output::Overwrite, 1.0, head.matrix(gradient), head.matrix(value).transposed());
            let deltas = deltas(gradient, context, head);
            softmax_backward(&mut probabilities, &mut slopes, log_sums, &deltas, kept, mask.map_or(1.0, |mask| mask.scale));
            let (probabilities, slopes) = (Matrix::new(&probabilities, length), Matrix::new(&slopes, length));
            head.write(value_gradient, 1.0, probabilities.transposed(), head.matrix(gradient));
            head.write(query_gradient, head.scale(), slopes, head.matrix(key));
            head.write(key_gradient, head.scale(), slopes.transposed(), head.matrix(query));
        }
        give(probabilities);
        give(slopes);
    });
}

/// For each query, the sum of the products of its context with the context's gradient.
fn deltas(gradient: &[f32], context: &[f32], head: Head) -> Vec<f32> {
    let columns = |row: usize| row * head.width + head.column..row * head.width + head.column + head.size;
    (0..head.length).map(|row| sum2(&gradient[columns(row)], &context[columns(row)], |gradient, context| gradient * context)).collect()
}

vectorized! {
    /// Scores to probabilities with dropout, and the gradient of those to the gradient of the scores, in place.
    fn softmax_backward<'a>(
        scores: &'a mut [f32],
        slopes: &'a mut [f32],
        log_sums: &'a [f32],
        deltas: &'a [f32],
        kept: Option<&'a [u8]>,
        keep_scale: f32,
    ) {
        let length = log_sums.len();
        let rows = scores.chunks_exact_mut(length).zip(slopes.chunks_exact_mut(length)).zip(log_sums.iter().zip(deltas));
        for (index, ((scores, slopes), (log_sum, delta))) in rows.enumerate() {
            match kept {
                Some(kept) => {
                    for ((score, slope), keep) in scores.iter_mut().zip(slopes).zip(&kept[index * length..(index + 1) * length]) {
                        let probability = exp(*score - log_sum);
                        let keep = f32::from(*keep) * keep_scale;
                        *slope = probability * (*slope * keep - delta);
                        *score = probability * keep;
                    }
                }
                None => {
                    for (score, slope) in scores.iter_mut().zip(slopes) {
                        let probability = exp(*score - log_sum);
                        *slope = probability * (*slope - delta);
                        *score = probability;
                    }
                }
            }
        }
    }
}

//! Self-attention over packed sequences: nothing is computed for padding, because there is none.

use super::dense::{Linear, add_input_gradient, linear, parameter_gradients};
use super::gemm::{Matrix, Output, gemm};
use super::math::{exp, max, sum, sum2};
use super::pool::{give, take};
use crate::kernels::{Mask, Queries, Sequence, Sequences};
use crate::simd::vectorized;
use rayon::join;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// What attention leaves for its backward pass.
#[derive(Debug, Clone)]
pub struct Attended {
    /// Queries, (Q, H); keys and values, (N, H) each.
    pub projections: [Vec<f32>; 3],
    /// For each sequence, head and query, the logarithm of the sum of the exponentials of its scores: (A, Q) one sequence after another.
    pub log_sums: Vec<f32>,
}

impl Attended {
    /// Gives the buffers back.
    pub fn give(self) {
        self.projections.into_iter().for_each(give);
        give(self.log_sums);
    }
}

/// The columns of a head in matrices of all heads.
#[derive(Clone, Copy)]
struct Head {
    /// Its first column.
    column: usize,
    /// How many columns it has.
    size: usize,
    /// Columns of all heads.
    width: usize,
}

impl Head {
    fn new(index: usize, heads: usize, width: usize) -> Self {
        Head { column: index * (width / heads), size: width / heads, width }
    }

    fn matrix(self, rows: &[f32]) -> Matrix<'_> {
        Matrix::strided(&rows[self.column..], rows.len() / self.width, self.size, self.width)
    }

    fn write(self, rows: &mut [f32], scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
        gemm(&mut rows[self.column..], self.width, Output::Overwrite, scale, left, right);
    }

    fn scale(self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }
}

fn range(rows: &Range<usize>, columns: usize) -> Range<usize> {
    rows.start * columns..rows.end * columns
}

/// The rows that belong to each sequence, by its tokens or by its queries.
fn split<'a>(
    sequences: &Sequences,
    mut matrix: &'a mut [f32],
    columns: usize,
    rows: impl Fn(&Sequence) -> &Range<usize>,
) -> Vec<&'a mut [f32]> {
    let part = |sequence: Sequence| matrix.split_off_mut(..rows(&sequence).len() * columns).expect("rows of the sequences");
    sequences.iter().map(part).collect()
}

/// The rows of the tokens that look.
fn looking<'a>(x: &'a [f32], width: usize, sequences: &Sequences) -> Cow<'a, [f32]> {
    match sequences.queries {
        Queries::All => Cow::Borrowed(x),
        Queries::First => Cow::Owned(sequences.looking().flat_map(|row| &x[row * width..(row + 1) * width]).copied().collect()),
    }
}

/// The context of every token that looks, (Q, H), from (N, H).
pub fn self_attention(x: &[f32], layers: [Linear<'_>; 3], sequences: &Sequences, mask: Option<&Mask>) -> (Vec<f32>, Attended) {
    let width = layers[0].out_features();
    let [query, key, value] = layers;
    let asking = looking(x, width, sequences);
    let (query, (key, value)) = join(|| linear(&asking, query), || join(|| linear(x, key), || linear(x, value)));
    let projections = [query, key, value];
    let heads = sequences.heads;
    let (mut context, mut log_sums) = (take(asking.len()), take(asking.len() / width * heads));
    let [query, key, value] = &projections;
    let contexts = split(sequences, &mut context, width, |sequence| &sequence.queries);
    let log_sum_parts = split(sequences, &mut log_sums, heads, |sequence| &sequence.queries);
    let tasks: Vec<_> =
        sequences.iter().zip(contexts).zip(log_sum_parts).filter(|((sequence, _), _)| !sequence.tokens.is_empty()).collect();
    tasks.into_par_iter().for_each(|((sequence, context), log_sums)| {
        let query = &query[range(&sequence.queries, width)];
        let [key, value] = [key, value].map(|matrix| &matrix[range(&sequence.tokens, width)]);
        let (length, looking) = (sequence.tokens.len(), sequence.queries.len());
        let mut scores = take(looking * length);
        for (index, log_sums) in log_sums.chunks_exact_mut(looking).enumerate() {
            let head = Head::new(index, heads, width);
            let kept = mask.map(|mask| mask.rows(sequence.scores + index * looking * length, looking * length));
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
        let length = scores.len() / log_sums.len();
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
    let asking = looking(x, width, sequences);
    let mut gradients = [take(asking.len()), take(x.len()), take(x.len())];
    attention_backward(&mut gradients, width, gradient, context, attended, sequences, mask);
    let [query, key, value] = &gradients;
    let mut input = take(x.len());
    let input_gradient = || {
        add_input_gradient(&mut input, Output::Overwrite, key, layers[1]);
        add_input_gradient(&mut input, Output::Add, value, layers[2]);
        match sequences.queries {
            Queries::All => add_input_gradient(&mut input, Output::Add, query, layers[0]),
            Queries::First => {
                let mut rows = take(asking.len());
                add_input_gradient(&mut rows, Output::Overwrite, query, layers[0]);
                for (row, gradient) in sequences.looking().zip(rows.chunks_exact(width)) {
                    input[row * width..(row + 1) * width].iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
                }
                give(rows);
            }
        }
    };
    let parameters = |gradient, x, layer| move || parameter_gradients(gradient, x, layer);
    let (query, key, value) = (parameters(query, &*asking, layers[0]), parameters(key, x, layers[1]), parameters(value, x, layers[2]));
    let (_, ([query_weight, query_bias], ([key_weight, key_bias], [value_weight, value_bias]))) =
        join(input_gradient, || join(query, || join(key, value)));
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
    let queries = split(sequences, queries, width, |sequence| &sequence.queries);
    let [keys, values] = [keys, values].map(|matrix| split(sequences, matrix, width, |sequence| &sequence.tokens));
    let outputs = queries.into_iter().zip(keys).zip(values);
    let tasks: Vec<_> = sequences.iter().zip(outputs).filter(|(sequence, _)| !sequence.tokens.is_empty()).collect();
    tasks.into_par_iter().for_each(|(sequence, ((query_gradient, key_gradient), value_gradient))| {
        let [query, gradient, context] = [query, gradient, context].map(|matrix| &matrix[range(&sequence.queries, width)]);
        let [key, value] = [key, value].map(|matrix| &matrix[range(&sequence.tokens, width)]);
        let (length, looking) = (sequence.tokens.len(), sequence.queries.len());
        let log_sums = &attended.log_sums[range(&sequence.queries, heads)];
        let (mut probabilities, mut slopes) = (take(looking * length), take(looking * length));
        for (index, log_sums) in log_sums.chunks_exact(looking).enumerate() {
            let head = Head::new(index, heads, width);
            let kept = mask.map(|mask| mask.rows(sequence.scores + index * looking * length, looking * length));
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
    let columns = head.column..head.column + head.size;
    let rows = gradient.chunks_exact(head.width).zip(context.chunks_exact(head.width));
    rows.map(|(gradient, context)| sum2(&gradient[columns.clone()], &context[columns.clone()], |gradient, context| gradient * context))
        .collect()
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
        let length = scores.len() / log_sums.len();
        let rows = scores.chunks_exact_mut(length).zip(slopes.chunks_exact_mut(length)).zip(log_sums.iter().zip(deltas));
        for (index, ((scores, slopes), (log_sum, delta))) in rows.enumerate() {
            for score in scores.iter_mut() {
                *score = exp(*score - log_sum);
            }
            match kept {
                Some(kept) => {
                    for ((score, slope), keep) in scores.iter_mut().zip(slopes).zip(&kept[index * length..(index + 1) * length]) {
                        let keep = f32::from(*keep) * keep_scale;
                        *slope = *score * (*slope * keep - delta);
                        *score *= keep;
                    }
                }
                None => {
                    for (score, slope) in scores.iter_mut().zip(slopes) {
                        *slope = *score * (*slope - delta);
                    }
                }
            }
        }
    }
}

//! Self-attention where only the first token of each sequence looks: the last layer of a classifier.
//!
//! Keys and values of all tokens would be two large products for a handful of queries. Instead the key's weight goes over to the query, and
//! the value's weight to the context: with x the rows of a sequence, `q · (x · Wkᵀ)ᵀ = (q · Wk) · xᵀ`, and `p · (x · Wvᵀ) = (p · x) · Wvᵀ`.
//! The bias of the keys adds the same to all scores of a query, which softmax takes away again: it has no effect, and its gradient is 0.

use super::softmax::{softmax, softmax_backward};
use super::{Head, range, split};
use crate::kernels::cpu::dense::{Linear, add_input_gradient, linear, parameter_gradients};
use crate::kernels::cpu::gemm::{Matrix, Output, gemm};
use crate::kernels::cpu::math::{sum, sum2};
use crate::kernels::cpu::pool::{give, take};
use crate::kernels::{Mask, Sequences};
use rayon::prelude::*;

/// What the operation leaves for its backward pass; Q sequences, A heads.
#[derive(Debug, Clone)]
pub struct Attended {
    /// Queries, (Q, H).
    query: Vec<f32>,
    /// Queries times the weight of the keys, scaled as the scores are, (Q, A, H).
    reach: Vec<f32>,
    /// The rows of x, weighted with the probabilities, (Q, A, H).
    weighted: Vec<f32>,
    /// The sums of the probabilities after dropout, (Q, A).
    sums: Vec<f32>,
    /// The logarithms of the sums of the exponentials of the scores, (Q, A).
    log_sums: Vec<f32>,
}

impl Attended {
    /// Gives the buffers back.
    pub fn give(self) {
        [self.query, self.reach, self.weighted, self.sums, self.log_sums].into_iter().for_each(give);
    }
}

/// The first row of each sequence, (Q, H).
fn first_rows(x: &[f32], width: usize, sequences: &Sequences) -> Vec<f32> {
    sequences.looking().flat_map(|row| &x[row * width..(row + 1) * width]).copied().collect()
}

/// The weights of a head, (H / A, H).
fn weight<'a>(layer: Linear<'a>, head: Head) -> Matrix<'a> {
    Matrix::new(&layer.weight[range(&head.columns(), head.width)], head.width)
}

/// The part of a head in a matrix (Q, A, H).
fn part(matrix: &[f32], head: Head, heads: usize) -> Matrix<'_> {
    Matrix::strided(&matrix[head.index * head.width..], matrix.len() / (heads * head.width), head.width, heads * head.width)
}

fn write_part(matrix: &mut [f32], head: Head, heads: usize, scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
    gemm(&mut matrix[head.index * head.width..], heads * head.width, Output::Overwrite, scale, left, right);
}

/// The context of every first token, (Q, H), from (N, H).
pub fn self_attention(x: &[f32], [query, key, value]: [Linear<'_>; 3], sequences: &Sequences, mask: Option<&Mask>) -> (Vec<f32>, Attended) {
    let (heads, width) = (sequences.heads, query.out_features());
    let query = linear(&first_rows(x, width, sequences), query);
    let count = query.len() / width;
    let (mut reach, mut weighted) = (take(count * heads * width), take(count * heads * width));
    for head in Head::all(heads, width) {
        write_part(&mut reach, head, heads, head.scale(), head.matrix(&query), weight(key, head));
    }
    let (mut sums, mut log_sums) = (vec![0.0; count * heads], vec![0.0; count * heads]);
    let outputs = reach.chunks_exact(heads * width).zip(weighted.chunks_exact_mut(heads * width));
    let outputs = outputs.zip(sums.chunks_exact_mut(heads).zip(log_sums.chunks_exact_mut(heads)));
    let tasks: Vec<_> = sequences.iter().filter(|sequence| !sequence.tokens.is_empty()).zip(outputs).collect();
    tasks.into_par_iter().for_each(|(sequence, ((reach, weighted), (sums, log_sums)))| {
        let (x, length) = (Matrix::new(&x[range(&sequence.tokens, width)], width), sequence.tokens.len());
        let mut scores = take(heads * length);
        gemm(&mut scores, length, Output::Overwrite, 1.0, Matrix::new(reach, width), x.transposed());
        let kept = mask.map(|mask| mask.rows(sequence.scores, heads * length));
        softmax(&mut scores, log_sums, kept, mask.map_or(1.0, |mask| mask.scale));
        sums.iter_mut().zip(scores.chunks_exact(length)).for_each(|(total, row)| *total = sum(row));
        gemm(weighted, width, Output::Overwrite, 1.0, Matrix::new(&scores, length), x);
        give(scores);
    });
    let mut context = take(count * width);
    for head in Head::all(heads, width) {
        head.write(&mut context, 1.0, part(&weighted, head, heads), weight(value, head).transposed());
    }
    for (context, sums) in context.chunks_exact_mut(width).zip(sums.chunks_exact(heads)) {
        for (head, total) in Head::all(heads, width).zip(sums) {
            let values = context[head.columns()].iter_mut().zip(&value.bias[head.columns()]);
            values.for_each(|(value, bias)| *value += bias * total);
        }
    }
    (context, Attended { query, reach, weighted, sums, log_sums })
}

/// Gradients of x, and of each projection's weight and bias, from the gradient of the context.
pub fn self_attention_backward(
    gradient: &[f32],
    x: &[f32],
    [query, key, value]: [Linear<'_>; 3],
    context: &[f32],
    attended: &Attended,
    sequences: &Sequences,
    mask: Option<&Mask>,
) -> [Vec<f32>; 7] {
    let (heads, width) = (sequences.heads, query.out_features());
    let mut weighted = take(attended.weighted.len());
    for head in Head::all(heads, width) {
        write_part(&mut weighted, head, heads, 1.0, head.matrix(gradient), weight(value, head));
    }
    let mut input = take(x.len());
    let reach = rows_backward(&mut input, &weighted, gradient, x, value.bias, context, attended, sequences, mask);
    give(weighted);

    let [mut key_weight, mut value_weight] = [key, value].map(|layer| take(layer.weight.len()));
    let mut queries = take(attended.query.len());
    for head in Head::all(heads, width) {
        let rows = range(&head.columns(), width);
        let (reach, weighted) = (part(&reach, head, heads), part(&attended.weighted, head, heads));
        head.write(&mut queries, head.scale(), reach, weight(key, head).transposed());
        let (query, gradient) = (head.matrix(&attended.query).transposed(), head.matrix(gradient).transposed());
        gemm(&mut key_weight[rows.clone()], width, Output::Overwrite, head.scale(), query, reach);
        gemm(&mut value_weight[rows], width, Output::Overwrite, 1.0, gradient, weighted);
    }
    give(reach);
    let mut value_bias = vec![0.0; width];
    for (gradient, sums) in gradient.chunks_exact(width).zip(attended.sums.chunks_exact(heads)) {
        for (head, total) in Head::all(heads, width).zip(sums) {
            let values = value_bias[head.columns()].iter_mut().zip(&gradient[head.columns()]);
            values.for_each(|(bias, gradient)| *bias += gradient * total);
        }
    }

    let [query_weight, query_bias] = parameter_gradients(&queries, &first_rows(x, width, sequences), query);
    let mut rows = take(queries.len());
    add_input_gradient(&mut rows, Output::Overwrite, &queries, query);
    for (row, gradient) in sequences.looking().zip(rows.chunks_exact(width)) {
        input[row * width..(row + 1) * width].iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
    }
    [queries, rows].into_iter().for_each(give);
    [input, query_weight, query_bias, key_weight, vec![0.0; width], value_weight, value_bias]
}

/// Gradients of the rows of x, as far as they are looked at, into `input`; those of the reach are returned.
#[allow(clippy::too_many_arguments, reason = "all of the operation's backward pass but the products with weights")]
fn rows_backward(
    input: &mut [f32],
    weighted_gradient: &[f32],
    gradient: &[f32],
    x: &[f32],
    value_bias: &[f32],
    context: &[f32],
    attended: &Attended,
    sequences: &Sequences,
    mask: Option<&Mask>,
) -> Vec<f32> {
    let (heads, width) = (sequences.heads, value_bias.len());
    let mut reach_gradient = take(attended.reach.len());
    let inputs = split(input, width, sequences.iter().map(|sequence| sequence.tokens.len()));
    let tasks: Vec<_> = sequences.iter().zip(inputs).filter(|(sequence, _)| !sequence.tokens.is_empty()).collect();
    tasks.into_par_iter().zip(reach_gradient.par_chunks_exact_mut(heads * width)).for_each(|((sequence, input), reach_gradient)| {
        let [gradient, context] = [gradient, context].map(|matrix| &matrix[range(&sequence.queries, width)]);
        let [reach, weighted] =
            [&attended.reach, weighted_gradient].map(|matrix| Matrix::new(&matrix[range(&sequence.queries, heads * width)], width));
        let log_sums = &attended.log_sums[range(&sequence.queries, heads)];
        let (x, length) = (Matrix::new(&x[range(&sequence.tokens, width)], width), sequence.tokens.len());
        let (mut scores, mut slopes) = (take(heads * length), take(heads * length));
        gemm(&mut scores, length, Output::Overwrite, 1.0, reach, x.transposed());
        gemm(&mut slopes, length, Output::Overwrite, 1.0, weighted, x.transposed());
        let over_head = |left: &[f32], right: &[f32]| -> Vec<f32> {
            let product = |head: Head| sum2(&left[head.columns()], &right[head.columns()], |left, right| left * right);
            Head::all(heads, width).map(product).collect()
        };
        for (slopes, bias) in slopes.chunks_exact_mut(length).zip(over_head(gradient, value_bias)) {
            slopes.iter_mut().for_each(|slope| *slope += bias);
        }
        let kept = mask.map(|mask| mask.rows(sequence.scores, heads * length));
        let keep_scale = mask.map_or(1.0, |mask| mask.scale);
        softmax_backward(&mut scores, &mut slopes, log_sums, &over_head(gradient, context), kept, keep_scale);
        let [probabilities, slope_rows] = [&scores, &slopes].map(|rows| Matrix::new(rows, length));
        gemm(reach_gradient, width, Output::Overwrite, 1.0, slope_rows, x);
        gemm(input, width, Output::Overwrite, 1.0, probabilities.transposed(), weighted);
        gemm(input, width, Output::Add, 1.0, slope_rows.transposed(), reach);
        [scores, slopes].into_iter().for_each(give);
    });
    reach_gradient
}

//! Self-attention where every token looks.

use super::softmax::{softmax, softmax_backward};
use super::{Head, range, split};
use crate::kernels::cpu::dense::{Linear, add_input_gradient, linear, parameter_gradients};
use crate::kernels::cpu::gemm::{Matrix, Output, gemm};
use crate::kernels::cpu::math::sum2;
use crate::kernels::cpu::pool::{give, take};
use crate::kernels::{Mask, Sequences};
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

/// The context of every token, (N, H), from (N, H).
pub fn self_attention(x: &[f32], layers: [Linear<'_>; 3], sequences: &Sequences, mask: Option<&Mask>) -> (Vec<f32>, Attended) {
    let width = layers[0].out_features();
    let [query, key, value] = layers.map(|layer| move || linear(x, layer));
    let (query, (key, value)) = join(query, || join(key, value));
    let projections = [query, key, value];
    let heads = sequences.heads;
    let (mut context, mut log_sums) = (take(x.len()), take(x.len() / width * heads));
    let [query, key, value] = &projections;
    let lengths = || sequences.iter().map(|sequence| sequence.tokens.len());
    let outputs = split(&mut context, width, lengths()).into_iter().zip(split(&mut log_sums, heads, lengths()));
    let tasks: Vec<_> = sequences.iter().zip(outputs).filter(|(sequence, _)| !sequence.tokens.is_empty()).collect();
    tasks.into_par_iter().for_each(|(sequence, (context, log_sums))| {
        let [query, key, value] = [query, key, value].map(|matrix| &matrix[range(&sequence.tokens, width)]);
        let length = sequence.tokens.len();
        let mut scores = take(length * length);
        for (head, log_sums) in Head::all(heads, width).zip(log_sums.chunks_exact_mut(length)) {
            let kept = mask.map(|mask| mask.rows(sequence.scores + head.index * length * length, length * length));
            gemm(&mut scores, length, Output::Overwrite, head.scale(), head.matrix(query), head.matrix(key).transposed());
            softmax(&mut scores, log_sums, kept, mask.map_or(1.0, |mask| mask.scale));
            head.write(context, 1.0, Matrix::new(&scores, length), head.matrix(value));
        }
        give(scores);
    });
    (context, Attended { projections, log_sums })
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
    let lengths = || sequences.iter().map(|sequence| sequence.tokens.len());
    let [queries, keys, values] = [queries, keys, values].map(|matrix| split(matrix, width, lengths()));
    let outputs = queries.into_iter().zip(keys).zip(values);
    let tasks: Vec<_> = sequences.iter().zip(outputs).filter(|(sequence, _)| !sequence.tokens.is_empty()).collect();
    tasks.into_par_iter().for_each(|(sequence, ((query_gradient, key_gradient), value_gradient))| {
        let [query, key, value, gradient, context] =
            [query, key, value, gradient, context].map(|matrix| &matrix[range(&sequence.tokens, width)]);
        let length = sequence.tokens.len();
        let log_sums = &attended.log_sums[range(&sequence.tokens, heads)];
        let (mut probabilities, mut slopes) = (take(length * length), take(length * length));
        for (head, log_sums) in Head::all(heads, width).zip(log_sums.chunks_exact(length)) {
            let kept = mask.map(|mask| mask.rows(sequence.scores + head.index * length * length, length * length));
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
    let columns = head.columns();
    let rows = gradient.chunks_exact(head.width).zip(context.chunks_exact(head.width));
    rows.map(|(gradient, context)| sum2(&gradient[columns.clone()], &context[columns.clone()], |gradient, context| gradient * context))
        .collect()
}

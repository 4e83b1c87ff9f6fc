//! The feed forward half of an encoder layer: two linear layers with GELU between them, and the residual LayerNorm around them.

use super::dense::{Linear, add_input_gradient, parameter_gradients, rows};
use super::gemm::Output;
use super::math::normal;
use super::norm::{Norm, Normalized, linear_residual_norm, norm_backward};
use super::parallel::{for_shares, for_shares2};
use super::pool::{give, take};
use crate::kernels::Mask;
use crate::simd::vectorized;
use rayon::join;

/// What the operation leaves for its backward pass.
#[derive(Debug, Clone)]
pub struct Fed {
    /// What GELU is given, (N, F). Its result and its derivative are computed again: they would be as large.
    pub before_gelu: Vec<f32>,
    /// What LayerNorm leaves.
    pub normalized: Normalized,
}

impl Fed {
    /// Gives the buffers back.
    pub fn give(self) {
        give(self.before_gelu);
        self.normalized.give();
    }
}

/// LayerNorm(dropout(linear(GELU(linear(x)))) + x): (N, H) to (N, H), by way of (N, F).
pub fn feed_forward(x: &[f32], [first, second]: [Linear<'_>; 2], norm: Norm<'_>, mask: Option<&Mask>) -> (Vec<f32>, Fed) {
    let (inner, width) = (first.in_features(), first.out_features());
    let count = x.len() / inner;
    let (mut before_gelu, mut activations) = (take(count * width), take(count * width));
    first.product(&mut before_gelu, x);
    for_shares2(&mut before_gelu, width, &mut activations, width, |_, before, activations| bias_gelu(before, activations, first.bias));
    let (out, normalized) = linear_residual_norm(&activations, second, x, norm, mask);
    give(activations);
    (out, Fed { before_gelu, normalized })
}

/// Gradients of x, of each layer's weight and bias, and of LayerNorm's, from the gradient of the result.
pub fn feed_forward_backward(
    gradient: &[f32],
    x: &[f32],
    [first, second]: [Linear<'_>; 2],
    norm: Norm<'_>,
    fed: Fed,
    mask: Option<&Mask>,
) -> [Vec<f32>; 7] {
    let width = first.out_features();
    let normed = norm_backward(gradient, &fed.normalized, norm, mask);
    let mut input = normed.input;
    let dropped = normed.dropped.as_deref().unwrap_or(&input);
    let mut slopes = fed.before_gelu;
    let mut activations = take(slopes.len());
    for_shares2(&mut slopes, width, &mut activations, width, |_, slopes, activations| gelu_and_slope(slopes, activations));

    let mut hidden = take(slopes.len());
    let hidden_gradient = || {
        add_input_gradient(&mut hidden, Output::Overwrite, dropped, second);
        for_shares(&mut hidden, width, |first, hidden| multiply(hidden, rows(&slopes, width, first, hidden.len() / width)));
    };
    let (_, [second_weight, second_bias]) = join(hidden_gradient, || parameter_gradients(dropped, &activations, second));
    [slopes, activations].into_iter().chain(normed.dropped).for_each(give);

    let (_, [first_weight, first_bias]) =
        join(|| add_input_gradient(&mut input, Output::Add, &hidden, first), || parameter_gradients(&hidden, x, first));
    give(hidden);
    fed.normalized.give();
    [input, first_weight, first_bias, second_weight, second_bias, normed.weight, normed.bias]
}

vectorized! {
    /// Adds the bias to every row, and gives GELU of the sums.
    fn bias_gelu<'a>(rows: &'a mut [f32], activations: &'a mut [f32], bias: &'a [f32]) {
        for (row, activations) in rows.chunks_exact_mut(bias.len()).zip(activations.chunks_exact_mut(bias.len())) {
            for ((value, activation), bias) in row.iter_mut().zip(activations).zip(bias) {
                *value += bias;
                *activation = *value * normal(*value).0;
            }
        }
    }
}

vectorized! {
    /// What GELU is given becomes its derivative, and beside it stands its result.
    fn gelu_and_slope<'a>(values: &'a mut [f32], activations: &'a mut [f32]) {
        for (value, activation) in values.iter_mut().zip(activations) {
            let (cumulative, density) = normal(*value);
            *activation = *value * cumulative;
            *value = cumulative + *value * density;
        }
    }
}

vectorized! {
    fn multiply<'a>(values: &'a mut [f32], factors: &'a [f32]) {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    }
}

//! Linear layers: `y = x · Wᵀ + b`, with W as HuggingFace stores it, (out, in).

use super::gemm::{Matrix, Output, gemm_shared};
use super::math::normal;
use super::parallel::{for_shares, for_shares2};
use super::pool::{give, take};
use crate::simd::vectorized;
use rayon::join;
use std::ops::Range;

/// A weight and its bias.
#[derive(Debug, Clone, Copy)]
pub struct Linear<'a> {
    /// (out, in)
    pub weight: &'a [f32],
    /// (out)
    pub bias: &'a [f32],
}

impl Linear<'_> {
    /// The width of what it gives.
    pub fn out_features(&self) -> usize {
        self.bias.len()
    }

    /// The width of what it takes.
    pub fn in_features(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    /// x · Wᵀ, without the bias.
    pub fn product(&self, out: &mut [f32], x: &[f32]) {
        let inner = self.in_features();
        gemm_shared(out, Output::Overwrite, Matrix::new(x, inner), Matrix::new(self.weight, inner).transposed());
    }
}

/// The rows of a matrix that belong to the rows `first..` of `chunk`.
pub fn rows(matrix: &[f32], columns: usize, first: usize, count: usize) -> &[f32] {
    &matrix[first * columns..(first + count) * columns]
}

/// (N, in) to (N, out).
pub fn linear(x: &[f32], layer: Linear<'_>) -> Vec<f32> {
    let (inner, width) = (layer.in_features(), layer.out_features());
    let mut out = take(x.len() / inner * width);
    layer.product(&mut out, x);
    for_shares(&mut out, width, |_, out| add_bias(out, layer.bias));
    out
}

/// GELU by the error function of (N, in) · Wᵀ + b: the activations, (N, out), and GELU's derivative at each, (N, out).
pub fn linear_gelu(x: &[f32], layer: Linear<'_>) -> (Vec<f32>, Vec<f32>) {
    let (inner, width) = (layer.in_features(), layer.out_features());
    let count = x.len() / inner;
    let (mut activations, mut slopes) = (take(count * width), take(count * width));
    layer.product(&mut activations, x);
    for_shares2(&mut activations, width, &mut slopes, width, |_, activations, slopes| bias_gelu(activations, slopes, layer.bias));
    (activations, slopes)
}

/// Gradients of x, W and b of [`linear_gelu`], from the gradient of the activations; `slopes` become the gradient of x · Wᵀ + b.
pub fn linear_gelu_backward(gradient: &[f32], mut slopes: Vec<f32>, x: &[f32], layer: Linear<'_>) -> [Vec<f32>; 3] {
    let width = layer.out_features();
    for_shares(&mut slopes, width, |first, slopes| {
        let gradient = rows(gradient, width, first, slopes.len() / width);
        multiply(slopes, gradient);
    });
    let gradients = linear_backward(&slopes, x, layer);
    give(slopes);
    gradients
}

/// Gradients of x, W and b, from the gradient of y.
pub fn linear_backward(gradient: &[f32], x: &[f32], layer: Linear<'_>) -> [Vec<f32>; 3] {
    let mut input = take(x.len());
    let (_, [weight, bias]) =
        join(|| add_input_gradient(&mut input, Output::Overwrite, gradient, layer), || parameter_gradients(gradient, x, layer));
    [input, weight, bias]
}

/// Gradients of W and b.
pub fn parameter_gradients(gradient: &[f32], x: &[f32], layer: Linear<'_>) -> [Vec<f32>; 2] {
    let (weight, bias) = join(|| weight_gradient(gradient, x, layer), || column_sums(gradient, layer.out_features()));
    [weight, bias]
}

/// dy · W into the gradient of x.
pub fn add_input_gradient(input: &mut [f32], output: Output, gradient: &[f32], layer: Linear<'_>) {
    gemm_shared(input, output, Matrix::new(gradient, layer.out_features()), Matrix::new(layer.weight, layer.in_features()));
}

/// dyᵀ · x, (out, in).
fn weight_gradient(gradient: &[f32], x: &[f32], layer: Linear<'_>) -> Vec<f32> {
    let mut weight = take(layer.weight.len());
    gemm_shared(
        &mut weight,
        Output::Overwrite,
        Matrix::new(gradient, layer.out_features()).transposed(),
        Matrix::new(x, layer.in_features()),
    );
    weight
}

/// The sum of all rows.
fn column_sums(matrix: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    for_columns(&mut sums, |range, sums| {
        add_rows(sums, &matrix[range.start..], columns);
    });
    sums
}

/// Calls `work` with ranges of columns and the sums of those columns: each sum is made by one thread, from the first row to the last.
pub fn for_columns(sums: &mut [f32], work: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    for_shares(sums, 1, |first, sums| work(first..first + sums.len(), sums));
}

vectorized! {
    fn add_bias<'a>(rows: &'a mut [f32], bias: &'a [f32]) {
        for row in rows.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    }
}

vectorized! {
    fn bias_gelu<'a>(rows: &'a mut [f32], slopes: &'a mut [f32], bias: &'a [f32]) {
        for (row, slopes) in rows.chunks_exact_mut(bias.len()).zip(slopes.chunks_exact_mut(bias.len())) {
            for ((value, slope), bias) in row.iter_mut().zip(slopes).zip(bias) {
                let sum = *value + bias;
                let (cumulative, density) = normal(sum);
                *value = sum * cumulative;
                *slope = cumulative + sum * density;
            }
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

vectorized! {
    /// Adds the first columns of rows that lie `stride` apart.
    fn add_rows<'a>(sums: &'a mut [f32], rows: &'a [f32], stride: usize) {
        for row in rows.chunks(stride) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

//! Linear layers: `y = x · Wᵀ + b`, with W as HuggingFace stores it, (out, in).

use super::gemm::{Matrix, Output, gemm_shared};
use super::parallel::for_shares;
use super::pool::take;
use crate::kernels::Precision;
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
    /// How its products are computed.
    pub precision: Precision,
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
        gemm_shared(out, Output::Overwrite, self.precision, Matrix::new(x, inner), Matrix::new(self.weight, inner).transposed());
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
    gemm_shared(
        input,
        output,
        layer.precision,
        Matrix::new(gradient, layer.out_features()),
        Matrix::new(layer.weight, layer.in_features()),
    );
}

/// dyᵀ · x, (out, in).
fn weight_gradient(gradient: &[f32], x: &[f32], layer: Linear<'_>) -> Vec<f32> {
    let mut weight = take(layer.weight.len());
    gemm_shared(
        &mut weight,
        Output::Overwrite,
        layer.precision,
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
    /// Adds the first columns of rows that lie `stride` apart.
    fn add_rows<'a>(sums: &'a mut [f32], rows: &'a [f32], stride: usize) {
        for row in rows.chunks(stride) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

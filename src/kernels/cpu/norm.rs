//! LayerNorm, with what stands before and after it in BERT.

use super::dense::{Linear, rows};
use super::math::{sum, sum2};
use super::parallel::{for_shares, for_shares2, for_shares3};
use super::pool::{give, take};
use crate::kernels::Mask;
use crate::simd::vectorized;

/// The weight and bias of a LayerNorm, and what is added to the variance.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// (H)
    pub weight: &'a [f32],
    /// (H)
    pub bias: &'a [f32],
    /// The epsilon.
    pub epsilon: f32,
}

/// What LayerNorm leaves for its backward pass.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// Rows with mean 0 and variance 1, (N, H).
    pub rows: Vec<f32>,
    /// The reciprocal standard deviation of each row, (N).
    pub scales: Vec<f32>,
}

impl Normalized {
    /// Gives the buffers back.
    pub fn give(self) {
        give(self.rows);
        give(self.scales);
    }
}

/// LayerNorm(dropout(x · Wᵀ + b) + residual): (N, in) and (N, H) to (N, H).
pub fn linear_residual_norm(x: &[f32], layer: Linear<'_>, residual: &[f32], norm: Norm<'_>, mask: Option<&Mask>) -> (Vec<f32>, Normalized) {
    let (inner, width) = (layer.in_features(), layer.out_features());
    let count = x.len() / inner;
    let (mut out, mut normalized, mut scales) = (take(count * width), take(count * width), take(count));
    layer.product(&mut out, x);
    for_shares3([(&mut out, width), (&mut normalized, width), (&mut scales, 1)], |first, out, normalized, scales| {
        let residual = rows(residual, width, first, scales.len());
        add_residual(out, layer.bias, residual, kept(mask, first * width, out.len()));
        normalize(normalized, scales, out, norm.epsilon);
        affine(out, normalized, norm);
    });
    (out, Normalized { rows: normalized, scales })
}

/// dropout(LayerNorm(x)): (N, H) to (N, H).
pub fn norm_dropout(x: &[f32], norm: Norm<'_>, mask: Option<&Mask>) -> (Vec<f32>, Normalized) {
    let width = norm.weight.len();
    let count = x.len() / width;
    let (mut out, mut normalized, mut scales) = (take(count * width), take(count * width), take(count));
    for_shares3([(&mut out, width), (&mut normalized, width), (&mut scales, 1)], |first, out, normalized, scales| {
        normalize(normalized, scales, rows(x, width, first, scales.len()), norm.epsilon);
        affine(out, normalized, norm);
        if let Some(kept) = kept(mask, first * width, out.len()) {
            apply(out, kept);
        }
    });
    (out, Normalized { rows: normalized, scales })
}

/// Which elements of a part of a matrix stay, and what they are multiplied with.
type Kept<'a> = (&'a [u8], f32);

fn kept(mask: Option<&Mask>, start: usize, count: usize) -> Option<Kept<'_>> {
    mask.map(|mask| (mask.rows(start, count), mask.scale))
}

vectorized! {
    /// dropout(value + bias) + residual, in place.
    fn add_residual<'a>(rows: &'a mut [f32], bias: &'a [f32], residual: &'a [f32], kept: Option<Kept<'a>>) {
        let width = bias.len();
        for (index, (row, residual)) in rows.chunks_exact_mut(width).zip(residual.chunks_exact(width)).enumerate() {
            match kept {
                Some((kept, scale)) => {
                    let kept = &kept[index * width..(index + 1) * width];
                    for (((value, bias), residual), keep) in row.iter_mut().zip(bias).zip(residual).zip(kept) {
                        *value = (*value + bias) * (f32::from(*keep) * scale) + residual;
                    }
                }
                None => {
                    for ((value, bias), residual) in row.iter_mut().zip(bias).zip(residual) {
                        *value = *value + bias + residual;
                    }
                }
            }
        }
    }
}

vectorized! {
    /// Rows with mean 0 and variance 1, and what they were multiplied with.
    fn normalize<'a>(normalized: &'a mut [f32], scales: &'a mut [f32], rows: &'a [f32], epsilon: f32) {
        let width = rows.len() / scales.len().max(1);
        for ((normalized, row), scale) in normalized.chunks_exact_mut(width).zip(rows.chunks_exact(width)).zip(scales) {
            let mean = sum(row) / width as f32;
            let variance = sum2(row, row, |value, _| (value - mean) * (value - mean)) / width as f32;
            *scale = 1.0 / (variance + epsilon).sqrt();
            for (normalized, value) in normalized.iter_mut().zip(row) {
                *normalized = (value - mean) * *scale;
            }
        }
    }
}

vectorized! {
    fn affine<'a>(out: &'a mut [f32], normalized: &'a [f32], norm: Norm<'a>) {
        let width = norm.weight.len();
        for (out, normalized) in out.chunks_exact_mut(width).zip(normalized.chunks_exact(width)) {
            for (((out, value), weight), bias) in out.iter_mut().zip(normalized).zip(norm.weight).zip(norm.bias) {
                *out = value * weight + bias;
            }
        }
    }
}

vectorized! {
    fn apply<'a>(values: &'a mut [f32], kept: Kept<'a>) {
        for (value, keep) in values.iter_mut().zip(kept.0) {
            *value *= f32::from(*keep) * kept.1;
        }
    }
}

vectorized! {
    /// The gradient of what was normalised.
    fn normalize_backward<'a>(input: &'a mut [f32], gradient: &'a [f32], normalized: &'a [f32], scales: &'a [f32], weight: &'a [f32]) {
        let width = weight.len();
        let rows = input.chunks_exact_mut(width).zip(gradient.chunks_exact(width)).zip(normalized.chunks_exact(width)).zip(scales);
        for (((input, gradient), normalized), scale) in rows {
            for ((input, gradient), weight) in input.iter_mut().zip(gradient).zip(weight) {
                *input = gradient * weight;
            }
            let mean = sum(input) / width as f32;
            let slope = sum2(input, normalized, |gradient, value| gradient * value) / width as f32;
            for (input, value) in input.iter_mut().zip(normalized) {
                *input = (*input - mean - value * slope) * scale;
            }
        }
    }
}

vectorized! {
    /// Adds the gradients of weight and bias from the first columns of rows that lie `stride` apart.
    fn affine_backward<'a>(weight: &'a mut [f32], bias: &'a mut [f32], gradient: &'a [f32], normalized: &'a [f32], stride: usize) {
        for (gradient, normalized) in gradient.chunks(stride).zip(normalized.chunks(stride)) {
            for (((weight, bias), gradient), value) in weight.iter_mut().zip(bias.iter_mut()).zip(gradient).zip(normalized) {
                *weight += gradient * value;
                *bias += gradient;
            }
        }
    }
}

/// Gradients of what was normalised, of the weight and of the bias, from the gradient of LayerNorm's result.
///
/// With a mask, a second matrix is the first after dropout's backward pass.
pub fn norm_backward(gradient: &[f32], normalized: &Normalized, norm: Norm<'_>, mask: Option<&Mask>) -> NormGradients {
    let width = norm.weight.len();
    let mut input = take(gradient.len());
    let mut dropped = mask.map(|_| take(gradient.len()));
    let backward = |first: usize, input: &mut [f32]| {
        let count = input.len() / width;
        let (gradient, values) = (rows(gradient, width, first, count), rows(&normalized.rows, width, first, count));
        normalize_backward(input, gradient, values, &normalized.scales[first..first + count], norm.weight);
    };
    let input_gradient = || match &mut dropped {
        Some(dropped) => for_shares2(&mut input, width, dropped, width, |first, input, dropped| {
            backward(first, input);
            dropped.copy_from_slice(input);
            if let Some(kept) = kept(mask, first * width, dropped.len()) {
                apply(dropped, kept);
            }
        }),
        None => for_shares(&mut input, width, backward),
    };
    let (mut weight, mut bias) = (vec![0.0; width], vec![0.0; width]);
    let parameter_gradients = || {
        for_shares2(&mut weight, 1, &mut bias, 1, |first, weight, bias| {
            affine_backward(weight, bias, &gradient[first..], &normalized.rows[first..], width);
        });
    };
    rayon::join(input_gradient, parameter_gradients);
    NormGradients { input, dropped, weight, bias }
}

/// What [`norm_backward`] gives.
#[derive(Debug)]
pub struct NormGradients {
    /// Of what was normalised, (N, H).
    pub input: Vec<f32>,
    /// The same after dropout's backward pass, where there was dropout, (N, H).
    pub dropped: Option<Vec<f32>>,
    /// Of LayerNorm's weight, (H).
    pub weight: Vec<f32>,
    /// Of LayerNorm's bias, (H).
    pub bias: Vec<f32>,
}

/// The gradient of [`norm_dropout`]'s result after dropout's backward pass.
pub fn masked(gradient: &[f32], width: usize, mask: &Mask) -> Vec<f32> {
    let mut out = take(gradient.len());
    out.copy_from_slice(gradient);
    for_shares(&mut out, width, |first, out| apply(out, (mask.rows(first * width, out.len()), mask.scale)));
    out
}

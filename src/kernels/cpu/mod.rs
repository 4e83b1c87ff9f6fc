//! The operations on the CPU: rows are shared out among threads, and each thread does a whole chain on its share.
//!
//! # Numerics
//! Every sum is made in an order that the shapes alone decide: results depend neither on the number of threads nor on the processor's
//! vector width, but for the matrix products, whose order the `gemm` crate chooses by the processor.

mod attention;
mod dense;
mod feed_forward;
mod gemm;
mod math;
mod norm;
mod parallel;
mod pool;

pub(crate) use pool::give as recycle;

use super::autodiff::Differentiable;
use super::{Kernels, Mask, Sequences};
use attention::Attended;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use dense::Linear;
use feed_forward::Fed;
use norm::{Norm, Normalized};
use pool::{give, give_tensor};

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of f32")
}

fn contiguous<const N: usize>(tensors: [FlexTensor; N]) -> [FlexTensor; N] {
    tensors.map(|tensor| if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
}

/// A tensor with the shape of another.
fn like(values: Vec<f32>, other: &FlexTensor) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, other.shape()))
}

/// (N, columns)
fn matrix(values: Vec<f32>, columns: usize) -> FlexTensor {
    let rows = values.len() / columns;
    FlexTensor::from_data(TensorData::new(values, [rows, columns]))
}

fn layer<'a>(weight: &'a FlexTensor, bias: &'a FlexTensor) -> Linear<'a> {
    Linear { weight: values(weight), bias: values(bias) }
}

fn layer_norm<'a>(weight: &'a FlexTensor, bias: &'a FlexTensor, epsilon: f64) -> Norm<'a> {
    Norm { weight: values(weight), bias: values(bias), epsilon: epsilon as f32 }
}

fn projections(inputs: &[FlexTensor; 7]) -> [Linear<'_>; 3] {
    let [_, query_weight, query_bias, key_weight, key_bias, value_weight, value_bias] = inputs;
    [layer(query_weight, query_bias), layer(key_weight, key_bias), layer(value_weight, value_bias)]
}

fn fed(inputs: &[FlexTensor; 7], epsilon: f64) -> ([Linear<'_>; 2], Norm<'_>) {
    let [_, first_weight, first_bias, second_weight, second_bias, norm_weight, norm_bias] = inputs;
    ([layer(first_weight, first_bias), layer(second_weight, second_bias)], layer_norm(norm_weight, norm_bias, epsilon))
}

/// Gradients with the shapes of the inputs.
fn shaped<const N: usize>(gradients: [Vec<f32>; N], inputs: &[FlexTensor; N]) -> [FlexTensor; N] {
    let mut shaped = gradients.into_iter().zip(inputs).map(|(gradient, input)| like(gradient, input));
    std::array::from_fn(|_| shaped.next().expect("a gradient an input"))
}

/// What an operation gives; what it keeps for a backward pass goes back to the pool.
fn forget<K: Kept>((out, kept): (FlexTensor, K)) -> FlexTensor {
    kept.give();
    out
}

/// What an operation keeps for its backward pass.
trait Kept {
    /// Gives every buffer back that nobody else needs.
    fn give(self);
}

impl Kept for KeptAttention {
    fn give(self) {
        self.attended.give();
        drop(self.context);
        self.inputs.into_iter().for_each(give_tensor);
    }
}

impl Kept for KeptFeedForward {
    fn give(self) {
        self.fed.give();
        self.inputs.into_iter().for_each(give_tensor);
    }
}

impl Kept for KeptResidual {
    fn give(self) {
        self.normalized.give();
        self.inputs.into_iter().for_each(give_tensor);
    }
}

impl Kept for KeptNorm {
    fn give(self) {
        self.normalized.give();
        self.inputs.into_iter().for_each(give_tensor);
    }
}

impl Kernels for Flex {
    fn self_attention(
        x: FlexTensor,
        query_weight: FlexTensor,
        query_bias: FlexTensor,
        key_weight: FlexTensor,
        key_bias: FlexTensor,
        value_weight: FlexTensor,
        value_bias: FlexTensor,
        sequences: Sequences,
        mask: Option<Mask>,
    ) -> FlexTensor {
        let inputs = [x, query_weight, query_bias, key_weight, key_bias, value_weight, value_bias];
        forget(Self::self_attention_keeping(inputs, sequences, mask))
    }

    fn feed_forward(
        x: FlexTensor,
        first_weight: FlexTensor,
        first_bias: FlexTensor,
        second_weight: FlexTensor,
        second_bias: FlexTensor,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        epsilon: f64,
        mask: Option<Mask>,
    ) -> FlexTensor {
        let inputs = [x, first_weight, first_bias, second_weight, second_bias, norm_weight, norm_bias];
        forget(Self::feed_forward_keeping(inputs, epsilon, mask))
    }

    fn linear_residual_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        residual: FlexTensor,
        norm_weight: FlexTensor,
        norm_bias: FlexTensor,
        epsilon: f64,
        mask: Option<Mask>,
    ) -> FlexTensor {
        forget(Self::linear_residual_norm_keeping([x, weight, bias, residual, norm_weight, norm_bias], epsilon, mask))
    }

    fn norm_dropout(x: FlexTensor, norm_weight: FlexTensor, norm_bias: FlexTensor, epsilon: f64, mask: Option<Mask>) -> FlexTensor {
        forget(Self::norm_dropout_keeping([x, norm_weight, norm_bias], epsilon, mask))
    }
}

/// What [`Kernels::self_attention`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptAttention {
    inputs: [FlexTensor; 7],
    context: FlexTensor,
    attended: Attended,
    sequences: Sequences,
    mask: Option<Mask>,
}

/// What [`Kernels::feed_forward`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptFeedForward {
    inputs: [FlexTensor; 7],
    epsilon: f64,
    fed: Fed,
    mask: Option<Mask>,
}

/// What [`Kernels::linear_residual_norm`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptResidual {
    inputs: [FlexTensor; 6],
    epsilon: f64,
    normalized: Normalized,
    mask: Option<Mask>,
}

/// What [`Kernels::norm_dropout`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptNorm {
    inputs: [FlexTensor; 3],
    epsilon: f64,
    normalized: Normalized,
    mask: Option<Mask>,
}

impl Differentiable for Flex {
    type Attention = KeptAttention;
    type FeedForward = KeptFeedForward;
    type Residual = KeptResidual;
    type Norm = KeptNorm;

    fn self_attention_keeping(inputs: [FlexTensor; 7], sequences: Sequences, mask: Option<Mask>) -> (FlexTensor, KeptAttention) {
        let inputs = contiguous(inputs);
        let (context, attended) = attention::self_attention(values(&inputs[0]), projections(&inputs), &sequences, mask.as_ref());
        let context = matrix(context, values(&inputs[2]).len());
        (context.clone(), KeptAttention { inputs, context, attended, sequences, mask })
    }

    fn self_attention_backward(gradient: FlexTensor, kept: KeptAttention) -> [FlexTensor; 7] {
        let [gradient] = contiguous([gradient]);
        let KeptAttention { inputs, context, attended, sequences, mask } = kept;
        let x = values(&inputs[0]);
        let layers = projections(&inputs);
        let gradients =
            attention::self_attention_backward(values(&gradient), x, layers, values(&context), &attended, &sequences, mask.as_ref());
        let shaped = shaped(gradients, &inputs);
        attended.give();
        inputs.into_iter().chain([gradient, context]).for_each(give_tensor);
        shaped
    }

    fn feed_forward_keeping(inputs: [FlexTensor; 7], epsilon: f64, mask: Option<Mask>) -> (FlexTensor, KeptFeedForward) {
        let inputs = contiguous(inputs);
        let (layers, norm) = fed(&inputs, epsilon);
        let (out, fed) = feed_forward::feed_forward(values(&inputs[0]), layers, norm, mask.as_ref());
        (like(out, &inputs[0]), KeptFeedForward { inputs, epsilon, fed, mask })
    }

    fn feed_forward_backward(gradient: FlexTensor, kept: KeptFeedForward) -> [FlexTensor; 7] {
        let [gradient] = contiguous([gradient]);
        let (layers, norm) = fed(&kept.inputs, kept.epsilon);
        let x = values(&kept.inputs[0]);
        let gradients = feed_forward::feed_forward_backward(values(&gradient), x, layers, norm, kept.fed, kept.mask.as_ref());
        let shaped = shaped(gradients, &kept.inputs);
        kept.inputs.into_iter().chain([gradient]).for_each(give_tensor);
        shaped
    }

    fn linear_residual_norm_keeping(inputs: [FlexTensor; 6], epsilon: f64, mask: Option<Mask>) -> (FlexTensor, KeptResidual) {
        let inputs = contiguous(inputs);
        let [x, weight, bias, residual, norm_weight, norm_bias] = &inputs;
        let norm = layer_norm(norm_weight, norm_bias, epsilon);
        let (out, normalized) = norm::linear_residual_norm(values(x), layer(weight, bias), values(residual), norm, mask.as_ref());
        let out = like(out, residual);
        (out, KeptResidual { inputs, epsilon, normalized, mask })
    }

    fn linear_residual_norm_backward(gradient: FlexTensor, kept: KeptResidual) -> [FlexTensor; 6] {
        let [gradient] = contiguous([gradient]);
        let [x, weight, bias, residual, norm_weight, norm_bias] = &kept.inputs;
        let norm = layer_norm(norm_weight, norm_bias, kept.epsilon);
        let gradients = norm::norm_backward(values(&gradient), &kept.normalized, norm, kept.mask.as_ref());
        let dropped = gradients.dropped.as_deref().unwrap_or(&gradients.input);
        let [input, weights, biases] = dense::linear_backward(dropped, values(x), layer(weight, bias));
        gradients.dropped.into_iter().for_each(give);
        let all = [
            like(input, x),
            like(weights, weight),
            like(biases, bias),
            like(gradients.input, residual),
            like(gradients.weight, norm_weight),
            like(gradients.bias, norm_bias),
        ];
        kept.normalized.give();
        kept.inputs.into_iter().chain([gradient]).for_each(give_tensor);
        all
    }

    fn norm_dropout_keeping(inputs: [FlexTensor; 3], epsilon: f64, mask: Option<Mask>) -> (FlexTensor, KeptNorm) {
        let inputs = contiguous(inputs);
        let [x, weight, bias] = &inputs;
        let (out, normalized) = norm::norm_dropout(values(x), layer_norm(weight, bias, epsilon), mask.as_ref());
        (like(out, x), KeptNorm { inputs, epsilon, normalized, mask })
    }

    fn norm_dropout_backward(gradient: FlexTensor, kept: KeptNorm) -> [FlexTensor; 3] {
        let [gradient] = contiguous([gradient]);
        let [x, weight, bias] = &kept.inputs;
        let masked = kept.mask.as_ref().map(|mask| norm::masked(values(&gradient), values(bias).len(), mask));
        let rows = masked.as_deref().unwrap_or_else(|| values(&gradient));
        let gradients = norm::norm_backward(rows, &kept.normalized, layer_norm(weight, bias, kept.epsilon), None);
        let shaped = [like(gradients.input, x), like(gradients.weight, weight), like(gradients.bias, bias)];
        masked.into_iter().for_each(give);
        kept.normalized.give();
        kept.inputs.into_iter().chain([gradient]).for_each(give_tensor);
        shaped
    }
}

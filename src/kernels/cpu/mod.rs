//! The operations on the CPU: rows are shared out among threads, and each thread does a whole chain on its share.
//!
//! # Numerics
//! Every sum is made in an order that the shapes alone decide: results depend neither on the number of threads nor on the processor's
//! vector width, but for the matrix products, whose order the `gemm` crate chooses by the processor.

mod attention;
mod dense;
mod embeddings;
mod feed_forward;
mod gemm;
mod loss;
mod math;
mod norm;
mod parallel;
mod pool;

pub(super) use gemm::bf16_is_fast;
pub(crate) use pool::give as recycle;

use super::autodiff::Differentiable;
use super::{Kernels, Lookups, Mask, Precision, Sequences};
use attention::Attended;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use burn_flex::FlexTensor;
use dense::Linear;
use feed_forward::Fed;
use norm::{Norm, Normalized};
use pool::{give, give_tensor};
use std::sync::Arc;

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

fn layer<'a>(weight: &'a FlexTensor, bias: &'a FlexTensor, precision: Precision) -> Linear<'a> {
    Linear { weight: values(weight), bias: values(bias), precision }
}

fn layer_norm<'a>(weight: &'a FlexTensor, bias: &'a FlexTensor, epsilon: f64) -> Norm<'a> {
    Norm { weight: values(weight), bias: values(bias), epsilon: epsilon as f32 }
}

fn projections(inputs: &[FlexTensor; 7], precision: Precision) -> [Linear<'_>; 3] {
    let [_, query_weight, query_bias, key_weight, key_bias, value_weight, value_bias] = inputs;
    [(query_weight, query_bias), (key_weight, key_bias), (value_weight, value_bias)].map(|(weight, bias)| layer(weight, bias, precision))
}

fn fed(inputs: &[FlexTensor; 7], epsilon: f64, precision: Precision) -> ([Linear<'_>; 2], Norm<'_>) {
    let [_, first_weight, first_bias, second_weight, second_bias, norm_weight, norm_bias] = inputs;
    let layers = [layer(first_weight, first_bias, precision), layer(second_weight, second_bias, precision)];
    (layers, layer_norm(norm_weight, norm_bias, epsilon))
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

impl Kept for KeptEmbeddings {
    fn give(self) {}
}

impl Kept for KeptCrossEntropy {
    fn give(self) {
        give(self.probabilities);
    }
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
    fn embeddings(first: FlexTensor, second: FlexTensor, third: FlexTensor, ids: Lookups) -> FlexTensor {
        forget(Self::embeddings_keeping([first, second, third], ids))
    }

    fn cross_entropy(logits: FlexTensor, targets: Arc<[f32]>) -> FlexTensor {
        forget(Self::cross_entropy_keeping([logits], targets))
    }

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
        precision: Precision,
    ) -> FlexTensor {
        let inputs = [x, query_weight, query_bias, key_weight, key_bias, value_weight, value_bias];
        forget(Self::self_attention_keeping(inputs, sequences, mask, precision))
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
        precision: Precision,
    ) -> FlexTensor {
        let inputs = [x, first_weight, first_bias, second_weight, second_bias, norm_weight, norm_bias];
        forget(Self::feed_forward_keeping(inputs, epsilon, mask, precision))
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
        precision: Precision,
    ) -> FlexTensor {
        forget(Self::linear_residual_norm_keeping([x, weight, bias, residual, norm_weight, norm_bias], epsilon, mask, precision))
    }

    fn norm_dropout(x: FlexTensor, norm_weight: FlexTensor, norm_bias: FlexTensor, epsilon: f64, mask: Option<Mask>) -> FlexTensor {
        forget(Self::norm_dropout_keeping([x, norm_weight, norm_bias], epsilon, mask))
    }
}

/// What [`Kernels::embeddings`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptEmbeddings {
    /// The shapes of the tables, (rows, H).
    shapes: [[usize; 2]; 3],
    ids: Lookups,
}

/// What [`Kernels::cross_entropy`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptCrossEntropy {
    probabilities: Vec<f32>,
    targets: Arc<[f32]>,
    columns: usize,
}

/// What [`Kernels::self_attention`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptAttention {
    inputs: [FlexTensor; 7],
    context: FlexTensor,
    attended: Attended,
    sequences: Sequences,
    mask: Option<Mask>,
    precision: Precision,
}

/// What [`Kernels::feed_forward`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptFeedForward {
    inputs: [FlexTensor; 7],
    epsilon: f64,
    fed: Fed,
    mask: Option<Mask>,
    precision: Precision,
}

/// What [`Kernels::linear_residual_norm`] keeps on the CPU.
#[derive(Debug, Clone)]
pub(super) struct KeptResidual {
    inputs: [FlexTensor; 6],
    epsilon: f64,
    normalized: Normalized,
    mask: Option<Mask>,
    precision: Precision,
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
    type Embeddings = KeptEmbeddings;
    type CrossEntropy = KeptCrossEntropy;
    type Attention = KeptAttention;
    type FeedForward = KeptFeedForward;
    type Residual = KeptResidual;
    type Norm = KeptNorm;

    fn embeddings_keeping(tables: [FlexTensor; 3], ids: Lookups) -> (FlexTensor, KeptEmbeddings) {
        let tables = contiguous(tables);
        let shapes = tables.each_ref().map(|table| table.shape().dims());
        let width = shapes[0][1];
        let out = embeddings::embeddings(tables.each_ref().map(values), ids.each_ref().map(|ids| &**ids), width);
        (matrix(out, width), KeptEmbeddings { shapes, ids })
    }

    fn embeddings_backward(gradient: FlexTensor, kept: KeptEmbeddings) -> [FlexTensor; 3] {
        let [gradient] = contiguous([gradient]);
        std::array::from_fn(|table| {
            let [rows, width] = kept.shapes[table];
            matrix(embeddings::table_gradient(values(&gradient), &kept.ids[table], rows * width, width), width)
        })
    }

    fn cross_entropy_keeping(logits: [FlexTensor; 1], targets: Arc<[f32]>) -> (FlexTensor, KeptCrossEntropy) {
        let [logits] = contiguous(logits);
        let [_, columns] = logits.shape().dims();
        let (loss, probabilities) = loss::cross_entropy(values(&logits), &targets, columns);
        (FlexTensor::from_data(TensorData::new(vec![loss], [1])), KeptCrossEntropy { probabilities, targets, columns })
    }

    fn cross_entropy_backward(gradient: FlexTensor, kept: KeptCrossEntropy) -> [FlexTensor; 1] {
        let [gradient] = contiguous([gradient]);
        let gradient = loss::cross_entropy_backward(values(&gradient)[0], kept.probabilities, &kept.targets, kept.columns);
        [matrix(gradient, kept.columns)]
    }

    fn self_attention_keeping(
        inputs: [FlexTensor; 7],
        sequences: Sequences,
        mask: Option<Mask>,
        precision: Precision,
    ) -> (FlexTensor, KeptAttention) {
        let inputs = contiguous(inputs);
        let (context, attended) = attention::self_attention(values(&inputs[0]), projections(&inputs, precision), &sequences, mask.as_ref());
        let context = matrix(context, values(&inputs[2]).len());
        (context.clone(), KeptAttention { inputs, context, attended, sequences, mask, precision })
    }

    fn self_attention_backward(gradient: FlexTensor, kept: KeptAttention) -> [FlexTensor; 7] {
        let [gradient] = contiguous([gradient]);
        let KeptAttention { inputs, context, attended, sequences, mask, precision } = kept;
        let x = values(&inputs[0]);
        let layers = projections(&inputs, precision);
        let gradients =
            attention::self_attention_backward(values(&gradient), x, layers, values(&context), &attended, &sequences, mask.as_ref());
        let shaped = shaped(gradients, &inputs);
        attended.give();
        inputs.into_iter().chain([gradient, context]).for_each(give_tensor);
        shaped
    }

    fn feed_forward_keeping(
        inputs: [FlexTensor; 7],
        epsilon: f64,
        mask: Option<Mask>,
        precision: Precision,
    ) -> (FlexTensor, KeptFeedForward) {
        let inputs = contiguous(inputs);
        let (layers, norm) = fed(&inputs, epsilon, precision);
        let (out, fed) = feed_forward::feed_forward(values(&inputs[0]), layers, norm, mask.as_ref());
        (like(out, &inputs[0]), KeptFeedForward { inputs, epsilon, fed, mask, precision })
    }

    fn feed_forward_backward(gradient: FlexTensor, kept: KeptFeedForward) -> [FlexTensor; 7] {
        let [gradient] = contiguous([gradient]);
        let (layers, norm) = fed(&kept.inputs, kept.epsilon, kept.precision);
        let x = values(&kept.inputs[0]);
        let gradients = feed_forward::feed_forward_backward(values(&gradient), x, layers, norm, kept.fed, kept.mask.as_ref());
        let shaped = shaped(gradients, &kept.inputs);
        kept.inputs.into_iter().chain([gradient]).for_each(give_tensor);
        shaped
    }

    fn linear_residual_norm_keeping(
        inputs: [FlexTensor; 6],
        epsilon: f64,
        mask: Option<Mask>,
        precision: Precision,
    ) -> (FlexTensor, KeptResidual) {
        let inputs = contiguous(inputs);
        let [x, weight, bias, residual, norm_weight, norm_bias] = &inputs;
        let norm = layer_norm(norm_weight, norm_bias, epsilon);
        let (out, normalized) =
            norm::linear_residual_norm(values(x), layer(weight, bias, precision), values(residual), norm, mask.as_ref());
        let out = like(out, residual);
        (out, KeptResidual { inputs, epsilon, normalized, mask, precision })
    }

    fn linear_residual_norm_backward(gradient: FlexTensor, kept: KeptResidual) -> [FlexTensor; 6] {
        let [gradient] = contiguous([gradient]);
        let [x, weight, bias, residual, norm_weight, norm_bias] = &kept.inputs;
        let norm = layer_norm(norm_weight, norm_bias, kept.epsilon);
        let gradients = norm::norm_backward(values(&gradient), &kept.normalized, norm, kept.mask.as_ref());
        let dropped = gradients.dropped.as_deref().unwrap_or(&gradients.input);
        let [input, weights, biases] = dense::linear_backward(dropped, values(x), layer(weight, bias, kept.precision));
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

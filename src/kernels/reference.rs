//! What each operation means, in burn's primitives: slow, on any device, differentiable by burn.

use super::{Linear, Mask, Norm, Sequences};
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::module::{layer_norm, linear as dense};
use burn::tensor::{Int, Tensor, TensorData};

/// See [`super::embeddings`].
pub fn embeddings(tables: [Tensor<2>; 3], ids: [&[i32]; 3]) -> Tensor<2> {
    let mut rows = tables.into_iter().zip(ids).map(|(table, ids)| {
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids.to_vec(), [ids.len()]), &table.device());
        table.select(0, ids)
    });
    let first = rows.next().expect("three tables");
    rows.fold(first, |sum, rows| sum + rows)
}

/// See [`super::cross_entropy`].
pub fn cross_entropy(logits: Tensor<2>, targets: Vec<f32>) -> Tensor<1> {
    let [rows, columns] = logits.dims();
    let targets = Tensor::from_data(TensorData::new(targets, [rows, columns]), &logits.device());
    (log_softmax(logits, 1) * targets).sum() / -(rows as f64)
}

/// See [`super::self_attention`].
pub fn self_attention(x: Tensor<2>, layers: [Linear; 3], sequences: &Sequences, mask: Option<Mask>) -> Tensor<2> {
    let [_, width] = x.dims();
    let heads = sequences.heads();
    let [query, key, value] = layers.map(|layer| linear(x.clone(), layer));
    let contexts = sequences.iter().filter(|sequence| !sequence.tokens.is_empty()).map(|sequence| {
        let (length, looking) = (sequence.tokens.len(), sequence.queries.len());
        let split = |rows: &Tensor<2>, count: usize| {
            let first = sequence.tokens.start;
            let rows = rows.clone().slice([first..first + count, 0..width]);
            rows.reshape([count, heads, width / heads]).swap_dims(0, 1)
        };
        let scale = ((width / heads) as f64).sqrt().recip();
        let scores = split(&query, looking).matmul(split(&key, length).swap_dims(1, 2)) * scale;
        let shape = [heads, looking, length];
        let mask =
            mask.as_ref().map(|mask| Mask { keep: mask.rows(sequence.scores, heads * looking * length).to_vec().into(), ..mask.clone() });
        let context = dropout(softmax(scores, 2), mask, shape).matmul(split(&value, length));
        context.swap_dims(0, 1).reshape([looking, width])
    });
    Tensor::cat(contexts.collect(), 0)
}

/// See [`super::feed_forward`].
pub fn feed_forward(x: Tensor<2>, [first, second]: [Linear; 2], norm: Norm, mask: Option<Mask>) -> Tensor<2> {
    let hidden = linear(x.clone(), first);
    let activations = hidden.clone() * ((hidden * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    linear_residual_norm(activations, second, x, norm, mask)
}

/// See [`super::linear_residual_norm`].
pub fn linear_residual_norm(x: Tensor<2>, layer: Linear, residual: Tensor<2>, norm: Norm, mask: Option<Mask>) -> Tensor<2> {
    let shape = residual.dims();
    normalize(dropout(linear(x, layer), mask, shape) + residual, norm)
}

/// See [`super::norm_dropout`].
pub fn norm_dropout(x: Tensor<2>, norm: Norm, mask: Option<Mask>) -> Tensor<2> {
    let shape = x.dims();
    dropout(normalize(x, norm), mask, shape)
}

/// Zeroes what the mask does not keep, and scales the rest.
pub fn dropout<const D: usize>(tensor: Tensor<D>, mask: Option<Mask>, shape: [usize; D]) -> Tensor<D> {
    let Some(mask) = mask else { return tensor };
    let factors: Vec<f32> = mask.keep.iter().map(|keep| f32::from(*keep) * mask.scale).collect();
    let factors = Tensor::from_data(TensorData::new(factors, shape), &tensor.device());
    tensor * factors
}

fn linear(x: Tensor<2>, layer: Linear) -> Tensor<2> {
    dense(x, layer.weight.transpose(), Some(layer.bias))
}

fn normalize(x: Tensor<2>, norm: Norm) -> Tensor<2> {
    layer_norm(x, norm.weight, Some(norm.bias), norm.epsilon)
}

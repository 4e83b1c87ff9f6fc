//! The fused operations that a training step is made of, each with a backward pass of its own.
//!
//! Batches are packed: the tokens of all sequences follow each other, and nothing is computed for padding. [`mod@reference`] says what each
//! operation means, in burn's primitives; `cpu` does it fast.

mod autodiff;
mod cpu;
pub mod reference;
#[cfg(test)]
mod tests;

pub use crate::gpu::Mask;
pub(crate) use cpu::recycle;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;
use std::ops::Range;
use std::sync::Arc;

/// Where the sequences of a packed batch begin and end, how many heads look at them, and which tokens do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences {
    offsets: Arc<[usize]>,
    heads: usize,
    queries: Queries,
}

/// Which tokens of a sequence look at the others, and so get a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queries {
    /// Every token.
    All,
    /// The first token only: in a last layer, where nothing else is read.
    First,
}

/// One sequence of a packed batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Its tokens, which are looked at.
    pub tokens: Range<usize>,
    /// The rows of the context that belong to it, one for each token that looks.
    pub queries: Range<usize>,
    /// Where its attention scores begin: (A, Q, L) one sequence after another.
    pub scores: usize,
}

impl Sequences {
    /// Sequences between neighbouring offsets: 0, the end of the first, …, the number of tokens. All tokens look.
    pub fn new(offsets: impl Iterator<Item = usize>, heads: usize) -> Self {
        Sequences { offsets: offsets.collect(), heads, queries: Queries::All }
    }

    /// The same sequences, with other tokens looking.
    #[must_use]
    pub fn with_queries(&self, queries: Queries) -> Self {
        Sequences { queries, ..self.clone() }
    }

    /// The sequences in their order.
    pub fn iter(&self) -> impl Iterator<Item = Sequence> {
        let (heads, queries) = (self.heads, self.queries);
        self.offsets.windows(2).scan((0, 0), move |(rows, scores), bounds| {
            let length = bounds[1] - bounds[0];
            let looking = match queries {
                Queries::All => length,
                Queries::First => length.min(1),
            };
            let sequence = Sequence { tokens: bounds[0]..bounds[1], queries: *rows..*rows + looking, scores: *scores };
            *rows += looking;
            *scores += heads * looking * length;
            Some(sequence)
        })
    }

    /// How many sequences there are.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tokens look: the rows of the context.
    pub fn queries(&self) -> usize {
        self.iter().map(|sequence| sequence.queries.len()).sum()
    }

    /// How many attention scores there are in all.
    pub fn scores(&self) -> usize {
        self.iter().map(|sequence| self.heads * sequence.queries.len() * sequence.tokens.len()).sum()
    }

    /// How many heads there are.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// The tokens that look, by their places among all tokens.
    pub fn looking(&self) -> impl Iterator<Item = usize> {
        self.iter().flat_map(|sequence| sequence.tokens.take(sequence.queries.len()))
    }
}

/// How the products of linear layers are computed. All else is computed in `f32`, and so are the weights kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Operands as they are.
    #[default]
    F32,
    /// Operands rounded to bfloat16, sums in `f32`: about twice as fast where the processor has products of bfloat16, and of no use elsewhere.
    Bf16,
}

impl Precision {
    /// Whether products gain from it on this processor.
    pub fn is_fast(self) -> bool {
        self == Precision::F32 || cpu::bf16_is_fast()
    }
}

impl Mask {
    fn rows(&self, start: usize, count: usize) -> &[u8] {
        &self.keep[start..start + count]
    }
}

/// The ids that choose rows of the three tables of [`embeddings`], (N) a table.
pub type Lookups = [Arc<[i32]>; 3];

/// The operations on tensors of a backend.
///
/// # Shapes
/// N tokens of all sequences, H hidden width. Weights are (out, in), biases (out).
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Kernels: Backend {
    /// See [`embeddings`].
    fn embeddings(first: FloatTensor<Self>, second: FloatTensor<Self>, third: FloatTensor<Self>, ids: Lookups) -> FloatTensor<Self>;

    /// See [`cross_entropy`].
    fn cross_entropy(logits: FloatTensor<Self>, targets: Arc<[f32]>) -> FloatTensor<Self>;

    /// See [`self_attention`].
    #[allow(clippy::too_many_arguments, reason = "tensors cross the dispatch as single arguments only")]
    fn self_attention(
        x: FloatTensor<Self>,
        query_weight: FloatTensor<Self>,
        query_bias: FloatTensor<Self>,
        key_weight: FloatTensor<Self>,
        key_bias: FloatTensor<Self>,
        value_weight: FloatTensor<Self>,
        value_bias: FloatTensor<Self>,
        sequences: Sequences,
        mask: Option<Mask>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// See [`feed_forward`].
    #[allow(clippy::too_many_arguments, reason = "tensors cross the dispatch as single arguments only")]
    fn feed_forward(
        x: FloatTensor<Self>,
        first_weight: FloatTensor<Self>,
        first_bias: FloatTensor<Self>,
        second_weight: FloatTensor<Self>,
        second_bias: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        epsilon: f64,
        mask: Option<Mask>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// See [`linear_residual_norm`].
    #[allow(clippy::too_many_arguments, reason = "tensors cross the dispatch as single arguments only")]
    fn linear_residual_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        epsilon: f64,
        mask: Option<Mask>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// See [`norm_dropout`].
    fn norm_dropout(
        x: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        epsilon: f64,
        mask: Option<Mask>,
    ) -> FloatTensor<Self>;
}

/// A linear layer: weight (out, in) and bias (out).
#[derive(Debug, Clone)]
pub struct Linear {
    /// (out, in)
    pub weight: Tensor<2>,
    /// (out)
    pub bias: Tensor<1>,
}

/// A LayerNorm: weight and bias (H), and what is added to the variance.
#[derive(Debug, Clone)]
pub struct Norm {
    /// (H)
    pub weight: Tensor<1>,
    /// (H)
    pub bias: Tensor<1>,
    /// The epsilon.
    pub epsilon: f64,
}

/// The sum of the rows that ids choose from three tables.
///
/// The gradient of a whole table is mostly zeros; where that matters, keep the tables out of the graph, and add the gradient of the result
/// up by rows.
///
/// # Shapes
/// The tables are (rows, H), the ids (N) each, and the result is (N, H).
///
/// # Panics
/// Where an id has no row.
pub fn embeddings(tables: [Tensor<2>; 3], ids: [&[i32]; 3]) -> Tensor<2> {
    let [first, second, third] = tables.map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Kernels>::embeddings(first, second, third, ids.map(Arc::from)))
}

/// Cross entropy with probabilities as targets: the mean over rows of `-Σ targets · log softmax(logits)`.
///
/// # Shapes
/// Logits and targets are (B, C), each row of the targets adds up to 1, and the result is (1).
pub fn cross_entropy(logits: Tensor<2>, targets: Vec<f32>) -> Tensor<1> {
    assert_eq!(targets.len(), logits.shape().num_elements(), "a target a logit");
    Tensor::from_dispatch(<Dispatch as Kernels>::cross_entropy(logits.into_dispatch(), targets.into()))
}

/// Multi-head attention of every token to those of its own sequence: queries, keys and values are linear in x; dropout, if any, acts on the
/// probabilities.
///
/// # Shapes
/// x is (N, H), the layers are (H, H), the mask (A, Q, L) of one sequence after another, and the result (Q, H) of one sequence after another:
/// a row for each token that looks, all N of them or the first of each sequence.
pub fn self_attention(
    x: Tensor<2>,
    [query, key, value]: [Linear; 3],
    sequences: &Sequences,
    mask: Option<Mask>,
    precision: Precision,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::self_attention(
        x.into_dispatch(),
        query.weight.into_dispatch(),
        query.bias.into_dispatch(),
        key.weight.into_dispatch(),
        key.bias.into_dispatch(),
        value.weight.into_dispatch(),
        value.bias.into_dispatch(),
        sequences.clone(),
        mask,
        precision,
    ))
}

/// `LayerNorm(dropout(linear(GELU(linear(x)))) + x)`, with GELU by the error function.
///
/// # Shapes
/// x, mask and result are (N, H); the first layer is (F, H), the second (H, F).
pub fn feed_forward(x: Tensor<2>, [first, second]: [Linear; 2], norm: Norm, mask: Option<Mask>, precision: Precision) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::feed_forward(
        x.into_dispatch(),
        first.weight.into_dispatch(),
        first.bias.into_dispatch(),
        second.weight.into_dispatch(),
        second.bias.into_dispatch(),
        norm.weight.into_dispatch(),
        norm.bias.into_dispatch(),
        norm.epsilon,
        mask,
        precision,
    ))
}

/// `LayerNorm(dropout(linear(x)) + residual)`.
///
/// # Shapes
/// x is (N, in); residual, mask and result are (N, H).
pub fn linear_residual_norm(
    x: Tensor<2>,
    layer: Linear,
    residual: Tensor<2>,
    norm: Norm,
    mask: Option<Mask>,
    precision: Precision,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::linear_residual_norm(
        x.into_dispatch(),
        layer.weight.into_dispatch(),
        layer.bias.into_dispatch(),
        residual.into_dispatch(),
        norm.weight.into_dispatch(),
        norm.bias.into_dispatch(),
        norm.epsilon,
        mask,
        precision,
    ))
}

/// `dropout(LayerNorm(x))`.
///
/// # Shapes
/// All are (N, H).
pub fn norm_dropout(x: Tensor<2>, norm: Norm, mask: Option<Mask>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::norm_dropout(
        x.into_dispatch(),
        norm.weight.into_dispatch(),
        norm.bias.into_dispatch(),
        norm.epsilon,
        mask,
    ))
}

//! What a forward pass leaves for the backward pass, and the room that both work in.

use super::device::Gpu;
use super::memory::{Reused, Tensor};

/// How a pass uses the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Everything, for a backward pass.
    All,
    /// What enters each layer: a backward pass computes the rest once more.
    Inputs,
    /// Nothing.
    Nothing,
}

/// Tensors that are used again and again.
#[derive(Debug, Default)]
pub(super) struct Activations {
    /// What enters each layer, and what leaves the last one, (N, H).
    hidden: Vec<Reused>,
    layers: Vec<LayerRoom>,
    pub(super) embedded: Reused,
    pub(super) embedded_statistics: Reused,
    pub(super) first: Reused,
    pub(super) pooled: Reused,
    pub(super) dropped: Reused,
    pub(super) logits: Reused,
    pub(super) gradients: GradientRoom,
    pub(super) inputs: Reused,
}

/// Of one layer.
#[derive(Debug, Default)]
struct LayerRoom {
    /// Queries, keys and values, (3, N, H).
    projected: Reused,
    context: Reused,
    normalizers: Reused,
    attention_sums: Reused,
    attention_statistics: Reused,
    attended: Reused,
    before_gelu: Reused,
    after_gelu: Reused,
    sums: Reused,
    statistics: Reused,
    residual: Reused,
}

/// The tensors of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) projected: Tensor,
    pub(super) context: Tensor,
    pub(super) normalizers: Tensor,
    pub(super) attention_sums: Tensor,
    pub(super) attention_statistics: Tensor,
    pub(super) attended: Tensor,
    pub(super) before_gelu: Tensor,
    pub(super) after_gelu: Tensor,
    pub(super) sums: Tensor,
    pub(super) statistics: Tensor,
    /// The rows of the input that look, where these are not all.
    pub(super) residual: Tensor,
}

/// The gradients of activations; layers share them.
#[derive(Debug, Default)]
pub(super) struct GradientRoom {
    pub(super) logits: Reused,
    pub(super) pooled: Reused,
    /// Of what a layer gives and of what it takes, in turns.
    pub(super) hidden: [Reused; 2],
    pub(super) sums: Reused,
    pub(super) dropped: Reused,
    pub(super) before_gelu: Reused,
    pub(super) attended: Reused,
    pub(super) attention_sums: Reused,
    pub(super) context: Reused,
    pub(super) products: Reused,
    pub(super) projected: Reused,
    pub(super) residual: Reused,
}

/// N tokens, Q of which look, H wide, F in the feed forward layer, A heads.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerSizes {
    pub(super) tokens: usize,
    pub(super) queries: usize,
    pub(super) hidden: usize,
    pub(super) inner: usize,
    pub(super) heads: usize,
}

impl Activations {
    /// What enters a layer.
    pub(super) fn hidden(&mut self, gpu: &Gpu, keep: Keep, layer: usize, elements: usize) -> Tensor {
        let place = if keep == Keep::Nothing { layer % 2 } else { layer };
        nth(&mut self.hidden, place).with_room(gpu, elements)
    }

    /// The tensors of a layer.
    pub(super) fn layer(&mut self, gpu: &Gpu, keep: Keep, layer: usize, sizes: LayerSizes) -> Layer {
        let LayerSizes { tokens, queries, hidden, inner, heads } = sizes;
        let room = nth(&mut self.layers, if keep == Keep::All { layer } else { 0 });
        Layer {
            projected: room.projected.with_room(gpu, 3 * tokens * hidden),
            context: room.context.with_room(gpu, queries * hidden),
            normalizers: room.normalizers.with_room(gpu, queries * heads),
            attention_sums: room.attention_sums.with_room(gpu, queries * hidden),
            attention_statistics: room.attention_statistics.with_room(gpu, 2 * queries),
            attended: room.attended.with_room(gpu, queries * hidden),
            before_gelu: room.before_gelu.with_room(gpu, queries * inner),
            after_gelu: room.after_gelu.with_room(gpu, queries * inner),
            sums: room.sums.with_room(gpu, queries * hidden),
            statistics: room.statistics.with_room(gpu, 2 * queries),
            residual: room.residual.with_room(gpu, if queries < tokens { queries * hidden } else { 1 }),
        }
    }
}

fn nth<T: Default>(all: &mut Vec<T>, place: usize) -> &mut T {
    while all.len() <= place {
        all.push(T::default());
    }
    &mut all[place]
}

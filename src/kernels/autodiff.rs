//! How the operations enter burn's graph: what each keeps, and which gradients it gives.

use super::{Kernels, Lookups, Mask, Precision, Sequences};
use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use std::fmt::Debug;
use std::sync::Arc;

/// The operations of [`Kernels`] with what their backward passes need.
pub(super) trait Differentiable: Kernels {
    /// What [`Kernels::embeddings`] keeps.
    type Embeddings: Debug + Clone + Send + 'static;
    /// What [`Kernels::cross_entropy`] keeps.
    type CrossEntropy: Debug + Clone + Send + 'static;
    /// What [`Kernels::self_attention`] keeps.
    type Attention: Debug + Clone + Send + 'static;
    /// What [`Kernels::feed_forward`] keeps.
    type FeedForward: Debug + Clone + Send + 'static;
    /// What [`Kernels::linear_residual_norm`] keeps.
    type Residual: Debug + Clone + Send + 'static;
    /// What [`Kernels::norm_dropout`] keeps.
    type Norm: Debug + Clone + Send + 'static;

    /// Forward, keeping.
    fn embeddings_keeping(tables: [FloatTensor<Self>; 3], ids: Lookups) -> (FloatTensor<Self>, Self::Embeddings);
    /// Gradients of the tables, in their order.
    fn embeddings_backward(gradient: FloatTensor<Self>, kept: Self::Embeddings) -> [FloatTensor<Self>; 3];

    /// Forward, keeping.
    fn cross_entropy_keeping(logits: [FloatTensor<Self>; 1], targets: Arc<[f32]>) -> (FloatTensor<Self>, Self::CrossEntropy);
    /// The gradient of the logits.
    fn cross_entropy_backward(gradient: FloatTensor<Self>, kept: Self::CrossEntropy) -> [FloatTensor<Self>; 1];

    /// Forward, keeping.
    fn self_attention_keeping(
        inputs: [FloatTensor<Self>; 7],
        sequences: Sequences,
        mask: Option<Mask>,
        precision: Precision,
    ) -> (FloatTensor<Self>, Self::Attention);
    /// Gradients of the inputs, in their order.
    fn self_attention_backward(gradient: FloatTensor<Self>, kept: Self::Attention) -> [FloatTensor<Self>; 7];

    /// Forward, keeping.
    fn feed_forward_keeping(
        inputs: [FloatTensor<Self>; 7],
        epsilon: f64,
        mask: Option<Mask>,
        precision: Precision,
    ) -> (FloatTensor<Self>, Self::FeedForward);
    /// Gradients of the inputs, in their order.
    fn feed_forward_backward(gradient: FloatTensor<Self>, kept: Self::FeedForward) -> [FloatTensor<Self>; 7];

    /// Forward, keeping.
    fn linear_residual_norm_keeping(
        inputs: [FloatTensor<Self>; 6],
        epsilon: f64,
        mask: Option<Mask>,
        precision: Precision,
    ) -> (FloatTensor<Self>, Self::Residual);
    /// Gradients of the inputs, in their order.
    fn linear_residual_norm_backward(gradient: FloatTensor<Self>, kept: Self::Residual) -> [FloatTensor<Self>; 6];

    /// Forward, keeping.
    fn norm_dropout_keeping(inputs: [FloatTensor<Self>; 3], epsilon: f64, mask: Option<Mask>) -> (FloatTensor<Self>, Self::Norm);
    /// Gradients of the inputs, in their order.
    fn norm_dropout_backward(gradient: FloatTensor<Self>, kept: Self::Norm) -> [FloatTensor<Self>; 3];
}

/// Defines the node of an operation: its name, the number of its inputs, what it keeps, and its backward pass.
macro_rules! node {
    ($name:ident, $inputs:literal, $kept:ident, $backward:ident) => {
        #[derive(Debug)]
        struct $name;

        impl<B: Differentiable> Backward<B, $inputs> for $name {
            type State = B::$kept;

            fn backward(self, ops: Ops<Self::State, $inputs>, gradients: &mut Gradients, _: &mut Checkpointer) {
                let gradient = gradients.consume::<B>(&ops.node);
                for (parent, gradient) in ops.parents.into_iter().zip(B::$backward(gradient, ops.state)) {
                    if let Some(parent) = parent {
                        gradients.register::<B>(parent.id, gradient);
                    }
                }
            }
        }
    };
}

node!(Embeddings, 3, Embeddings, embeddings_backward);
node!(CrossEntropy, 1, CrossEntropy, cross_entropy_backward);
node!(SelfAttention, 7, Attention, self_attention_backward);
node!(FeedForward, 7, FeedForward, feed_forward_backward);
node!(LinearResidualNorm, 6, Residual, linear_residual_norm_backward);
node!(NormDropout, 3, Norm, norm_dropout_backward);

impl<B: Backend + Differentiable, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn embeddings(first: FloatTensor<Self>, second: FloatTensor<Self>, third: FloatTensor<Self>, ids: Lookups) -> FloatTensor<Self> {
        let tables = [first, second, third];
        let prepared = Embeddings.prepare::<C>(tables.each_ref().map(|table| table.node())).compute_bound().stateful();
        let (out, kept) = B::embeddings_keeping(tables.map(|table| table.into_primitive()), ids);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn cross_entropy(logits: FloatTensor<Self>, targets: Arc<[f32]>) -> FloatTensor<Self> {
        let prepared = CrossEntropy.prepare::<C>([logits.node()]).compute_bound().stateful();
        let (out, kept) = B::cross_entropy_keeping([logits.into_primitive()], targets);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

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
    ) -> FloatTensor<Self> {
        let inputs = [x, query_weight, query_bias, key_weight, key_bias, value_weight, value_bias];
        let prepared = SelfAttention.prepare::<C>(inputs.each_ref().map(|input| input.node())).compute_bound().stateful();
        let (out, kept) = B::self_attention_keeping(inputs.map(|input| input.into_primitive()), sequences, mask, precision);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

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
    ) -> FloatTensor<Self> {
        let inputs = [x, first_weight, first_bias, second_weight, second_bias, norm_weight, norm_bias];
        let prepared = FeedForward.prepare::<C>(inputs.each_ref().map(|input| input.node())).compute_bound().stateful();
        let (out, kept) = B::feed_forward_keeping(inputs.map(|input| input.into_primitive()), epsilon, mask, precision);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

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
    ) -> FloatTensor<Self> {
        let inputs = [x, weight, bias, residual, norm_weight, norm_bias];
        let prepared = LinearResidualNorm.prepare::<C>(inputs.each_ref().map(|input| input.node())).compute_bound().stateful();
        let (out, kept) = B::linear_residual_norm_keeping(inputs.map(|input| input.into_primitive()), epsilon, mask, precision);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }

    fn norm_dropout(
        x: FloatTensor<Self>,
        norm_weight: FloatTensor<Self>,
        norm_bias: FloatTensor<Self>,
        epsilon: f64,
        mask: Option<Mask>,
    ) -> FloatTensor<Self> {
        let inputs = [x, norm_weight, norm_bias];
        let prepared = NormDropout.prepare::<C>(inputs.each_ref().map(|input| input.node())).compute_bound().stateful();
        let (out, kept) = B::norm_dropout_keeping(inputs.map(|input| input.into_primitive()), epsilon, mask);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}

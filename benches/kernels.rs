//! The time of each fused operation at MiniLM's sizes, 16 rows of 128 tokens, beside the same in burn's primitives. Making the
//! inputs, which takes a fraction of it, is part of both.
//!
//! `cargo bench --bench kernels`

use burn::tensor::{Device, Tensor, TensorData};
use divan::Bencher;
use rtrain::kernels::{Linear, Norm, Queries, Sequences, feed_forward, linear_residual_norm, norm_dropout, reference, self_attention};

const ROWS: usize = 16;
const LENGTH: usize = 128;
const HEADS: usize = 12;
const WIDTH: usize = 384;
const INNER: usize = 1536;

fn main() {
    divan::main();
}

/// What the operations are given, as leaves of an autodiff graph or not.
struct Inputs {
    device: Device,
    differentiable: bool,
    sequences: Sequences,
}

impl Inputs {
    fn new(differentiable: bool) -> Self {
        let device = if differentiable { Device::flex().autodiff() } else { Device::flex() };
        let sequences = Sequences::new((0..=ROWS).map(|row| row * LENGTH), HEADS);
        Inputs { device, differentiable, sequences }
    }

    fn tensor<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|place: usize| ((place * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.1).collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), &self.device);
        if self.differentiable { tensor.require_grad() } else { tensor }
    }

    fn rows(&self, width: usize) -> Tensor<2> {
        self.tensor([ROWS * LENGTH, width])
    }

    fn linear(&self, inner: usize, width: usize) -> Linear {
        Linear { weight: self.tensor([width, inner]), bias: self.tensor([width]) }
    }

    fn projections(&self) -> [Linear; 3] {
        std::array::from_fn(|_| self.linear(WIDTH, WIDTH))
    }

    fn feed_forward(&self) -> [Linear; 2] {
        [self.linear(WIDTH, INNER), self.linear(INNER, WIDTH)]
    }

    fn norm(&self) -> Norm {
        Norm { weight: self.tensor([WIDTH]), bias: self.tensor([WIDTH]), epsilon: 1e-12 }
    }
}

/// An operation at these sizes.
type Operation = fn(&Inputs) -> Tensor<2>;

/// Fused, or of burn's primitives. All come twice: forward, and with their backward passes.
const OPERATIONS: [(&str, Operation); 9] = [
    ("attention", |inputs| self_attention(inputs.rows(WIDTH), inputs.projections(), &inputs.sequences, None)),
    ("attention, reference", |inputs| reference::self_attention(inputs.rows(WIDTH), inputs.projections(), &inputs.sequences, None)),
    ("attention of first tokens", |inputs| {
        self_attention(inputs.rows(WIDTH), inputs.projections(), &inputs.sequences.with_queries(Queries::First), None)
    }),
    ("feed forward", |inputs| feed_forward(inputs.rows(WIDTH), inputs.feed_forward(), inputs.norm(), None)),
    ("feed forward, reference", |inputs| reference::feed_forward(inputs.rows(WIDTH), inputs.feed_forward(), inputs.norm(), None)),
    ("residual norm", |inputs| {
        linear_residual_norm(inputs.rows(WIDTH), inputs.linear(WIDTH, WIDTH), inputs.rows(WIDTH), inputs.norm(), None)
    }),
    ("residual norm, reference", |inputs| {
        reference::linear_residual_norm(inputs.rows(WIDTH), inputs.linear(WIDTH, WIDTH), inputs.rows(WIDTH), inputs.norm(), None)
    }),
    ("norm", |inputs| norm_dropout(inputs.rows(WIDTH), inputs.norm(), None)),
    ("norm, reference", |inputs| reference::norm_dropout(inputs.rows(WIDTH), inputs.norm(), None)),
];

#[divan::bench(args = OPERATIONS.map(|(name, _)| name), sample_count = 15)]
fn forward(bencher: Bencher<'_, '_>, name: &str) {
    let inputs = Inputs::new(false);
    bencher.bench_local(|| operation(name)(&inputs).into_data());
}

#[divan::bench(args = OPERATIONS.map(|(name, _)| name), sample_count = 15)]
fn forward_and_backward(bencher: Bencher<'_, '_>, name: &str) {
    let inputs = Inputs::new(true);
    bencher.bench_local(|| operation(name)(&inputs).sum().backward());
}

fn operation(name: &str) -> Operation {
    OPERATIONS.into_iter().find(|(known, _)| *known == name).expect("an operation of the table").1
}

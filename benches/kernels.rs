//! The time of each fused operation at MiniLM's sizes, 16 rows of 128 tokens, beside the same in burn's primitives.
//!
//! `cargo bench --bench kernels`

use burn::tensor::{Device, Tensor, TensorData};
use divan::{Bencher, black_box};
use rtrain::kernels::{
    Linear, Norm, Precision, Queries, Sequences, feed_forward, linear_residual_norm, norm_dropout, reference, self_attention,
};

use rtrain::model::Dropout;
use rtrain::random::Generators;

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
    x: Tensor<2>,
    residual: Tensor<2>,
    projections: [Linear; 3],
    dense: Linear,
    feed_forward: [Linear; 2],
    norm: Norm,
    sequences: Sequences,
}

impl Inputs {
    fn new(differentiable: bool) -> Self {
        let linear = |inner, width| Linear { weight: tensor([width, inner], differentiable), bias: tensor([width], differentiable) };
        Inputs {
            x: tensor([ROWS * LENGTH, WIDTH], differentiable),
            residual: tensor([ROWS * LENGTH, WIDTH], differentiable),
            projections: std::array::from_fn(|_| linear(WIDTH, WIDTH)),
            dense: linear(WIDTH, WIDTH),
            feed_forward: [linear(WIDTH, INNER), linear(INNER, WIDTH)],
            norm: Norm { weight: tensor([WIDTH], differentiable), bias: tensor([WIDTH], differentiable), epsilon: 1e-12 },
            sequences: Sequences::new((0..=ROWS).map(|row| row * LENGTH), HEADS),
        }
    }
}

fn tensor<const D: usize>(shape: [usize; D], differentiable: bool) -> Tensor<D> {
    let device = if differentiable { Device::flex().autodiff() } else { Device::flex() };
    let values: Vec<f32> = (0..shape.iter().product()).map(|place: usize| ((place * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.1).collect();
    let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
    if differentiable { tensor.require_grad() } else { tensor }
}

/// An operation at these sizes.
type Operation = fn(&Inputs) -> Tensor<2>;

/// Fused, or of burn's primitives. All come twice: forward, and with their backward passes.
const OPERATIONS: [(&str, Operation); 10] = [
    ("attention", |inputs| self_attention(inputs.x.clone(), inputs.projections.clone(), &inputs.sequences, None, Precision::F32)),
    ("attention, reference", |inputs| reference::self_attention(inputs.x.clone(), inputs.projections.clone(), &inputs.sequences, None)),
    ("attention of first tokens", |inputs| {
        self_attention(inputs.x.clone(), inputs.projections.clone(), &inputs.sequences.with_queries(Queries::First), None, Precision::F32)
    }),
    ("feed forward", |inputs| feed_forward(inputs.x.clone(), inputs.feed_forward.clone(), inputs.norm.clone(), None, Precision::F32)),
    ("feed forward, bf16", |inputs| {
        feed_forward(inputs.x.clone(), inputs.feed_forward.clone(), inputs.norm.clone(), None, Precision::Bf16)
    }),
    ("feed forward, reference", |inputs| reference::feed_forward(inputs.x.clone(), inputs.feed_forward.clone(), inputs.norm.clone(), None)),
    ("residual norm", |inputs| {
        linear_residual_norm(inputs.x.clone(), inputs.dense.clone(), inputs.residual.clone(), inputs.norm.clone(), None, Precision::F32)
    }),
    ("residual norm, reference", |inputs| {
        reference::linear_residual_norm(inputs.x.clone(), inputs.dense.clone(), inputs.residual.clone(), inputs.norm.clone(), None)
    }),
    ("norm", |inputs| norm_dropout(inputs.x.clone(), inputs.norm.clone(), None)),
    ("norm, reference", |inputs| reference::norm_dropout(inputs.x.clone(), inputs.norm.clone(), None)),
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

/// The masks of all 6 layers of MiniLM, from torch's generator and from the fast one.
#[divan::bench(args = ["torch", "fast"])]
fn masks_of_a_step(bencher: Bencher<'_, '_>, generator: &str) {
    let sequences = Inputs::new(false).sequences;
    let generators = Generators::new(42);
    let mut generators = if generator == "fast" { generators.with_fast_dropout(42) } else { generators };
    bencher.bench_local(|| {
        let mut dropout = Dropout::new(&mut generators, None);
        (0..13).for_each(|_| drop(black_box(dropout.rows(&sequences, WIDTH, 0.1))));
        (0..6).for_each(|_| drop(black_box(dropout.scores(&sequences, 0.1))));
    });
}

fn operation(name: &str) -> Operation {
    OPERATIONS.into_iter().find(|(known, _)| *known == name).expect("an operation of the table").1
}

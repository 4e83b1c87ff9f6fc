//! Every operation against its reference: what it gives, and the gradient of each input.

use super::{Linear, Mask, Norm, Precision, Queries, Sequences, reference};
use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

const EPSILON: f64 = 1e-5;

/// Values between -1 and 1 that look random.
struct Noise(u64);

impl Noise {
    fn values(&mut self, count: usize) -> Vec<f32> {
        let mut value = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| value()).collect()
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Input {
        Input { values: self.values(rows * columns), shape: vec![rows, columns] }
    }

    fn vector(&mut self, length: usize) -> Input {
        Input { values: self.values(length), shape: vec![length] }
    }

    fn mask(&mut self, count: usize) -> Mask {
        Mask { keep: self.values(count).into_iter().map(|value| u8::from(value > -0.5)).collect::<Vec<u8>>().into(), scale: 1.25 }
    }
}

struct Input {
    values: Vec<f32>,
    shape: Vec<usize>,
}

/// The inputs of an operation as tensors: matrices, and vectors as matrices of one row.
type Operation<'a> = dyn Fn(&[Tensor<2>]) -> Tensor<2> + 'a;

fn vector(row: &Tensor<2>) -> Tensor<1> {
    row.clone().reshape([-1])
}

fn linear(weight: &Tensor<2>, bias: &Tensor<2>) -> Linear {
    Linear { weight: weight.clone(), bias: vector(bias) }
}

fn norm(weight: &Tensor<2>, bias: &Tensor<2>) -> Norm {
    Norm { weight: vector(weight), bias: vector(bias), epsilon: EPSILON }
}

/// The result, and the gradients of a weighted sum of it.
fn run(operation: &Operation<'_>, inputs: &[Input], weights: &[f32]) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let tensor = |input: &Input| {
        let shape = [if input.shape.len() == 2 { input.shape[0] } else { 1 }, input.shape[input.shape.len() - 1]];
        Tensor::<2>::from_data(TensorData::new(input.values.clone(), shape), &device).require_grad()
    };
    let tensors: Vec<Tensor<2>> = inputs.iter().map(tensor).collect();
    let out = operation(&tensors);
    let weights = Tensor::from_data(TensorData::new(weights[..out.shape().num_elements()].to_vec(), out.dims()), &device);
    let gradients = (out.clone() * weights).sum().backward();
    let mut results = vec![out.into_data().try_into_vec().unwrap()];
    results.extend(tensors.iter().map(|tensor| tensor.grad(&gradients).unwrap().into_data().try_into_vec().unwrap()));
    results
}

/// Within what share of the greatest value of a result, or of 1, both ways agree: the gradient of a key's bias is noise around 0.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 2e-5,
        Precision::Bf16 => 4e-2,
    }
}

fn precisions() -> impl Strategy<Value = Precision> {
    prop::sample::select(vec![Precision::F32, Precision::Bf16])
}

fn assert_same(fast: &Operation<'_>, slow: &Operation<'_>, inputs: &[Input], tolerance: f32, noise: &mut Noise) {
    let weights = noise.values(1 << 14);
    for (index, (fast, slow)) in run(fast, inputs, &weights).iter().zip(run(slow, inputs, &weights)).enumerate() {
        let largest = slow.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
        for (place, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
            assert!((fast - slow).abs() <= tolerance * largest, "result {index} at {place}: {fast}, not {slow}; the largest is {largest}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn self_attention(
        lengths in prop::collection::vec(0_usize..40, 1..5),
        heads in 1_usize..4,
        size in 1_usize..20,
        queries in prop::sample::select(vec![Queries::All, Queries::First]),
        dropout in prop::bool::ANY,
        precision in precisions(),
        seed in any::<u64>(),
    ) {
        prop_assume!(lengths.iter().sum::<usize>() > 0);
        let ends = lengths.iter().scan(0, |end, length| { *end += length; Some(*end) });
        let sequences = Sequences::new(std::iter::once(0).chain(ends), heads).with_queries(queries);
        let (width, mut noise) = (heads * size, Noise(seed));
        let mut inputs = vec![noise.matrix(lengths.iter().sum(), width)];
        for _ in 0..3 {
            inputs.extend([noise.matrix(width, width), noise.vector(width)]);
        }
        let mask = dropout.then(|| noise.mask(sequences.scores()));
        let layers = |inputs: &[Tensor<2>]| [1, 3, 5].map(|first| linear(&inputs[first], &inputs[first + 1]));
        let fast = |inputs: &[Tensor<2>]| super::self_attention(inputs[0].clone(), layers(inputs), &sequences, mask.clone(), precision);
        let slow = |inputs: &[Tensor<2>]| reference::self_attention(inputs[0].clone(), layers(inputs), &sequences, mask.clone());
        assert_same(&fast, &slow, &inputs, tolerance(precision), &mut noise);
    }

    #[test]
    fn feed_forward(
        rows in 1_usize..50,
        width in 8_usize..40,
        inner in 1_usize..70,
        dropout in prop::bool::ANY,
        precision in precisions(),
        seed in any::<u64>(),
    ) {
        let mut noise = Noise(seed);
        let mask = dropout.then(|| noise.mask(rows * width));
        let inputs = [
            noise.matrix(rows, width),
            noise.matrix(inner, width),
            noise.vector(inner),
            noise.matrix(width, inner),
            noise.vector(width),
            noise.vector(width),
            noise.vector(width),
        ];
        let arguments = |inputs: &[Tensor<2>]| {
            let layers = [linear(&inputs[1], &inputs[2]), linear(&inputs[3], &inputs[4])];
            (inputs[0].clone(), layers, norm(&inputs[5], &inputs[6]), mask.clone())
        };
        let fast = |inputs: &[Tensor<2>]| {
            let (x, layers, norm, mask) = arguments(inputs);
            super::feed_forward(x, layers, norm, mask, precision)
        };
        let slow = |inputs: &[Tensor<2>]| {
            let (x, layers, norm, mask) = arguments(inputs);
            reference::feed_forward(x, layers, norm, mask)
        };
        assert_same(&fast, &slow, &inputs, tolerance(precision), &mut noise);
    }

    #[test]
    fn linear_residual_norm(
        rows in 1_usize..50,
        inner in 1_usize..40,
        width in 8_usize..70,
        dropout in prop::bool::ANY,
        precision in precisions(),
        seed in any::<u64>(),
    ) {
        let mut noise = Noise(seed);
        let mask = dropout.then(|| noise.mask(rows * width));
        let inputs = [
            noise.matrix(rows, inner),
            noise.matrix(width, inner),
            noise.vector(width),
            noise.matrix(rows, width),
            noise.vector(width),
            noise.vector(width),
        ];
        let arguments = |inputs: &[Tensor<2>]| {
            (inputs[0].clone(), linear(&inputs[1], &inputs[2]), inputs[3].clone(), norm(&inputs[4], &inputs[5]), mask.clone())
        };
        let fast = |inputs: &[Tensor<2>]| {
            let (x, layer, residual, norm, mask) = arguments(inputs);
            super::linear_residual_norm(x, layer, residual, norm, mask, precision)
        };
        let slow = |inputs: &[Tensor<2>]| {
            let (x, layer, residual, norm, mask) = arguments(inputs);
            reference::linear_residual_norm(x, layer, residual, norm, mask)
        };
        assert_same(&fast, &slow, &inputs, tolerance(precision), &mut noise);
    }

    #[test]
    fn embeddings(
        rows in prop::collection::vec(1_usize..40, 3),
        width in 1_usize..70,
        picks in prop::collection::vec(any::<[u8; 3]>(), 1..60),
        seed in any::<u64>(),
    ) {
        let mut noise = Noise(seed);
        let inputs: Vec<Input> = rows.iter().map(|rows| noise.matrix(*rows, width)).collect();
        let ids: [Vec<i32>; 3] =
            std::array::from_fn(|table| picks.iter().map(|pick| i32::from(pick[table]) % rows[table] as i32).collect());
        let ids = ids.each_ref().map(|ids| &**ids);
        let tables = |inputs: &[Tensor<2>]| std::array::from_fn(|table| inputs[table].clone());
        let fast = |inputs: &[Tensor<2>]| super::embeddings(tables(inputs), ids);
        let slow = |inputs: &[Tensor<2>]| reference::embeddings(tables(inputs), ids);
        assert_same(&fast, &slow, &inputs, tolerance(Precision::F32), &mut noise);
    }

    #[test]
    fn cross_entropy(
        rows in 1_usize..50,
        columns in 1_usize..70,
        smoothing in prop::sample::select(vec![0.0_f32, 0.1, 1.0]),
        spread in prop::sample::select(vec![1.0_f32, 90.0]),
        seed in any::<u64>(),
    ) {
        let mut noise = Noise(seed);
        let mut logits = noise.matrix(rows, columns);
        logits.values.iter_mut().for_each(|value| *value *= spread);
        let target = |place: usize| {
            let is_label = (place / columns * 7 + 3) % columns == place % columns;
            smoothing / columns as f32 + if is_label { 1.0 - smoothing } else { 0.0 }
        };
        let targets: Vec<f32> = (0..rows * columns).map(target).collect();
        let fast = |inputs: &[Tensor<2>]| super::cross_entropy(inputs[0].clone(), targets.clone()).reshape([1, 1]);
        let slow = |inputs: &[Tensor<2>]| reference::cross_entropy(inputs[0].clone(), targets.clone()).reshape([1, 1]);
        assert_same(&fast, &slow, &[logits], tolerance(Precision::F32), &mut noise);
    }

    #[test]
    fn norm_dropout(rows in 1_usize..50, width in 8_usize..70, dropout in prop::bool::ANY, seed in any::<u64>()) {
        let mut noise = Noise(seed);
        let mask = dropout.then(|| noise.mask(rows * width));
        let inputs = [noise.matrix(rows, width), noise.vector(width), noise.vector(width)];
        let fast = |inputs: &[Tensor<2>]| super::norm_dropout(inputs[0].clone(), norm(&inputs[1], &inputs[2]), mask.clone());
        let slow = |inputs: &[Tensor<2>]| reference::norm_dropout(inputs[0].clone(), norm(&inputs[1], &inputs[2]), mask.clone());
        assert_same(&fast, &slow, &inputs, tolerance(Precision::F32), &mut noise);
    }
}

//! What holds for every optimizer.

use std::collections::BTreeMap;

use super::super::gradient::RowGradient;
use super::*;
use crate::architecture::Initializer;
use crate::format::torch::optimizer_state::{GroupSettings, OptimizerState};
use proptest::prelude::*;

const SETTINGS: UpdateSettings = UpdateSettings { learning_rate: 0.1, weight_decay: 0.5, max_grad_norm: 0.0 };

fn parameter(shape: &[usize], weight_decay: bool, construction: Construction) -> Parameter {
    Parameter {
        name: String::new(),
        shape: shape.to_vec(),
        initializer: Initializer::Zeros,
        construction,
        padding_row: None,
        weight_decay,
        tied_to: None,
    }
}

fn optimizer(sizes: &[(usize, bool)]) -> Optimizer {
    let parameter = |&(size, weight_decay): &(usize, bool)| parameter(&[size], weight_decay, Construction::Constant);
    let parameters = sizes.iter().map(parameter).collect();
    Optimizer::new(Algorithm::default(), &ParameterTable { parameters, base_parameters: sizes.len() })
}

fn dense(gradients: &[&[f32]]) -> Vec<Gradient> {
    gradients.iter().map(|gradient| Gradient::Dense(gradient.to_vec())).collect()
}

#[test]
fn the_first_step_goes_by_the_learning_rate() {
    let (mut decayed, mut plain) = ([1.0f32], [1.0f32]);
    let mut optimizer = optimizer(&[(1, true), (1, false)]);
    let norm = optimizer.step(&mut [&mut decayed, &mut plain], &dense(&[&[3.0], &[-4.0]]), &SETTINGS);
    assert_eq!(norm, 5.0);
    assert!((decayed[0] - (0.95 - 0.1)).abs() < 1e-6, "{decayed:?}");
    assert!((plain[0] - 1.1).abs() < 1e-6, "{plain:?}");
}

#[test]
fn gradients_are_clipped_together() {
    let mut optimizer = optimizer(&[(1, true), (1, false)]);
    let settings = UpdateSettings { max_grad_norm: 1.0, ..SETTINGS };
    let norm = optimizer.step(&mut [&mut [0.0], &mut [0.0]], &dense(&[&[3.0], &[4.0]]), &settings);
    let [first, second] = [optimizer.states[0].moments[0][0], optimizer.states[1].moments[0][0]];
    assert_eq!(norm, 5.0);
    assert!((first - 0.06).abs() < 1e-6 && (second - 0.08).abs() < 1e-6, "{first} {second}");
    assert_eq!(optimizer.steps(), 1);
}

/// Every algorithm, with the settings that change what is remembered.
pub(super) const ALGORITHMS: [Algorithm; 11] = [
    Algorithm::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, fused: true },
    Algorithm::AdamW { beta1: 0.8, beta2: 0.99, eps: 1e-6, fused: false },
    Algorithm::Adafactor,
    Algorithm::Sgd { momentum: None, dampening: None, nesterov: false },
    Algorithm::Sgd { momentum: Some(0.9), dampening: Some(0.1), nesterov: false },
    Algorithm::Sgd { momentum: Some(0.9), dampening: None, nesterov: true },
    Algorithm::Adagrad { lr_decay: Some(0.1), eps: 1e-10 },
    Algorithm::RmsProp { momentum: None, alpha: 0.99, eps: 1e-8, centered: false },
    Algorithm::RmsProp { momentum: Some(0.5), alpha: 0.9, eps: 1e-6, centered: false },
    Algorithm::RmsProp { momentum: Some(0.5), alpha: 0.9, eps: 1e-6, centered: true },
    Algorithm::Lion { beta1: 0.9, beta2: 0.99 },
];

#[test]
fn results_do_not_depend_on_the_threads() {
    let shapes = [vec![3 * CHUNK / 8 + 7, 8], vec![5], vec![CHUNK + 3]];
    let parameters: Vec<_> = shapes.iter().map(|shape| parameter(shape, shape.len() == 2, Construction::Constant)).collect();
    let table = ParameterTable { base_parameters: parameters.len(), parameters };
    let values: Vec<Vec<f32>> = table.parameters.iter().map(|parameter| waves(parameter.numel())).collect();
    let run = |algorithm: Algorithm, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut parameters = values.clone();
        let mut slices: Vec<&mut [f32]> = parameters.iter_mut().map(Vec::as_mut_slice).collect();
        let gradients: Vec<Gradient> = values.iter().cloned().map(Gradient::Dense).collect();
        let mut optimizer = Optimizer::new(algorithm, &table);
        let norms = [(); 2].map(|()| pool.install(|| optimizer.step(&mut slices, &gradients, &SETTINGS).to_bits()));
        (norms, parameters, optimizer)
    };
    for algorithm in ALGORITHMS {
        assert!(run(algorithm, 1) == run(algorithm, 3), "{algorithm:?}");
    }
}

const WIDTH: usize = 5;
const ROWS: usize = 6;

fn waves(numel: usize) -> Vec<f32> {
    (0..numel).map(|index| (index as f32 * 0.71).sin()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The gradient of rows that each have one value.
fn rows_gradient(rows: &BTreeMap<usize, f32>) -> Gradient {
    let mut gradient = RowGradient::default();
    for (row, value) in rows {
        let values: Vec<f32> = (0..WIDTH).map(|column| value * (column as f32 - 1.5)).collect();
        gradient.add(&[*row as i32], &values, WIDTH, None);
    }
    Gradient::Rows(gradient)
}

fn settings(step: usize) -> UpdateSettings {
    UpdateSettings { learning_rate: 0.1 / (step + 1) as f64, max_grad_norm: 1.0, ..SETTINGS }
}

fn steps() -> impl Strategy<Value = Vec<BTreeMap<usize, f32>>> {
    prop::collection::vec(prop::collection::btree_map(0..ROWS, -2.0f32..2.0, 0..3), 1..12)
}

fn table(weight_decay: bool, construction: Construction) -> ParameterTable {
    ParameterTable { parameters: vec![parameter(&[ROWS, WIDTH], weight_decay, construction)], base_parameters: 1 }
}

/// Lets an optimizer with rows take a step.
fn take(optimizer: &mut Optimizer, parameter: &mut [f32], step: usize, rows: &BTreeMap<usize, f32>) -> f64 {
    optimizer.settle(0, parameter, rows.keys().copied());
    optimizer.step(&mut [parameter], &[rows_gradient(rows)], &settings(step))
}

/// What a checkpoint would hold.
fn saved(optimizer: &mut Optimizer, parameter: &mut [f32], table: &ParameterTable) -> Vec<u8> {
    optimizer.settle_all(&mut [parameter]);
    let settings = GroupSettings { weight_decay: 0.5, lr: 0.1, initial_lr: Some(0.1) };
    OptimizerState::new(optimizer.algorithm(), &settings, optimizer.trained_parameters(table)).to_bytes()
}

proptest! {
    /// Steps that are left out and taken later have the bits of steps with a gradient of zero.
    #[test]
    fn late_rows_catch_up_bit_for_bit(
        algorithm in prop::sample::select(ALGORITHMS.as_slice()),
        steps in steps(),
        weight_decay in prop::bool::ANY,
    ) {
        let mut lazy = Optimizer::new(algorithm, &table(weight_decay, Construction::Normal));
        let mut eager = Optimizer::new(algorithm, &table(weight_decay, Construction::Uniform));
        let (mut left, mut right) = (waves(ROWS * WIDTH), waves(ROWS * WIDTH));
        for (index, rows) in steps.iter().enumerate() {
            let whole = Gradient::Dense(rows_gradient(rows).to_dense(ROWS * WIDTH, WIDTH));
            let lazy_norm = take(&mut lazy, &mut left, index, rows);
            let eager_norm = eager.step(&mut [&mut right], &[whole], &settings(index));
            prop_assert!((lazy_norm - eager_norm).abs() <= 1e-12 * eager_norm);
        }
        lazy.settle_all(&mut [&mut left]);
        prop_assert_eq!(bits(&left), bits(&right));
        for (lazy, eager) in lazy.states[0].moments.iter().zip(&eager.states[0].moments) {
            prop_assert_eq!(bits(lazy), bits(eager));
        }
        prop_assert_eq!(lazy.states[0].root_mean_square.to_bits(), eager.states[0].root_mean_square.to_bits());
    }

    /// A run that was saved, restored and goes on ends in the bits of the uninterrupted one.
    #[test]
    fn restored_optimizers_go_on_bit_for_bit(
        algorithm in prop::sample::select(ALGORITHMS.as_slice()),
        steps in steps(),
        stop in 0_usize..12,
        weight_decay in prop::bool::ANY,
    ) {
        let table = table(weight_decay, Construction::Normal);
        let (mut whole, mut parameter) = (Optimizer::new(algorithm, &table), waves(ROWS * WIDTH));
        let mut parts = (whole.clone(), parameter.clone());
        for (index, rows) in steps.iter().enumerate() {
            take(&mut whole, &mut parameter, index, rows);
            take(&mut parts.0, &mut parts.1, index, rows);
            if index == stop {
                let bytes = saved(&mut parts.0, &mut parts.1, &table);
                let state = OptimizerState::parse("optimizer.pt", &bytes).unwrap();
                parts.0 = Optimizer::restored(algorithm, &table, "optimizer.pt", &state).unwrap();
            }
        }
        prop_assert!(saved(&mut whole, &mut parameter, &table) == saved(&mut parts.0, &mut parts.1, &table));
        prop_assert_eq!(bits(&parameter), bits(&parts.1));
    }
}

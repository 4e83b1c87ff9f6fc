//! AdamW on the host.
//!
//! On the CPU the optimizer works on the tensors' own memory, in one pass over parameter, gradient and both moments. Kernels of the device
//! take its place where parameters live on a GPU.

use rayon::prelude::*;

use crate::architecture::ParameterTable;

/// Elements that one task updates, and that one partial sum of the norm covers; fixed, so that no result depends on the threads.
const CHUNK: usize = 1 << 15;

/// What one step of [`AdamW`] is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// Decoupled weight decay of the parameters that [`crate::architecture::Parameter::weight_decay`] marks.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the corrected second moment.
    pub epsilon: f64,
    /// The norm that gradients are clipped to; no clipping where it is 0 or less.
    pub max_grad_norm: f64,
}

/// Adam with decoupled weight decay, and clipping by the norm of all gradients together.
///
/// # Numerics
/// Moments and parameters are `f32`, scalars are computed in `f64` and rounded once; the norm sums squares in `f64`. Results do not depend
/// on the number of threads.
///
/// # Source
/// `torch.optim.AdamW` and `torch.nn.utils.clip_grad_norm_`; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    decays: Vec<bool>,
    exp_avg: Vec<Vec<f32>>,
    exp_avg_sq: Vec<Vec<f32>>,
    steps: u64,
}

impl AdamW {
    /// An optimizer that has made no step.
    pub fn new(table: &ParameterTable) -> Self {
        let zeros = || table.parameters.iter().map(|parameter| vec![0.0; parameter.numel()]).collect();
        let decays = table.parameters.iter().map(|parameter| parameter.weight_decay).collect();
        AdamW { decays, exp_avg: zeros(), exp_avg_sq: zeros(), steps: 0 }
    }

    /// Clips the gradients together, moves the parameters, and returns the norm that the gradients had before.
    ///
    /// # Shapes
    /// `parameters` and `gradients` hold one slice a parameter, in the order of the table.
    ///
    /// # Panics
    /// Where slices do not fit the table.
    pub fn step(&mut self, parameters: &mut [&mut [f32]], gradients: &[&[f32]], settings: &AdamWSettings) -> f64 {
        assert!(parameters.len() == self.decays.len() && gradients.len() == self.decays.len(), "one slice a parameter");
        let norm = global_norm(gradients);
        self.steps += 1;
        let update = Update::new(settings, norm, self.steps);
        let moments = self.exp_avg.iter_mut().zip(&mut self.exp_avg_sq);
        let mut chunks = Vec::new();
        for (((parameter, gradient), (exp_avg, exp_avg_sq)), decay) in parameters.iter_mut().zip(gradients).zip(moments).zip(&self.decays) {
            assert!(parameter.len() == exp_avg.len() && gradient.len() == exp_avg.len(), "slices fit the table");
            let shrink = if *decay { update.shrink } else { 1.0 };
            let slices = parameter.chunks_mut(CHUNK).zip(gradient.chunks(CHUNK));
            let moments = exp_avg.chunks_mut(CHUNK).zip(exp_avg_sq.chunks_mut(CHUNK));
            chunks.extend(slices.zip(moments).map(|((parameter, gradient), (exp_avg, exp_avg_sq))| Chunk {
                parameter,
                gradient,
                exp_avg,
                exp_avg_sq,
                shrink,
            }));
        }
        chunks.into_par_iter().for_each(|chunk| update.apply(chunk));
        norm
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The first moments, in the order of the table.
    pub fn exp_avg(&self) -> &[Vec<f32>] {
        &self.exp_avg
    }

    /// The second moments, in the order of the table.
    pub fn exp_avg_sq(&self) -> &[Vec<f32>] {
        &self.exp_avg_sq
    }
}

/// The Euclidean norm of all gradients together.
///
/// # Numerics
/// Squares and sums are `f64`, in an order that the lengths alone decide.
pub fn global_norm(gradients: &[&[f32]]) -> f64 {
    let chunks: Vec<&[f32]> = gradients.iter().flat_map(|gradient| gradient.chunks(CHUNK)).collect();
    let sums: Vec<f64> = chunks.into_par_iter().map(sum_of_squares).collect();
    sums.iter().sum::<f64>().sqrt()
}

fn sum_of_squares(values: &[f32]) -> f64 {
    const LANES: usize = 16;
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            *sum += f64::from(*value) * f64::from(*value);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>()
}

struct Chunk<'a> {
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    exp_avg: &'a mut [f32],
    exp_avg_sq: &'a mut [f32],
    shrink: f32,
}

/// The scalars of one step.
struct Update {
    clip: f32,
    shrink: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    root_correction2: f32,
    epsilon: f32,
    step_size: f32,
}

impl Update {
    fn new(settings: &AdamWSettings, norm: f64, step: u64) -> Self {
        let clip = if settings.max_grad_norm > 0.0 { (settings.max_grad_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        Update {
            clip: clip as f32,
            shrink: (1.0 - settings.learning_rate * settings.weight_decay) as f32,
            one_minus_beta1: (1.0 - settings.beta1) as f32,
            beta2: settings.beta2 as f32,
            one_minus_beta2: (1.0 - settings.beta2) as f32,
            root_correction2: correction(settings.beta2).sqrt() as f32,
            epsilon: settings.epsilon as f32,
            step_size: (settings.learning_rate / correction(settings.beta1)) as f32,
        }
    }

    fn apply(&self, chunk: Chunk) {
        let values = chunk.parameter.iter_mut().zip(chunk.gradient);
        let moments = chunk.exp_avg.iter_mut().zip(chunk.exp_avg_sq);
        for ((parameter, gradient), (exp_avg, exp_avg_sq)) in values.zip(moments) {
            let gradient = gradient * self.clip;
            *exp_avg += (gradient - *exp_avg) * self.one_minus_beta1;
            *exp_avg_sq = *exp_avg_sq * self.beta2 + gradient * gradient * self.one_minus_beta2;
            let denominator = exp_avg_sq.sqrt() / self.root_correction2 + self.epsilon;
            *parameter = *parameter * chunk.shrink - self.step_size * *exp_avg / denominator;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{Initializer, Parameter};

    const SETTINGS: AdamWSettings =
        AdamWSettings { learning_rate: 0.1, weight_decay: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, max_grad_norm: 0.0 };

    fn optimizer(sizes: &[(usize, bool)]) -> AdamW {
        let parameter = |&(size, weight_decay): &(usize, bool)| Parameter {
            name: String::new(),
            shape: vec![size],
            initializer: Initializer::Zeros,
            construction: crate::architecture::Construction::Constant,
            padding_row: None,
            weight_decay,
            tied_to: None,
        };
        AdamW::new(&ParameterTable { parameters: sizes.iter().map(parameter).collect(), base_parameters: sizes.len() })
    }

    #[test]
    fn the_first_step_goes_by_the_learning_rate() {
        let (mut decayed, mut plain) = ([1.0f32], [1.0f32]);
        let norm = optimizer(&[(1, true), (1, false)]).step(&mut [&mut decayed, &mut plain], &[&[3.0], &[-4.0]], &SETTINGS);
        assert_eq!(norm, 5.0);
        assert!((decayed[0] - (0.95 - 0.1)).abs() < 1e-6, "{decayed:?}");
        assert!((plain[0] - 1.1).abs() < 1e-6, "{plain:?}");
    }

    #[test]
    fn gradients_are_clipped_together() {
        let mut optimizer = optimizer(&[(1, true), (1, false)]);
        let settings = AdamWSettings { max_grad_norm: 1.0, ..SETTINGS };
        let norm = optimizer.step(&mut [&mut [0.0], &mut [0.0]], &[&[3.0], &[4.0]], &settings);
        let [first, second] = [optimizer.exp_avg()[0][0], optimizer.exp_avg()[1][0]];
        assert_eq!(norm, 5.0);
        assert!((first - 0.06).abs() < 1e-6 && (second - 0.08).abs() < 1e-6, "{first} {second}");
        assert_eq!(optimizer.steps(), 1);
    }

    #[test]
    fn results_do_not_depend_on_the_threads() {
        let sizes = [(3 * CHUNK + 7, true), (5, false), (CHUNK, true)];
        let values: Vec<Vec<f32>> = sizes.iter().map(|(size, _)| (0..*size).map(|i| (i as f32 * 0.37).sin()).collect()).collect();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut parameters = values.clone();
            let mut slices: Vec<&mut [f32]> = parameters.iter_mut().map(Vec::as_mut_slice).collect();
            let gradients: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
            let mut optimizer = optimizer(&sizes);
            let norm = pool.install(|| optimizer.step(&mut slices, &gradients, &SETTINGS));
            (norm.to_bits(), parameters, optimizer)
        };
        assert!(run(1) == run(3));
    }
}

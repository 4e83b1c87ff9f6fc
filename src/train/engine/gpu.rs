//! The engine on a GPU: it hands its work over, and waits only where something is read.

use std::rc::Rc;
use std::sync::Arc;

use super::{BatchSettings, Network, StepOutcome};
use crate::data::{Batch, Labels};
use crate::diagnostic::Result;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::gpu::{AdamW, Gpu, Masks, Model, Packed, Pass, Targets};
use crate::kernels::{Queries, Sequences};
use crate::model::{Dropout, loss, neftune};
use crate::random::Generators;
use crate::train::gradient::Gradient;
use crate::train::optimizer::{Algorithm, Optimizer, UpdateSettings};

/// As [`Engine`](super::Engine), whose methods say what these do.
///
/// AdamW takes its steps on the device. Another optimizer takes them on the host, with the gradients and weights going there and back.
#[derive(Debug)]
pub(super) struct GpuEngine {
    network: Arc<Network>,
    model: Model,
    optimizer: OptimizerPlace,
    micro_batches: usize,
    /// Whether the device has made a step whose norm was not read.
    is_norm_waiting: bool,
    found: StepOutcome,
    /// Weights and optimizer, where somebody asked for them.
    fetched: Option<Fetched>,
}

#[derive(Debug)]
enum OptimizerPlace {
    /// AdamW, and the number of steps that it has made.
    Device {
        algorithm: Algorithm,
        betas: [f64; 2],
        epsilon: f64,
        steps: u64,
    },
    Host(Box<Optimizer>),
}

#[derive(Debug)]
struct Fetched {
    weights: Vec<Vec<f32>>,
    /// That on the device, as it is now.
    optimizer: Option<Optimizer>,
}

impl GpuEngine {
    pub(super) async fn new(gpu: Rc<Gpu>, network: Arc<Network>, weights: &[Vec<f32>]) -> Result<GpuEngine> {
        let model = Model::new(gpu, &network.config, &network.table, weights).await?;
        let optimizer = OptimizerPlace::new(Algorithm::default(), &network);
        Ok(GpuEngine { network, model, optimizer, micro_batches: 0, is_norm_waiting: false, found: StepOutcome::default(), fetched: None })
    }

    pub(super) fn set_algorithm(&mut self, algorithm: Algorithm) {
        self.optimizer = OptimizerPlace::new(algorithm, &self.network);
        self.model.clear_moments();
    }

    pub(super) fn set_weights(&mut self, weights: &[Vec<f32>]) {
        self.fetched = None;
        self.model.set_weights(weights.iter().map(Vec::as_slice));
    }

    pub(super) fn restore_optimizer(&mut self, path: &str, state: &OptimizerState<'_>) -> Result<()> {
        let table = &self.network.table;
        match &mut self.optimizer {
            OptimizerPlace::Device { algorithm, steps, .. } => {
                let restored = Optimizer::restored(*algorithm, table, path, state)?;
                *steps = restored.steps();
                let moment = |place: usize| restored.moments().map(move |moments| moments[place].as_slice());
                self.model.set_moments(moment(0), moment(1));
            }
            OptimizerPlace::Host(optimizer) => **optimizer = Optimizer::restored(*optimizer.algorithm(), table, path, state)?,
        }
        self.fetched = None;
        Ok(())
    }

    pub(super) async fn accumulate(&mut self, batch: &Batch, settings: &BatchSettings, generators: Option<&mut Generators>) -> Result<()> {
        if self.model.is_full() {
            self.read_results().await?;
        }
        let (masks, noise) = self.draw(batch, settings, generators);
        let labels = batch.labels.as_ref().expect("a batch to train on has labels");
        let targets = targets(labels, self.network.config.num_labels, settings.label_smoothing_factor);
        self.model.accumulate(&Pass {
            packed: packed(batch),
            targets: &targets,
            masks: &masks,
            noise: noise.as_deref(),
            recompute: settings.gradient_checkpointing,
        });
        self.micro_batches += 1;
        Ok(())
    }

    pub(super) async fn apply(&mut self, settings: &UpdateSettings) -> Result<()> {
        self.fetched = None;
        let count = std::mem::take(&mut self.micro_batches);
        match &mut self.optimizer {
            OptimizerPlace::Device { betas, epsilon, steps, .. } => {
                *steps += 1;
                self.model.apply(
                    AdamW::new(settings.learning_rate, settings.weight_decay, *steps, *betas, *epsilon),
                    settings.max_grad_norm as f32,
                );
                self.is_norm_waiting = true;
            }
            OptimizerPlace::Host(optimizer) => {
                let mut gradients = self.model.gradients().await?;
                gradients.iter_mut().flatten().for_each(|value| *value /= count.max(1) as f32);
                let gradients: Vec<Gradient> = gradients.into_iter().map(Gradient::Dense).collect();
                let mut weights = self.model.weights().await?;
                let mut slices: Vec<&mut [f32]> = weights.iter_mut().map(Vec::as_mut_slice).collect();
                optimizer.settle_all(&mut slices);
                self.found.gradient_norm = Some(optimizer.step(&mut slices, &gradients, settings));
                optimizer.settle_all(&mut slices);
                self.model.set_weights(weights.iter().map(Vec::as_slice));
                self.model.forget_gradients();
            }
        }
        Ok(())
    }

    pub(super) async fn outcome(&mut self) -> Result<StepOutcome> {
        self.read_results().await?;
        Ok(std::mem::take(&mut self.found))
    }

    pub(super) async fn logits(&mut self, batch: &Batch) -> Result<Vec<f32>> {
        self.model.logits(packed(batch)).await
    }

    pub(super) async fn gradients(&mut self, batch: &Batch, label_smoothing_factor: f64) -> Result<(f64, Vec<Vec<f32>>)> {
        let settings = BatchSettings { label_smoothing_factor, ..BatchSettings::default() };
        self.accumulate(batch, &settings, None).await?;
        let gradients = self.model.gradients().await?;
        self.model.forget_gradients();
        self.micro_batches = 0;
        let loss = self.outcome().await?.losses.last().copied().unwrap_or_default();
        Ok((loss, gradients))
    }

    pub(super) async fn fetch(&mut self) -> Result<()> {
        let optimizer = match &self.optimizer {
            OptimizerPlace::Device { algorithm, steps, .. } => {
                let [first, second] = self.model.moments().await?;
                let moments = first.into_iter().zip(second).map(|(first, second)| vec![first, second]);
                Some(Optimizer::going_on(*algorithm, &self.network.table, *steps, moments))
            }
            OptimizerPlace::Host(_) => None,
        };
        self.fetched = Some(Fetched { weights: self.model.weights().await?, optimizer });
        Ok(())
    }

    pub(super) fn with_state<R>(&mut self, read: impl FnOnce(&[&[f32]], &Optimizer) -> R) -> R {
        let Fetched { weights, optimizer } = self.fetched.as_ref().expect("what is shown was fetched");
        let weights: Vec<&[f32]> = weights.iter().map(Vec::as_slice).collect();
        match (&self.optimizer, optimizer) {
            (_, Some(optimizer)) => read(&weights, optimizer),
            (OptimizerPlace::Host(optimizer), None) => read(&weights, optimizer),
            (OptimizerPlace::Device { .. }, None) => unreachable!("the optimizer is fetched with the weights"),
        }
    }

    /// Waits for the device.
    async fn read_results(&mut self) -> Result<()> {
        let (norm, losses) = self.model.results().await?;
        self.found.losses.extend(losses.into_iter().map(f64::from));
        if std::mem::take(&mut self.is_norm_waiting) {
            self.found.gradient_norm = Some(f64::from(norm));
        }
        Ok(())
    }

    /// What is drawn for a batch, in the order in which torch does: noise, and then masks from the first layer to the last.
    fn draw(&self, batch: &Batch, settings: &BatchSettings, generators: Option<&mut Generators>) -> (Masks, Option<Vec<f32>>) {
        let (config, padded_length) = (&self.network.config, settings.padded_length);
        let Some(generators) = generators else { return (Masks::default(), None) };
        let noise = settings
            .neftune_noise_alpha
            .map(|alpha| neftune::noise(&mut generators.torch, batch, padded_length, config.hidden_size, alpha));
        let all = Sequences::new(batch.offsets.iter().copied(), config.num_attention_heads);
        let first = all.with_queries(Queries::First);
        let mut dropout = Dropout::new(generators, padded_length);
        let (width, hidden, scores) = (config.hidden_size, config.hidden_dropout_prob, config.attention_probs_dropout_prob);
        let embeddings = dropout.rows(&all, width, hidden);
        let layers = (1..=config.num_hidden_layers).map(|layer| {
            let sequences = if layer == config.num_hidden_layers { &first } else { &all };
            let scores = dropout.scores(sequences, scores);
            [scores, dropout.rows(sequences, width, hidden), dropout.rows(sequences, width, hidden)]
        });
        let layers = layers.collect();
        let pooled = dropout.elements(first.len() * width, config.classifier_dropout);
        (Masks { embeddings, layers, pooled }, noise)
    }
}

impl OptimizerPlace {
    fn new(algorithm: Algorithm, network: &Network) -> Self {
        match algorithm {
            Algorithm::AdamW { beta1, beta2, eps, .. } => {
                OptimizerPlace::Device { algorithm, betas: [beta1, beta2], epsilon: eps, steps: 0 }
            }
            _ => OptimizerPlace::Host(Box::new(Optimizer::new(algorithm, &network.table))),
        }
    }
}

fn packed(batch: &Batch) -> Packed<'_> {
    Packed { ids: [&batch.token_ids, &batch.token_type_ids, &batch.position_ids], offsets: &batch.offsets }
}

fn targets(labels: &Labels, num_labels: usize, label_smoothing_factor: f64) -> Targets {
    match labels {
        Labels::Classes(classes) => Targets::Probabilities(loss::probabilities(classes, num_labels, label_smoothing_factor)),
        Labels::MultiHot { values, .. } => Targets::Hot(values.clone()),
        Labels::Values(values) => Targets::Numbers(values.clone()),
    }
}

//! A model in training: weights, gradients, optimizer, one step at a time.
//!
//! What it runs on is one of several kinds, whose names stand here only. A device may take its time, and answer later: what hands it work
//! returns at once, and what reads from it is waited for.

mod cpu;
#[cfg(test)]
mod golden;
mod gpu;

use burn::tensor::{Device, Tensor, TensorData};
use std::rc::Rc;
use std::sync::Arc;

use super::optimizer::{Algorithm, Optimizer, UpdateSettings};
use crate::architecture::{BertConfig, ParameterTable};
use crate::data::{Batch, Labels};
use crate::diagnostic::Result;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::gpu::Gpu;
use crate::kernels::Precision;
use crate::model::loss;
use crate::random::Generators;
use cpu::CpuEngine;
use gpu::GpuEngine;

/// A BERT classifier with its optimizer.
#[derive(Debug)]
pub struct Engine {
    network: Arc<Network>,
    kind: Kind,
    /// Whether weights and optimizer are on the host as they are now.
    is_fetched: bool,
}

/// What it runs on.
#[derive(Debug)]
enum Kind {
    Cpu(Box<CpuEngine>),
    Gpu(Box<GpuEngine>),
}

/// What is computed, whatever it runs on.
#[derive(Debug)]
struct Network {
    config: BertConfig,
    table: ParameterTable,
}

/// How the gradient of a micro batch is computed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchSettings {
    /// Label smoothing of class labels; callers refuse a factor other than 0 with labels of another kind.
    pub label_smoothing_factor: f64,
    /// How much noise is added to the words' embeddings ([`neftune`](crate::model::neftune)); none where this is nothing.
    pub neftune_noise_alpha: Option<f64>,
    /// What torch would pad batches to; nothing to pad to the longest row. It decides which draws of dropout belong to padding.
    pub padded_length: Option<usize>,
    /// Whether the backward pass computes each layer once more, so that only one layer's activations are in memory at a time.
    pub gradient_checkpointing: bool,
}

/// What was found since the last outcome.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepOutcome {
    /// The loss of each micro batch.
    pub losses: Vec<f64>,
    /// The norm of all gradients before clipping, where they were [applied](Engine::apply).
    pub gradient_norm: Option<f64>,
}

impl StepOutcome {
    /// The mean loss of the micro batches.
    pub fn loss(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len().max(1) as f64
    }
}

impl Engine {
    /// An engine on the CPU with weights in the order of the table, and an optimizer, AdamW, that has made no step.
    ///
    /// # Panics
    /// Where the weights do not fit the table.
    pub fn new(config: BertConfig, table: ParameterTable, weights: Vec<Vec<f32>>) -> Engine {
        let network = Arc::new(Network { config, table });
        Engine { kind: Kind::Cpu(Box::new(CpuEngine::new(Arc::clone(&network), weights))), network, is_fetched: false }
    }

    /// An engine on a GPU, as [`Engine::new`].
    ///
    /// # Errors
    /// `device-limit` or `device-refused` where the device is too small for the model; the device is lost.
    ///
    /// # Panics
    /// Where the weights do not fit the table.
    pub async fn on(gpu: Rc<Gpu>, config: BertConfig, table: ParameterTable, weights: Vec<Vec<f32>>) -> Result<Engine> {
        let network = Arc::new(Network { config, table });
        let engine = GpuEngine::new(gpu, Arc::clone(&network), &weights).await?;
        Ok(Engine { kind: Kind::Gpu(Box::new(engine)), network, is_fetched: false })
    }

    /// The same engine, with another optimizer, which has made no step.
    #[must_use]
    pub fn with_optimizer(mut self, algorithm: Algorithm) -> Engine {
        self.is_fetched = false;
        match &mut self.kind {
            Kind::Cpu(engine) => engine.set_algorithm(algorithm),
            Kind::Gpu(engine) => engine.set_algorithm(algorithm),
        }
        self
    }

    /// The same engine, with other products of linear layers; weights, gradients and moments stay `f32`. A GPU computes in `f32` only.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Engine {
        match &mut self.kind {
            Kind::Cpu(engine) => engine.set_precision(precision),
            Kind::Gpu(_) => assert_eq!(precision, Precision::F32, "callers refuse bfloat16 on a GPU"),
        }
        self
    }

    /// Puts other weights, in the order of the table, in the place of those that were there; the optimizer stays as it is.
    ///
    /// # Errors
    /// The device is lost.
    ///
    /// # Panics
    /// Where the weights do not fit the table.
    pub async fn set_weights(&mut self, weights: Vec<Vec<f32>>) -> Result<()> {
        self.is_fetched = false;
        match &mut self.kind {
            Kind::Cpu(engine) => engine.set_weights(weights),
            Kind::Gpu(engine) => engine.set_weights(&weights),
        }
        Ok(())
    }

    /// Lets the optimizer go on from what a checkpoint remembers of it, which must be in memory as a whole; `path` is what errors call it.
    ///
    /// # Errors
    /// Those of [`Optimizer::restored`]; the optimizer then stays as it was. The device is lost.
    pub async fn restore_optimizer(&mut self, path: &str, state: &OptimizerState<'_>) -> Result<()> {
        self.is_fetched = false;
        match &mut self.kind {
            Kind::Cpu(engine) => engine.restore_optimizer(path, state),
            Kind::Gpu(engine) => engine.restore_optimizer(path, state),
        }
    }

    /// [Accumulates](Engine::accumulate) the micro batches, [applies](Engine::apply) their gradients, and waits for the [outcome](Engine::outcome).
    ///
    /// # Errors
    /// The device is lost.
    ///
    /// # Panics
    /// Where a batch has no rows or no labels, or does not fit the model.
    pub async fn train_step(
        &mut self,
        micro_batches: &[Batch],
        batch: &BatchSettings,
        update: &UpdateSettings,
        mut dropout: Option<&mut Generators>,
    ) -> Result<StepOutcome> {
        for micro_batch in micro_batches {
            self.accumulate(micro_batch, batch, dropout.as_deref_mut()).await?;
        }
        self.apply(update).await?;
        self.outcome().await
    }

    /// Adds the gradient of a micro batch to those since the last step. The weights stay; the loss is a part of the [outcome](Engine::outcome).
    ///
    /// # Errors
    /// The device is lost.
    ///
    /// # Panics
    /// Where the batch has no rows or no labels, or does not fit the model.
    pub async fn accumulate(&mut self, batch: &Batch, settings: &BatchSettings, dropout: Option<&mut Generators>) -> Result<()> {
        match &mut self.kind {
            Kind::Cpu(engine) => engine.accumulate(batch, settings, dropout),
            Kind::Gpu(engine) => engine.accumulate(batch, settings, dropout).await?,
        }
        Ok(())
    }

    /// Averages the gradients of the micro batches since the last step, clips them, and moves the weights; the norm that the gradients had
    /// before they were clipped is a part of the [outcome](Engine::outcome).
    ///
    /// transformers 5.23.0 adds where this averages; `docs/differences.md` has the reason.
    ///
    /// # Errors
    /// The device is lost.
    pub async fn apply(&mut self, settings: &UpdateSettings) -> Result<()> {
        self.is_fetched = false;
        match &mut self.kind {
            Kind::Cpu(engine) => engine.apply(settings),
            Kind::Gpu(engine) => engine.apply(settings).await?,
        }
        Ok(())
    }

    /// Waits for what was begun since the last outcome, and says what was found.
    ///
    /// # Errors
    /// The device is lost.
    pub async fn outcome(&mut self) -> Result<StepOutcome> {
        Ok(match &mut self.kind {
            Kind::Cpu(engine) => engine.outcome(),
            Kind::Gpu(engine) => engine.outcome().await?,
        })
    }

    /// The logits of a batch in evaluation mode. Between two micro batches it may be asked for too.
    ///
    /// # Shapes
    /// (B, `num_labels`), row-major.
    ///
    /// # Errors
    /// The device is lost.
    ///
    /// # Panics
    /// Where the batch has no rows or does not fit the model.
    pub async fn logits(&mut self, batch: &Batch) -> Result<Vec<f32>> {
        Ok(match &mut self.kind {
            Kind::Cpu(engine) => engine.logits(batch),
            Kind::Gpu(engine) => engine.logits(batch).await?,
        })
    }

    /// The loss of logits, as [`Engine::logits`] gives them; on the host, in `f32`, averaged over the batch.
    ///
    /// The Trainer smooths labels in evaluation too where `label_smoothing_factor` is not 0.
    ///
    /// # Panics
    /// Where the labels do not fit the logits.
    pub fn loss(&self, logits: &[f32], labels: &Labels, label_smoothing_factor: f64) -> f64 {
        let shape = [labels.len(), self.config().num_labels];
        let logits = Tensor::from_data(TensorData::new(logits.to_vec(), shape), &Device::flex());
        f64::from(loss::loss(logits, labels, label_smoothing_factor).into_scalar::<f32>())
    }

    /// The loss of a batch and the gradient of every parameter, without dropout; zeros for a parameter that received none.
    ///
    /// # Errors
    /// The device is lost.
    ///
    /// # Panics
    /// Where the batch has no rows or no labels, or does not fit the model.
    pub async fn gradients(&mut self, batch: &Batch, label_smoothing_factor: f64) -> Result<(f64, Vec<(String, Vec<f32>)>)> {
        let (loss, gradients) = match &mut self.kind {
            Kind::Cpu(engine) => engine.gradients(batch, label_smoothing_factor),
            Kind::Gpu(engine) => engine.gradients(batch, label_smoothing_factor).await?,
        };
        let names = self.table().parameters.iter().map(|parameter| parameter.name.clone());
        Ok((loss, names.zip(gradients).collect()))
    }

    /// Brings weights and optimizer to the host, where they can be shown until they change.
    ///
    /// # Errors
    /// The device is lost.
    pub async fn fetch(&mut self) -> Result<()> {
        match &mut self.kind {
            Kind::Cpu(_) => {}
            Kind::Gpu(engine) => engine.fetch().await?,
        }
        self.is_fetched = true;
        Ok(())
    }

    /// Shows the weights, in the order of the table.
    ///
    /// # Panics
    /// Where they were not [fetched](Engine::fetch) since they last changed.
    pub fn with_weights<R>(&mut self, read: impl FnOnce(&[&[f32]]) -> R) -> R {
        self.with_state(|weights, _| read(weights))
    }

    /// Shows the weights, in the order of the table, and the optimizer.
    ///
    /// # Panics
    /// Where they were not [fetched](Engine::fetch) since they last changed.
    pub fn with_state<R>(&mut self, read: impl FnOnce(&[&[f32]], &Optimizer) -> R) -> R {
        assert!(self.is_fetched, "weights and optimizer are fetched before they are shown");
        match &mut self.kind {
            Kind::Cpu(engine) => engine.with_state(read),
            Kind::Gpu(engine) => engine.with_state(read),
        }
    }

    /// The table that orders weights and moments.
    pub fn table(&self) -> &ParameterTable {
        &self.network.table
    }

    /// The sizes of the model.
    pub fn config(&self) -> &BertConfig {
        &self.network.config
    }
}

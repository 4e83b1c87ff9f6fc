//! A model in training: weights, gradients, optimizer, one step at a time.

use burn::tensor::{Device, Tensor, TensorData};

use super::gradient::{Gradient, RowGradient};
use super::optimizer::{Algorithm, Optimizer, UpdateSettings};
use crate::architecture::{BertConfig, ParameterTable};
use crate::data::{Batch, Labels};
use crate::diagnostic::Result;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::kernels::{Precision, recycle};
use crate::model::{Dropout, Parameters, bert, loss, neftune};
use crate::random::Generators;

#[cfg(test)]
#[path = "engine_golden.rs"]
mod golden;

/// A BERT classifier with its optimizer, on the CPU.
#[derive(Debug)]
pub struct Engine {
    config: BertConfig,
    table: ParameterTable,
    parameters: Parameters,
    optimizer: Optimizer,
    /// Gradients of the micro batches since the last step, added up, in the order of the table.
    accumulated: Vec<Option<Gradient>>,
    micro_batches: usize,
    /// The places of [`bert::EMBEDDINGS`] in the table.
    embeddings: [usize; 3],
    device: Device,
}

/// How the gradient of a micro batch is computed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatchSettings {
    /// Label smoothing of class labels; callers refuse a factor other than 0 with labels of another kind.
    pub label_smoothing_factor: f64,
    /// How much noise is added to the words' embeddings ([`neftune`]); none where this is nothing.
    pub neftune_noise_alpha: Option<f64>,
    /// What torch would pad batches to; nothing to pad to the longest row. It decides which draws of dropout belong to padding.
    pub padded_length: Option<usize>,
    /// Whether the backward pass computes each layer once more, so that only one layer's activations are in memory at a time.
    pub gradient_checkpointing: bool,
}

/// What one training step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepOutcome {
    /// The mean loss of the micro batches.
    pub loss: f64,
    /// The norm of all gradients before clipping.
    pub gradient_norm: f64,
}

impl Engine {
    /// An engine with weights in the order of the table, and an optimizer, AdamW, that has made no step.
    ///
    /// # Panics
    /// Where the weights do not fit the table.
    pub fn new(config: BertConfig, table: ParameterTable, weights: Vec<Vec<f32>>) -> Engine {
        let device = Device::flex();
        let parameters = Parameters::from_host(&table, weights, &device);
        let place = |name: &str| table.parameters.iter().position(|parameter| parameter.name == name);
        let embeddings = bert::EMBEDDINGS.map(|(name, _)| place(name).expect("the table has the embeddings"));
        let (optimizer, accumulated) = (Optimizer::new(Algorithm::default(), &table), vec![None; table.parameters.len()]);
        Engine { config, optimizer, table, parameters, accumulated, micro_batches: 0, embeddings, device }
    }

    /// The same engine, with another optimizer, which has made no step.
    #[must_use]
    pub fn with_optimizer(self, algorithm: Algorithm) -> Engine {
        Engine { optimizer: Optimizer::new(algorithm, &self.table), ..self }
    }

    /// The same engine, with other products of linear layers; weights, gradients and moments stay `f32`.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Engine {
        Engine { parameters: self.parameters.with_precision(precision), ..self }
    }

    /// Puts other weights, in the order of the table, in the place of those that were there; the optimizer stays as it is.
    ///
    /// # Panics
    /// Where the weights do not fit the table.
    pub fn set_weights(&mut self, weights: Vec<Vec<f32>>) {
        self.with_state(|_, _| ());
        let parameters = Parameters::from_host(&self.table, weights, &self.device);
        self.parameters = parameters.with_precision(self.parameters.precision());
    }

    /// Lets the optimizer go on from what a checkpoint remembers of it, which must be in memory as a whole; `path` is what errors call it.
    ///
    /// # Errors
    /// Those of [`Optimizer::restored`]; the optimizer then stays as it was.
    pub fn restore_optimizer(&mut self, path: &str, state: &OptimizerState<'_>) -> Result<()> {
        let optimizer = Optimizer::restored(*self.optimizer.algorithm(), &self.table, path, state)?;
        self.with_state(|_, _| ());
        self.optimizer = optimizer;
        Ok(())
    }

    /// [Accumulates](Engine::accumulate) the micro batches and [applies](Engine::apply) their gradients.
    ///
    /// # Panics
    /// Where a batch has no rows or no labels, or does not fit the model.
    pub fn train_step(
        &mut self,
        micro_batches: &[Batch],
        batch: &BatchSettings,
        update: &UpdateSettings,
        mut dropout: Option<&mut Generators>,
    ) -> StepOutcome {
        let losses = micro_batches.iter().map(|micro_batch| self.accumulate(micro_batch, batch, dropout.as_deref_mut()));
        let loss = losses.sum::<f64>() / micro_batches.len().max(1) as f64;
        StepOutcome { loss, gradient_norm: self.apply(update) }
    }

    /// Adds the gradient of a micro batch to those since the last step, and returns its loss. The weights stay.
    ///
    /// # Panics
    /// Where the batch has no rows or no labels, or does not fit the model.
    pub fn accumulate(&mut self, batch: &Batch, settings: &BatchSettings, dropout: Option<&mut Generators>) -> f64 {
        on_the_pool(|| {
            self.settle(batch);
            let mut total = std::mem::take(&mut self.accumulated);
            let backward = if settings.gradient_checkpointing { Self::backward_by_parts } else { Self::backward };
            let draws =
                Draws { generator: dropout, padded_length: settings.padded_length, neftune_noise_alpha: settings.neftune_noise_alpha };
            let loss = backward(self, batch, settings.label_smoothing_factor, draws, &mut total);
            self.accumulated = total;
            self.micro_batches += 1;
            f64::from(loss)
        })
    }

    /// Averages the gradients of the micro batches since the last step, clips them, moves the weights, and returns the norm that the
    /// gradients had before they were clipped.
    ///
    /// transformers 5.23.0 adds where this averages; `docs/differences.md` has the reason.
    pub fn apply(&mut self, settings: &UpdateSettings) -> f64 {
        on_the_pool(|| {
            let nothing = vec![None; self.table.parameters.len()];
            let total = std::mem::replace(&mut self.accumulated, nothing);
            let mut gradients = self.completed(total);
            let count = std::mem::take(&mut self.micro_batches);
            if count > 1 {
                let values = gradients.iter_mut().flat_map(Gradient::values_mut);
                values.for_each(|value| *value /= count as f32);
            }
            let norm = self.parameters.update_on_host(|parameters| self.optimizer.step(parameters, &gradients, settings));
            for gradient in gradients {
                if let Gradient::Dense(values) = gradient {
                    recycle(values);
                }
            }
            norm
        })
    }

    /// The logits of a batch in evaluation mode.
    ///
    /// # Shapes
    /// (B, `num_labels`), row-major.
    ///
    /// # Panics
    /// Where the batch has no rows or does not fit the model.
    pub fn logits(&mut self, batch: &Batch) -> Vec<f32> {
        self.settle(batch);
        on_the_pool(|| {
            let embedded = bert::embed(&self.parameters, batch);
            let logits = bert::forward(&self.config, &self.parameters, embedded, batch, &mut Dropout::off());
            logits.into_data().try_into_vec().expect("logits are f32")
        })
    }

    /// The loss of logits, as [`Engine::logits`] gives them; in `f32`, averaged over the batch.
    ///
    /// The Trainer smooths labels in evaluation too where `label_smoothing_factor` is not 0.
    ///
    /// # Panics
    /// Where the labels do not fit the logits.
    pub fn loss(&self, logits: &[f32], labels: &Labels, label_smoothing_factor: f64) -> f64 {
        let shape = [labels.len(), self.config.num_labels];
        let logits = Tensor::from_data(TensorData::new(logits.to_vec(), shape), &self.device);
        f64::from(loss::loss(logits, labels, label_smoothing_factor).into_scalar::<f32>())
    }

    /// The loss of a batch and the gradient of every parameter, without dropout; zeros for a parameter that received none.
    ///
    /// # Panics
    /// Where the batch has no rows or no labels, or does not fit the model.
    pub fn gradients(&mut self, batch: &Batch, label_smoothing_factor: f64) -> (f64, Vec<(String, Vec<f32>)>) {
        self.settle(batch);
        let mut gradients = vec![None; self.table.parameters.len()];
        let draws = Draws { generator: None, padded_length: None, neftune_noise_alpha: None };
        let loss = self.backward(batch, label_smoothing_factor, draws, &mut gradients);
        let gradients = self.completed(gradients);
        let named = self.table.parameters.iter().zip(gradients).map(|(parameter, gradient)| {
            let width = parameter.shape.last().copied().unwrap_or(1);
            (parameter.name.clone(), gradient.to_dense(parameter.numel(), width))
        });
        (f64::from(loss), named.collect())
    }

    /// Shows the weights, in the order of the table.
    pub fn with_weights<R>(&mut self, read: impl FnOnce(&[&[f32]]) -> R) -> R {
        self.with_state(|weights, _| read(weights))
    }

    /// Shows the weights, in the order of the table, and the optimizer.
    pub fn with_state<R>(&mut self, read: impl FnOnce(&[&[f32]], &Optimizer) -> R) -> R {
        self.parameters.update_on_host(|parameters| {
            self.optimizer.settle_all(parameters);
            read(&parameters.iter().map(|values| &**values).collect::<Vec<_>>(), &self.optimizer)
        })
    }

    /// The table that orders weights and moments.
    pub fn table(&self) -> &ParameterTable {
        &self.table
    }

    /// The sizes of the model.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Lets the optimizer finish the rows of the embedding tables that the batch looks up.
    fn settle(&mut self, batch: &Batch) {
        if self.optimizer.is_settled() {
            return;
        }
        for (index, (_, ids)) in self.embeddings.into_iter().zip(bert::EMBEDDINGS) {
            let rows = ids(batch).iter().map(|id| *id as usize);
            self.parameters.update_one_on_host(index, |table| self.optimizer.settle(index, table, rows));
        }
    }

    /// The loss; the gradients are added to `total`, in the order of the table.
    fn backward(&self, batch: &Batch, label_smoothing_factor: f64, mut draws: Draws<'_>, total: &mut [Option<Gradient>]) -> f32 {
        let parameters = self.parameters.tracked();
        let embedded = self.embedded(batch, &mut draws).autodiff().require_grad();
        let logits = bert::forward(
            &self.config,
            &parameters,
            embedded.clone(),
            batch,
            &mut dropout(draws.generator.as_deref_mut(), draws.padded_length),
        );
        let loss = loss::loss(logits, labels(batch), label_smoothing_factor);
        let looked_up = add_gradients(&loss, &embedded, &parameters, total);
        self.add_embedding_gradients(batch, looked_up, total);
        loss.into_scalar()
    }

    /// As [`Engine::backward`], part after part of the network: forward they leave their results only, and from those each is computed once
    /// more, with the same draws, for its backward pass.
    fn backward_by_parts(&self, batch: &Batch, label_smoothing_factor: f64, mut draws: Draws<'_>, total: &mut [Option<Gradient>]) -> f32 {
        let last = bert::parts(&self.config) - 1;
        let (mut inputs, mut generators) = (vec![self.embedded(batch, &mut draws)], Vec::new());
        for part in 0..last {
            generators.push(draws.generator.as_deref().cloned());
            let input = inputs[part].clone();
            inputs.push(bert::forward_part(
                &self.config,
                &self.parameters,
                input,
                batch,
                &mut dropout(draws.generator.as_deref_mut(), draws.padded_length),
                part,
            ));
        }
        let (mut loss, mut gradient) = (None, None);
        for (part, input) in inputs.into_iter().enumerate().rev() {
            let mut dropout = match generators.get_mut(part) {
                Some(generator) => dropout(generator.as_mut(), draws.padded_length),
                None => dropout(draws.generator.as_deref_mut(), draws.padded_length),
            };
            let (parameters, input) = (self.parameters.tracked(), input.autodiff().require_grad());
            let out = bert::forward_part(&self.config, &parameters, input.clone(), batch, &mut dropout, part);
            let scalar = match gradient {
                None => loss.insert(loss::loss(out, labels(batch), label_smoothing_factor)).clone(),
                // The gradient of this sum in what the part gives is the one that the part after it has found.
                Some(gradient) => (out * Tensor::autodiff(gradient)).sum(),
            };
            gradient = Some(add_gradients(&scalar, &input, &parameters, total));
        }
        self.add_embedding_gradients(batch, gradient.expect("there is a part"), total);
        loss.expect("there is a part").into_scalar()
    }

    /// The embeddings of a batch in training. Noise is drawn before any mask, and has no gradient.
    fn embedded(&self, batch: &Batch, draws: &mut Draws<'_>) -> Tensor<2> {
        let embedded = bert::embed(&self.parameters, batch);
        match (&mut draws.generator, draws.neftune_noise_alpha) {
            (Some(generators), Some(alpha)) => {
                let shape = embedded.dims();
                let noise = neftune::noise(&mut generators.torch, batch, draws.padded_length, shape[1], alpha);
                embedded + Tensor::from_data(TensorData::new(noise, shape), &self.device)
            }
            _ => embedded,
        }
    }

    fn add_embedding_gradients(&self, batch: &Batch, looked_up: Tensor<2>, total: &mut [Option<Gradient>]) {
        let looked_up = looked_up.into_data();
        for (index, (_, ids)) in self.embeddings.into_iter().zip(bert::EMBEDDINGS) {
            let Gradient::Rows(rows) = total[index].get_or_insert_with(|| Gradient::Rows(RowGradient::default())) else {
                unreachable!("embedding tables have gradients of rows");
            };
            rows.add(ids(batch), values(&looked_up), self.config.hidden_size, self.table.parameters[index].padding_row);
        }
    }

    /// Zeros for parameters that no batch has a gradient for.
    fn completed(&self, gradients: Vec<Option<Gradient>>) -> Vec<Gradient> {
        let gradients = gradients.into_iter().zip(&self.table.parameters);
        gradients.map(|(gradient, parameter)| gradient.unwrap_or_else(|| Gradient::Dense(vec![0.0; parameter.numel()]))).collect()
    }
}

/// What draws at random in training: where the draws come from, if there are any, what batches would be padded to, and how much noise is
/// added to embeddings.
struct Draws<'a> {
    generator: Option<&'a mut Generators>,
    padded_length: Option<usize>,
    neftune_noise_alpha: Option<f64>,
}

fn dropout(generator: Option<&mut Generators>, padded_length: Option<usize>) -> Dropout<'_> {
    generator.map_or_else(Dropout::off, |generator| Dropout::new(generator, padded_length))
}

fn labels(batch: &Batch) -> &Labels {
    batch.labels.as_ref().expect("a batch to train on has labels")
}

/// Adds the gradients of tracked parameters to `total`, and gives that of `input`.
fn add_gradients(scalar: &Tensor<1>, input: &Tensor<2>, parameters: &Parameters, total: &mut [Option<Gradient>]) -> Tensor<2> {
    let mut gradients = scalar.backward();
    let of_input = input.grad_remove(&mut gradients).expect("the loss depends on the input");
    for (total, gradient) in total.iter_mut().zip(parameters.take_gradients(&mut gradients)) {
        let Some(gradient) = gradient else { continue };
        match total {
            Some(total) => total.values_mut().iter_mut().zip(values(&gradient)).for_each(|(total, value)| *total += value),
            None => *total = Some(Gradient::Dense(gradient.try_into_vec().expect("gradients are f32"))),
        }
    }
    of_input
}

/// Runs `work` on a thread of the pool, so that what it shares out does not have to wake another one first.
fn on_the_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

fn values(data: &TensorData) -> &[f32] {
    data.as_slice().expect("gradients are f32")
}

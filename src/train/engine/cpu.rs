//! The engine on the CPU: it computes what it is handed before it returns.

#[cfg(test)]
mod tests;

use burn::tensor::{Device, Tensor, TensorData};
use std::sync::Arc;

use super::{BatchSettings, Network, StepOutcome};
use crate::data::{Batch, Labels};
use crate::diagnostic::Result;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::kernels::{Precision, recycle};
use crate::model::{Dropout, Parameters, bert, loss, neftune};
use crate::random::Generators;
use crate::train::gradient::{Gradient, RowGradient};
use crate::train::optimizer::{Algorithm, Optimizer, UpdateSettings};

/// As [`Engine`](super::Engine), whose methods say what these do.
#[derive(Debug)]
pub(super) struct CpuEngine {
    network: Arc<Network>,
    parameters: Parameters,
    optimizer: Optimizer,
    /// Gradients of the micro batches since the last step, added up, in the order of the table.
    accumulated: Vec<Option<Gradient>>,
    micro_batches: usize,
    found: StepOutcome,
    /// The places of [`bert::EMBEDDINGS`] in the table.
    embeddings: [usize; 3],
    device: Device,
}

impl CpuEngine {
    pub(super) fn new(network: Arc<Network>, weights: Vec<Vec<f32>>) -> CpuEngine {
        let (device, table) = (Device::flex(), &network.table);
        let parameters = Parameters::from_host(table, weights, &device);
        let place = |name: &str| table.parameters.iter().position(|parameter| parameter.name == name);
        let embeddings = bert::EMBEDDINGS.map(|(name, _)| place(name).expect("the table has the embeddings"));
        let (optimizer, accumulated) = (Optimizer::new(Algorithm::default(), table), vec![None; table.parameters.len()]);
        let (micro_batches, found) = (0, StepOutcome::default());
        CpuEngine { network, parameters, optimizer, accumulated, micro_batches, found, embeddings, device }
    }

    pub(super) fn set_algorithm(&mut self, algorithm: Algorithm) {
        self.optimizer = Optimizer::new(algorithm, &self.network.table);
    }

    pub(super) fn set_precision(&mut self, precision: Precision) {
        self.parameters = self.parameters.clone().with_precision(precision);
    }

    pub(super) fn set_weights(&mut self, weights: Vec<Vec<f32>>) {
        self.with_state(|_, _| ());
        let parameters = Parameters::from_host(&self.network.table, weights, &self.device);
        self.parameters = parameters.with_precision(self.parameters.precision());
    }

    pub(super) fn restore_optimizer(&mut self, path: &str, state: &OptimizerState<'_>) -> Result<()> {
        let optimizer = Optimizer::restored(*self.optimizer.algorithm(), &self.network.table, path, state)?;
        self.with_state(|_, _| ());
        self.optimizer = optimizer;
        Ok(())
    }

    pub(super) fn accumulate(&mut self, batch: &Batch, settings: &BatchSettings, dropout: Option<&mut Generators>) {
        let loss = on_the_pool(|| {
            self.settle(batch);
            let mut total = std::mem::take(&mut self.accumulated);
            let backward = if settings.gradient_checkpointing { Self::backward_by_parts } else { Self::backward };
            let draws =
                Draws { generator: dropout, padded_length: settings.padded_length, neftune_noise_alpha: settings.neftune_noise_alpha };
            let loss = backward(self, batch, settings.label_smoothing_factor, draws, &mut total);
            self.accumulated = total;
            loss
        });
        self.micro_batches += 1;
        self.found.losses.push(f64::from(loss));
    }

    pub(super) fn apply(&mut self, settings: &UpdateSettings) {
        let norm = on_the_pool(|| {
            let nothing = vec![None; self.network.table.parameters.len()];
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
        });
        self.found.gradient_norm = Some(norm);
    }

    pub(super) fn outcome(&mut self) -> StepOutcome {
        std::mem::take(&mut self.found)
    }

    pub(super) fn logits(&mut self, batch: &Batch) -> Vec<f32> {
        self.settle(batch);
        on_the_pool(|| {
            let embedded = bert::embed(&self.parameters, batch);
            let logits = bert::forward(&self.network.config, &self.parameters, embedded, batch, &mut Dropout::off());
            logits.into_data().try_into_vec().expect("logits are f32")
        })
    }

    /// The gradients are in the order of the table.
    pub(super) fn gradients(&mut self, batch: &Batch, label_smoothing_factor: f64) -> (f64, Vec<Vec<f32>>) {
        self.settle(batch);
        let mut gradients = vec![None; self.network.table.parameters.len()];
        let draws = Draws { generator: None, padded_length: None, neftune_noise_alpha: None };
        let loss = self.backward(batch, label_smoothing_factor, draws, &mut gradients);
        let gradients = self.network.table.parameters.iter().zip(self.completed(gradients)).map(|(parameter, gradient)| {
            let width = parameter.shape.last().copied().unwrap_or(1);
            gradient.to_dense(parameter.numel(), width)
        });
        (f64::from(loss), gradients.collect())
    }

    pub(super) fn with_state<R>(&mut self, read: impl FnOnce(&[&[f32]], &Optimizer) -> R) -> R {
        self.parameters.update_on_host(|parameters| {
            self.optimizer.settle_all(parameters);
            read(&parameters.iter().map(|values| &**values).collect::<Vec<_>>(), &self.optimizer)
        })
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
            &self.network.config,
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

    /// As [`CpuEngine::backward`], part after part of the network: forward they leave their results only, and from those each is computed once
    /// more, with the same draws, for its backward pass.
    fn backward_by_parts(&self, batch: &Batch, label_smoothing_factor: f64, mut draws: Draws<'_>, total: &mut [Option<Gradient>]) -> f32 {
        let last = bert::parts(&self.network.config) - 1;
        let (mut inputs, mut generators) = (vec![self.embedded(batch, &mut draws)], Vec::new());
        for part in 0..last {
            generators.push(draws.generator.as_deref().cloned());
            let input = inputs[part].clone();
            inputs.push(bert::forward_part(
                &self.network.config,
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
            let out = bert::forward_part(&self.network.config, &parameters, input.clone(), batch, &mut dropout, part);
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
            rows.add(ids(batch), values(&looked_up), self.network.config.hidden_size, self.network.table.parameters[index].padding_row);
        }
    }

    /// Zeros for parameters that no batch has a gradient for.
    fn completed(&self, gradients: Vec<Option<Gradient>>) -> Vec<Gradient> {
        let gradients = gradients.into_iter().zip(&self.network.table.parameters);
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

//! A model in training: weights, gradients, optimizer, one step at a time.

use burn::tensor::{Device, Tensor, TensorData};

use super::gradient::{Gradient, RowGradient};
use super::optimizer::{AdamW, AdamWSettings};
use crate::architecture::{BertConfig, ParameterTable};
use crate::data::{Batch, Labels};
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
    optimizer: AdamW,
    /// The places of [`bert::EMBEDDINGS`] in the table.
    embeddings: [usize; 3],
    device: Device,
}

/// What one training step is to do, called as `TrainingArguments` calls it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSettings {
    /// The learning rate of this step, the schedule's factor included.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub adam_beta1: f64,
    /// Decay of the second moment.
    pub adam_beta2: f64,
    /// Added to the root of the second moment.
    pub adam_epsilon: f64,
    /// The norm that gradients are clipped to; no clipping where it is 0 or less.
    pub max_grad_norm: f64,
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
    /// An engine with weights in the order of the table and an optimizer that has made no step.
    ///
    /// # Panics
    /// Where the weights do not fit the table.
    pub fn new(config: BertConfig, table: ParameterTable, weights: Vec<Vec<f32>>) -> Engine {
        let device = Device::flex();
        let parameters = Parameters::from_host(&table, weights, &device);
        let place = |name: &str| table.parameters.iter().position(|parameter| parameter.name == name);
        let embeddings = bert::EMBEDDINGS.map(|(name, _)| place(name).expect("the table has the embeddings"));
        Engine { config, optimizer: AdamW::new(&table), table, parameters, embeddings, device }
    }

    /// The same engine, with other products of linear layers; weights, gradients and moments stay `f32`.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Engine {
        Engine { parameters: self.parameters.with_precision(precision), ..self }
    }

    /// Averages the gradients of the micro batches, clips them, and moves the weights. The loss is averaged too.
    ///
    /// transformers 5.23.0 adds where this averages; `docs/differences.md` has the reason.
    ///
    /// # Panics
    /// Where a batch has no rows or no labels, or does not fit the model.
    pub fn train_step(&mut self, micro_batches: &[Batch], settings: &StepSettings, dropout: Option<&mut Generators>) -> StepOutcome {
        on_the_pool(|| self.train_step_here(micro_batches, settings, dropout))
    }

    fn train_step_here(&mut self, micro_batches: &[Batch], settings: &StepSettings, mut dropout: Option<&mut Generators>) -> StepOutcome {
        let mut total_loss = 0.0;
        let mut total: Vec<Option<Gradient>> = vec![None; self.table.parameters.len()];
        self.settle(micro_batches);
        for batch in micro_batches {
            let backward = if settings.gradient_checkpointing { Self::backward_by_parts } else { Self::backward };
            let draws = Draws {
                generator: dropout.as_deref_mut(),
                padded_length: settings.padded_length,
                neftune_noise_alpha: settings.neftune_noise_alpha,
            };
            total_loss += f64::from(backward(self, batch, settings.label_smoothing_factor, draws, &mut total));
        }
        let count = micro_batches.len().max(1);
        let mut gradients = self.completed(total);
        if count > 1 {
            let values = gradients.iter_mut().flat_map(Gradient::values_mut);
            values.for_each(|value| *value /= count as f32);
        }
        let adamw = settings.adamw();
        let gradient_norm = self.parameters.update_on_host(|parameters| self.optimizer.step(parameters, &gradients, &adamw));
        for gradient in gradients {
            if let Gradient::Dense(values) = gradient {
                recycle(values);
            }
        }
        StepOutcome { loss: total_loss / count as f64, gradient_norm }
    }

    /// The logits of a batch in evaluation mode.
    ///
    /// # Shapes
    /// (B, `num_labels`), row-major.
    ///
    /// # Panics
    /// Where the batch has no rows or does not fit the model.
    pub fn logits(&mut self, batch: &Batch) -> Vec<f32> {
        self.settle(std::slice::from_ref(batch));
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
        self.settle(std::slice::from_ref(batch));
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
    pub fn with_state<R>(&mut self, read: impl FnOnce(&[&[f32]], &AdamW) -> R) -> R {
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

    /// Lets the optimizer finish the rows of the embedding tables that the batches look up.
    fn settle(&mut self, batches: &[Batch]) {
        if self.optimizer.steps() == 0 {
            return;
        }
        for (index, (_, ids)) in self.embeddings.into_iter().zip(bert::EMBEDDINGS) {
            let rows = batches.iter().flat_map(ids).map(|id| *id as usize);
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

impl StepSettings {
    fn adamw(&self) -> AdamWSettings {
        AdamWSettings {
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            beta1: self.adam_beta1,
            beta2: self.adam_beta2,
            epsilon: self.adam_epsilon,
            max_grad_norm: self.max_grad_norm,
        }
    }
}

fn values(data: &TensorData) -> &[f32] {
    data.as_slice().expect("gradients are f32")
}

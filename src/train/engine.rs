//! A model in training: weights, gradients, optimizer, one step at a time.

use burn::tensor::{Device, Tensor, TensorData};

use super::optimizer::{AdamW, AdamWSettings};
use crate::architecture::{BertConfig, ParameterTable};
use crate::data::{Batch, Labels};
use crate::model::{Dropout, Parameters, bert, loss};
use crate::random::FastGenerator;

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
}

/// What one training step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepOutcome {
    /// The losses of the micro batches, added up.
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
        Engine { config, optimizer: AdamW::new(&table), table, parameters, device }
    }

    /// Averages the gradients of the micro batches, clips them, and moves the weights. The loss is averaged too.
    ///
    /// transformers 5.23.0 adds where this averages; `docs/differences.md` has the reason.
    ///
    /// # Panics
    /// Where a batch has no rows or no labels, or does not fit the model.
    pub fn train_step(&mut self, micro_batches: &[Batch], settings: &StepSettings, mut dropout: Option<&mut FastGenerator>) -> StepOutcome {
        let mut total_loss = 0.0;
        let mut total: Option<Vec<TensorData>> = None;
        for batch in micro_batches {
            let dropout = Dropout::new(dropout.as_deref_mut());
            let (loss, gradients) = self.backward(batch, settings.label_smoothing_factor, dropout);
            total_loss += f64::from(loss);
            match &mut total {
                Some(total) => total.iter_mut().zip(&gradients).for_each(|(total, gradient)| add(total, gradient)),
                None => total = Some(gradients),
            }
        }
        let mut total = total.unwrap_or_else(|| self.table.parameters.iter().map(|parameter| zeros(&parameter.shape)).collect());
        let micro_batches = micro_batches.len().max(1);
        if micro_batches > 1 {
            total.iter_mut().for_each(|gradient| divide(gradient, micro_batches as f32));
        }
        let gradients: Vec<&[f32]> = total.iter().map(values).collect();
        let adamw = settings.adamw();
        let gradient_norm = self.parameters.update_on_host(|parameters| self.optimizer.step(parameters, &gradients, &adamw));
        StepOutcome { loss: total_loss / micro_batches as f64, gradient_norm }
    }

    /// The logits of a batch in evaluation mode.
    ///
    /// # Shapes
    /// (B, `num_labels`), row-major.
    ///
    /// # Panics
    /// Where the batch has no rows or does not fit the model.
    pub fn logits(&self, batch: &Batch) -> Vec<f32> {
        let logits = bert::forward(&self.config, &self.parameters, batch, &mut Dropout::off());
        logits.into_data().try_into_vec().expect("logits are f32")
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
    pub fn gradients(&self, batch: &Batch, label_smoothing_factor: f64) -> (f64, Vec<(String, Vec<f32>)>) {
        let (loss, gradients) = self.backward(batch, label_smoothing_factor, Dropout::off());
        let names = self.table.parameters.iter().map(|parameter| parameter.name.clone());
        (f64::from(loss), names.zip(gradients.iter().map(|gradient| values(gradient).to_vec())).collect())
    }

    /// The weights in the order of the table.
    pub fn weights(&self) -> Vec<Vec<f32>> {
        self.parameters.to_host()
    }

    /// The optimizer: its moments and steps.
    pub fn optimizer_state(&self) -> &AdamW {
        &self.optimizer
    }

    /// The table that orders weights and moments.
    pub fn table(&self) -> &ParameterTable {
        &self.table
    }

    /// The sizes of the model.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The loss and the gradients in the order of the table.
    fn backward(&self, batch: &Batch, label_smoothing_factor: f64, mut dropout: Dropout) -> (f32, Vec<TensorData>) {
        let labels = batch.labels.as_ref().expect("a batch to train on has labels");
        let parameters = self.parameters.tracked();
        let logits = bert::forward(&self.config, &parameters, batch, &mut dropout);
        let loss = loss::loss(logits, labels, label_smoothing_factor);
        let mut gradients = loss.backward();
        let gradients = parameters.take_gradients(&mut gradients).into_iter().zip(&self.table.parameters);
        let gradients = gradients.map(|(gradient, parameter)| gradient.unwrap_or_else(|| zeros(&parameter.shape))).collect();
        (loss.into_scalar(), gradients)
    }
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

fn zeros(shape: &[usize]) -> TensorData {
    TensorData::new(vec![0f32; shape.iter().product()], shape.to_vec())
}

fn values(data: &TensorData) -> &[f32] {
    data.as_slice().expect("gradients are f32")
}

fn divide(gradient: &mut TensorData, divisor: f32) {
    let gradient: &mut [f32] = gradient.as_mut_slice().expect("gradients are f32");
    gradient.iter_mut().for_each(|value| *value /= divisor);
}

fn add(total: &mut TensorData, gradient: &TensorData) {
    let total: &mut [f32] = total.as_mut_slice().expect("gradients are f32");
    for (total, gradient) in total.iter_mut().zip(values(gradient)) {
        *total += gradient;
    }
}

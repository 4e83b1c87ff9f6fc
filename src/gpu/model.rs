//! A BERT classifier on a device, with what training it needs.

use std::rc::Rc;

use super::activations::{Activations, Keep, LayerSizes};
use super::device::{Gpu, Style};
use super::inputs::{Inputs, Looks, Masks, Packed, Targets};
use super::kernel::Kernel;
use super::memory::Tensor;
use super::optimizer::AdamW;
use super::parameters::{Parameters, Place};
use super::stream::{Stream, words};
use crate::architecture::{BertConfig, ParameterTable};
use crate::diagnostic::Result;

/// Micro batches whose losses can wait to be read.
const LOSSES: usize = 254;
/// Where the losses begin among the results, after the norm and the factor of gradients.
const FIRST_LOSS: usize = 2;

/// The sizes of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// Width of the hidden states.
    pub hidden: usize,
    /// Width of the feed forward layer.
    pub inner: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of logits.
    pub labels: usize,
    /// What is added to the variance.
    pub epsilon: f32,
}

/// A classifier whose weights, gradients and moments are on a device.
#[derive(Debug)]
pub struct Model {
    gpu: Rc<Gpu>,
    pub(super) sizes: Sizes,
    pub(super) parameters: Parameters,
    /// The slabs of the word, type and position embeddings.
    pub(super) tables: [usize; 3],
    pub(super) activations: Activations,
    pub(super) results: Tensor,
    pub(super) squared_sums: Tensor,
    /// How many invocations share a row that is added up.
    pub(super) lanes: u32,
    /// Micro batches since the last step.
    micro_batches: usize,
    /// Losses that nobody has read.
    losses: usize,
    padding_rows: [Option<usize>; 3],
}

/// How a micro batch is trained on.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The rows.
    pub packed: Packed<'a>,
    /// What they are to be learnt from.
    pub targets: &'a Targets,
    /// What is dropped.
    pub masks: &'a Masks,
    /// What is added to the embeddings, (N, H).
    pub noise: Option<&'a [f32]>,
    /// Whether layers are computed once more for the backward pass, which saves memory.
    pub recompute: bool,
}

/// The tables of the embeddings, in the order of [`Packed::ids`].
const TABLES: [&str; 3] = [
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.token_type_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
];

impl Model {
    /// Puts weights, in the order of the table, on a device.
    ///
    /// # Errors
    /// `device-limit` where a tensor is larger than the device can see, and those of [`Gpu::check`].
    pub async fn new(gpu: Rc<Gpu>, config: &BertConfig, table: &ParameterTable, weights: &[Vec<f32>]) -> Result<Model> {
        let sizes = Sizes {
            hidden: config.hidden_size,
            inner: config.intermediate_size,
            heads: config.num_attention_heads,
            layers: config.num_hidden_layers,
            labels: config.num_labels,
            epsilon: config.layer_norm_eps as f32,
        };
        let parameters = Parameters::new(&gpu, table, weights)?;
        let padding_row = |name: &&str| table.parameters.iter().find(|parameter| parameter.name == **name)?.padding_row;
        let model = Model {
            sizes,
            tables: TABLES.map(|name| parameters.place(name).slab),
            activations: Activations::default(),
            results: gpu.tensor(FIRST_LOSS + LOSSES),
            squared_sums: gpu.tensor(Self::squares(parameters.slabs.len())),
            lanes: if gpu.style() == Style::Alone { 1 } else { 64 },
            parameters,
            micro_batches: 0,
            losses: 0,
            padding_rows: TABLES.each_ref().map(padding_row),
            gpu,
        };
        // Memory that is not there is missed here, not in the first step.
        model.gpu.read(&[(&model.results, 0, 1)]).await?;
        Ok(model)
    }

    /// The device.
    pub fn gpu(&self) -> &Rc<Gpu> {
        &self.gpu
    }

    /// Whether there is no room for another loss before [`Model::results`] has read them.
    pub fn is_full(&self) -> bool {
        self.losses == LOSSES
    }

    /// Enqueues the forward and the backward pass of a micro batch; its gradient is added to those since the last step.
    pub fn accumulate(&mut self, pass: &Pass<'_>) {
        let gpu = Rc::clone(&self.gpu);
        let mut inputs = Inputs::new(pass.packed, self.sizes.heads);
        inputs.put_masks(pass.masks);
        if let Some(noise) = pass.noise {
            inputs.put_noise(noise);
        }
        let (kind, targets) = pass.targets.parts();
        inputs.put_targets(targets);
        inputs.put_choices(pass.packed.ids, self.padding_rows);
        let words = self.upload(&inputs);
        let keep = if pass.recompute { Keep::Inputs } else { Keep::All };
        let mut stream = Stream::new(&gpu);
        let logits = self.forward(&mut stream, &inputs, &words, keep);
        let gradient = self.activations.gradients.logits.with_room(&gpu, inputs.rows * self.sizes.labels);
        assert!(!self.is_full(), "losses are read before there are too many");
        let slot = FIRST_LOSS + self.losses;
        let arguments: &[u32] = words![inputs.rows, self.sizes.labels, kind, inputs.targets, slot];
        stream.launch(Kernel::Loss, arguments, &[&logits, &words, &gradient, &self.results], [1, 1, 1]);
        self.backward(&mut stream, &inputs, &words, keep, self.micro_batches > 0);
        stream.submit();
        self.micro_batches += 1;
        self.losses += 1;
    }

    /// Enqueues the step of the optimizer: averages the gradients of the micro batches, clips them to the norm (0 for no limit), moves the
    /// weights.
    pub fn apply(&mut self, step: AdamW, max_norm: f32) {
        let gpu = Rc::clone(&self.gpu);
        let mut stream = Stream::new(&gpu);
        self.gradient_norm(&mut stream, self.micro_batches, max_norm);
        self.step(&mut stream, step);
        stream.submit();
        self.micro_batches = 0;
    }

    /// Waits for the device: the norm that the gradients of the last step had, and the losses since the last call.
    ///
    /// # Errors
    /// Those of [`Gpu::check`].
    pub async fn results(&mut self) -> Result<(f32, Vec<f32>)> {
        let count = std::mem::take(&mut self.losses);
        let mut results = self.gpu.read(&[(&self.results, 0, FIRST_LOSS + count)]).await?;
        let losses = results.split_off(FIRST_LOSS);
        Ok((results[0], losses))
    }

    /// The logits of a batch without dropout, (B, C).
    ///
    /// # Errors
    /// Those of [`Gpu::check`].
    pub async fn logits(&mut self, packed: Packed<'_>) -> Result<Vec<f32>> {
        let gpu = Rc::clone(&self.gpu);
        let inputs = Inputs::new(packed, self.sizes.heads);
        let words = self.upload(&inputs);
        let mut stream = Stream::new(&gpu);
        let logits = self.forward(&mut stream, &inputs, &words, Keep::Nothing);
        stream.submit();
        gpu.read(&[(&logits, 0, inputs.rows * self.sizes.labels)]).await
    }

    /// The weights, in the order of the table.
    ///
    /// # Errors
    /// Those of [`Gpu::check`].
    pub async fn weights(&self) -> Result<Vec<Vec<f32>>> {
        self.parameters.read(&self.gpu, |slab| &slab.values).await
    }

    /// The sums of the gradients of the micro batches since the last step, in the order of the table.
    ///
    /// # Errors
    /// Those of [`Gpu::check`].
    pub async fn gradients(&self) -> Result<Vec<Vec<f32>>> {
        self.parameters.read(&self.gpu, |slab| &slab.gradients).await
    }

    /// The two moments of AdamW, each in the order of the table.
    ///
    /// # Errors
    /// Those of [`Gpu::check`].
    pub async fn moments(&self) -> Result<[Vec<Vec<f32>>; 2]> {
        let first = self.parameters.read(&self.gpu, |slab| &slab.exp_avg).await?;
        Ok([first, self.parameters.read(&self.gpu, |slab| &slab.exp_avg_sq).await?])
    }

    /// Puts other weights in the place of those that were there.
    pub fn set_weights<'a>(&self, weights: impl Iterator<Item = &'a [f32]>) {
        self.parameters.write(&self.gpu, |slab| &slab.values, weights);
    }

    /// Puts other moments in the place of those that were there.
    pub fn set_moments<'a>(&self, first: impl Iterator<Item = &'a [f32]>, second: impl Iterator<Item = &'a [f32]>) {
        self.parameters.write(&self.gpu, |slab| &slab.exp_avg, first);
        self.parameters.write(&self.gpu, |slab| &slab.exp_avg_sq, second);
    }

    /// Makes both moments zeros.
    pub fn clear_moments(&self) {
        let mut stream = Stream::new(&self.gpu);
        for slab in &self.parameters.slabs {
            stream.clear(&slab.exp_avg);
            stream.clear(&slab.exp_avg_sq);
        }
        stream.submit();
    }

    /// Forgets the gradients since the last step.
    pub fn forget_gradients(&mut self) {
        self.micro_batches = 0;
    }

    fn upload(&mut self, inputs: &Inputs) -> Tensor {
        let words = self.activations.inputs.with_room(&self.gpu, inputs.words.len());
        self.gpu.queue.write_buffer(&words.buffer, 0, bytemuck::cast_slice(&inputs.words));
        words
    }

    /// The last layer computes the first token of each row only: nobody reads the others.
    pub(super) fn looks(&self, inputs: &Inputs, layer: usize) -> Looks {
        if layer + 1 == self.sizes.layers { inputs.first } else { inputs.all }
    }

    pub(super) fn layer_sizes(&self, inputs: &Inputs, layer: usize) -> LayerSizes {
        let Sizes { hidden, inner, heads, .. } = self.sizes;
        LayerSizes { tokens: inputs.tokens, queries: self.looks(inputs, layer).queries, hidden, inner, heads }
    }

    pub(super) fn name(&self, layer: usize, module: &str) -> String {
        format!("bert.encoder.layer.{layer}.{module}")
    }

    /// Where the weight and the bias of a module are.
    pub(super) fn module(&self, name: &str) -> (Place, Place) {
        (self.parameters.place(&format!("{name}.weight")), self.parameters.place(&format!("{name}.bias")))
    }
}

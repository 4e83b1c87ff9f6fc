//! The forward pass of BERT with a sequence classification head, over packed batches.
//!
//! # Shapes
//! N tokens of B sequences, Q of which a layer computes; H hidden width, F feed forward width.
//!
//! # Source
//! transformers 5.23.0, `models/bert/modeling_bert.py`.

use burn::tensor::module::linear;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::dropout::Dropout;
use super::parameters::Parameters;
use crate::architecture::BertConfig;
use crate::data::Batch;
use crate::kernels::reference::dropout as apply;
use crate::kernels::{self, Linear, Mask, Norm, Queries, Sequences};

/// The ids of a batch that choose rows of a table.
type Ids = fn(&Batch) -> &[i32];

/// The tables of the embeddings, and which ids of a batch choose their rows.
pub const EMBEDDINGS: [(&str, Ids); 3] = [
    ("bert.embeddings.word_embeddings.weight", |batch| &batch.token_ids),
    ("bert.embeddings.token_type_embeddings.weight", |batch| &batch.token_type_ids),
    ("bert.embeddings.position_embeddings.weight", |batch| &batch.position_ids),
];

/// The sum of a token's three embeddings: where [`forward`] begins.
///
/// The gradient of each row of a table is the sum of the result's gradients at the tokens that chose it.
///
/// # Shapes
/// The result is (N, H).
///
/// # Panics
/// As [`forward`].
pub fn embed(parameters: &Parameters, batch: &Batch) -> Tensor<2> {
    kernels::embeddings(EMBEDDINGS.map(|(table, _)| parameters.matrix(table)), EMBEDDINGS.map(|(_, ids)| ids(batch)))
}

/// The logits of every sequence of a batch, from its embeddings.
///
/// # Shapes
/// `embedded` is (N, H), the result (B, `num_labels`).
///
/// # Panics
/// Where `parameters` are not those of [`BertConfig::sequence_classification`], or the batch has no rows or does not fit the model
/// ([`crate::data::Dataset::check`]).
///
/// # Numerics
/// Logits of a sequence do not depend on its neighbours but for rounding. GELU is the exact one, by the error function.
pub fn forward(config: &BertConfig, parameters: &Parameters, embedded: Tensor<2>, batch: &Batch, dropout: &mut Dropout) -> Tensor<2> {
    let mut network = Network::new(config, parameters, batch, dropout, true);
    (0..parts(config)).fold(embedded, |hidden, part| network.part(hidden, part))
}

/// How many parts the network has: the embeddings, each layer, and the head. Each takes what the one before it gives.
pub fn parts(config: &BertConfig) -> usize {
    config.num_hidden_layers + 2
}

/// One part of [`forward`]. It makes its own draws of dropout and no others.
///
/// # Shapes
/// The first part takes what [`embed`] gives, the last gives logits.
///
/// # Panics
/// As [`forward`], or where there is no such part.
pub fn forward_part(
    config: &BertConfig,
    parameters: &Parameters,
    hidden: Tensor<2>,
    batch: &Batch,
    dropout: &mut Dropout,
    part: usize,
) -> Tensor<2> {
    Network::new(config, parameters, batch, dropout, false).part(hidden, part)
}

/// How many words a forward pass in training draws from torch's generator for the masks of a batch that is padded to `padded_length`.
pub fn words_drawn(config: &BertConfig, rows: usize, padded_length: usize) -> usize {
    let (hidden, layers) = (rows * padded_length * config.hidden_size, config.num_hidden_layers);
    let masks = [
        (config.hidden_dropout_prob, hidden * (1 + 2 * layers)),
        (config.attention_probs_dropout_prob, layers * rows * config.num_attention_heads * padded_length.pow(2)),
        (config.classifier_dropout, rows * config.hidden_size),
    ];
    masks.into_iter().filter(|(probability, _)| *probability > 0.0).map(|(_, elements)| 2 * elements).sum()
}

fn indices(rows: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let length = rows.len();
    Tensor::from_data(TensorData::new(rows, [length]), device)
}

/// A dropout mask that some operation needs, in the order in which torch draws them.
#[derive(Debug, Clone)]
enum Draw {
    /// For the rows of the tokens that look, (Q, H).
    Rows(Sequences),
    /// For the attention's probabilities.
    Scores(Sequences),
    /// For the pooled output, (B, H).
    Pooled,
}

/// The classifier reads the first token of each sequence. So the last layer computes the rows of these, Q = B of them, where all others have
/// Q = N: what it would give at other tokens nobody sees, and their gradient is zero.
struct Network<'a, 'b> {
    config: &'a BertConfig,
    parameters: &'a Parameters,
    all: Sequences,
    first: Sequences,
    dropout: &'a mut Dropout<'b>,
    /// The mask of the next operation that has dropout, where it was drawn already.
    mask: Option<Mask>,
    /// Whether a part draws the first mask of the next one.
    ahead: bool,
}

impl<'a, 'b> Network<'a, 'b> {
    fn new(config: &'a BertConfig, parameters: &'a Parameters, batch: &Batch, dropout: &'a mut Dropout<'b>, ahead: bool) -> Self {
        let all = Sequences::new(batch.offsets.iter().copied(), config.num_attention_heads);
        let first = all.with_queries(Queries::First);
        Network { config, parameters, all, first, dropout, mask: None, ahead }
    }

    fn part(&mut self, hidden: Tensor<2>, part: usize) -> Tensor<2> {
        if self.mask.is_none() {
            self.mask = self.draw(self.first_draw(part));
        }
        match part {
            0 => self.embeddings(hidden),
            part if part <= self.config.num_hidden_layers => self.layer(hidden, part - 1),
            _ => self.head(hidden),
        }
    }

    /// (N, H) to (N, H), or to (B, H) where there are no layers.
    fn embeddings(&mut self, embedded: Tensor<2>) -> Tensor<2> {
        let norm = self.norm("bert.embeddings.LayerNorm");
        let hidden = self.with_mask(self.after(0), |mask| kernels::norm_dropout(embedded, norm, mask));
        if self.config.num_hidden_layers == 0 { self.first_rows(hidden) } else { hidden }
    }

    /// (N, H) to (Q, H).
    fn layer(&mut self, hidden: Tensor<2>, index: usize) -> Tensor<2> {
        let (prefix, precision) = (format!("bert.encoder.layer.{index}"), self.parameters.precision());
        let projections = ["query", "key", "value"].map(|name| self.linear(&format!("{prefix}.attention.self.{name}")));
        let residual = if self.is_last(index) { self.first_rows(hidden.clone()) } else { hidden.clone() };
        let sequences = self.sequences(index);
        let rows = Draw::Rows(sequences.clone());
        let context = self.with_mask(Some(rows.clone()), |mask| kernels::self_attention(hidden, projections, &sequences, mask, precision));
        let (dense, norm) =
            (self.linear(&format!("{prefix}.attention.output.dense")), self.norm(&format!("{prefix}.attention.output.LayerNorm")));
        let attended = self.with_mask(Some(rows), |mask| kernels::linear_residual_norm(context, dense, residual, norm, mask, precision));
        let layers = ["intermediate", "output"].map(|name| self.linear(&format!("{prefix}.{name}.dense")));
        let norm = self.norm(&format!("{prefix}.output.LayerNorm"));
        self.with_mask(self.after(index + 1), |mask| kernels::feed_forward(attended, layers, norm, mask, precision))
    }

    fn is_last(&self, layer: usize) -> bool {
        layer + 1 == self.config.num_hidden_layers
    }

    fn sequences(&self, layer: usize) -> Sequences {
        if self.is_last(layer) { self.first.clone() } else { self.all.clone() }
    }

    /// The first mask that a part needs.
    fn first_draw(&self, part: usize) -> Draw {
        match part {
            0 => Draw::Rows(self.all.clone()),
            part if part <= self.config.num_hidden_layers => Draw::Scores(self.sequences(part - 1)),
            _ => Draw::Pooled,
        }
    }

    /// The mask to draw while a part ends.
    fn after(&self, part: usize) -> Option<Draw> {
        self.ahead.then(|| self.first_draw(part + 1))
    }

    /// (N, H) to (B, H).
    fn first_rows(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.select(0, indices(self.first.looking().map(|row| row as i32).collect(), self.parameters.device()))
    }

    /// (B, H) to (B, `num_labels`).
    fn head(&mut self, first: Tensor<2>) -> Tensor<2> {
        let dense = |rows: Tensor<2>, layer: Linear| linear(rows, layer.weight.transpose(), Some(layer.bias));
        let pooled = dense(first, self.linear("bert.pooler.dense")).tanh();
        let shape = pooled.dims();
        dense(apply(pooled, self.mask.take(), shape), self.linear("classifier"))
    }

    /// Runs an operation with its mask, and draws the next one meanwhile: torch's generator goes step by step and fills one thread only.
    fn with_mask(&mut self, next: Option<Draw>, operation: impl FnOnce(Option<Mask>) -> Tensor<2> + Send) -> Tensor<2> {
        let mask = self.mask.take();
        let Some(next) = next.filter(|_| self.dropout.is_on()) else { return operation(mask) };
        let (result, mask) = rayon::join(|| operation(mask), || self.draw(next));
        self.mask = mask;
        result
    }

    fn draw(&mut self, draw: Draw) -> Option<Mask> {
        let config = self.config;
        match draw {
            Draw::Rows(sequences) => self.dropout.rows(&sequences, config.hidden_size, config.hidden_dropout_prob),
            Draw::Scores(sequences) => self.dropout.scores(&sequences, config.attention_probs_dropout_prob),
            Draw::Pooled => self.dropout.elements(self.first.len() * config.hidden_size, config.classifier_dropout),
        }
    }

    fn linear(&self, name: &str) -> Linear {
        let weight = self.parameters.matrix(&format!("{name}.weight"));
        Linear { weight, bias: self.parameters.vector(&format!("{name}.bias")) }
    }

    fn norm(&self, name: &str) -> Norm {
        let (weight, bias) = (self.parameters.vector(&format!("{name}.weight")), self.parameters.vector(&format!("{name}.bias")));
        Norm { weight, bias, epsilon: self.config.layer_norm_eps }
    }
}

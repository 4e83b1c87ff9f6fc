//! The forward pass of BERT with a sequence classification head, over packed batches.
//!
//! # Shapes
//! N tokens of B sequences, the longest of T tokens; H hidden width, A attention heads, D = H / A, F feed forward width.
//!
//! # Source
//! transformers 5.23.0, `models/bert/modeling_bert.py`.

use burn::tensor::activation::{gelu, softmax};
use burn::tensor::module::{layer_norm, linear};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::dropout::Dropout;
use super::parameters::Parameters;
use crate::architecture::BertConfig;
use crate::data::Batch;

/// Added to attention scores of tokens that are not there: after the softmax nothing is left of them, in `f32` exactly.
const MASKED_SCORE: f32 = -1e9;

/// The logits of every sequence of a batch.
///
/// # Shapes
/// The result is (B, `num_labels`).
///
/// # Panics
/// Where `parameters` are not those of [`BertConfig::sequence_classification`], or the batch has no rows or does not fit the model
/// ([`crate::data::Dataset::check`]).
///
/// # Numerics
/// Logits of a sequence do not depend on its neighbours but for rounding: keys beyond the end of a sequence get probability 0. GELU is the
/// exact one, by the error function.
pub fn forward(config: &BertConfig, parameters: &Parameters, batch: &Batch, dropout: &mut Dropout) -> Tensor<2> {
    let packing = Packing::new(batch, parameters.device());
    let mut network = Network { config, parameters, packing, dropout };
    let mut hidden = network.embeddings(batch);
    for layer in 0..config.num_hidden_layers {
        hidden = network.layer(hidden, &format!("bert.encoder.layer.{layer}"));
    }
    let first = hidden.select(0, network.packing.first.clone());
    let pooled = network.linear(first, "bert.pooler.dense").tanh();
    let pooled = network.dropout.apply(pooled, config.classifier_dropout);
    network.linear(pooled, "classifier")
}

/// How the packed rows of a batch lie in a padded one.
struct Packing {
    sequences: usize,
    width: usize,
    /// The first token of each sequence, (B).
    first: Tensor<1, Int>,
    /// What padding takes, unless all sequences are equally long.
    padding: Option<Padding>,
}

struct Padding {
    /// The packed row of each padded place, (B·T); row 0 where a sequence is over.
    packed_rows: Tensor<1, Int>,
    /// The padded place of each packed row, (N).
    padded_rows: Tensor<1, Int>,
    /// What is added to the scores of each key, (B, 1, 1, T).
    mask: Tensor<4>,
}

impl Packing {
    fn new(batch: &Batch, device: &Device) -> Self {
        let (sequences, width) = (batch.len(), batch.max_length());
        let starts = batch.offsets.iter().take(sequences).map(|start| *start as i32).collect();
        let padding = (batch.total_tokens() != sequences * width).then(|| Padding::new(batch, device));
        Packing { sequences, width, first: indices(starts, device), padding }
    }

    /// (N, H) to (B, A, T, D).
    fn split_heads(&self, rows: Tensor<2>, heads: usize) -> Tensor<4> {
        let [_, hidden_size] = rows.dims();
        let padded = match &self.padding {
            Some(padding) => rows.select(0, padding.packed_rows.clone()),
            None => rows,
        };
        padded.reshape([self.sequences, self.width, heads, hidden_size / heads]).swap_dims(1, 2)
    }

    /// (B, A, T, D) to (N, H).
    fn merge_heads(&self, context: Tensor<4>) -> Tensor<2> {
        let [sequences, heads, width, head_size] = context.dims();
        let padded = context.swap_dims(1, 2).reshape([sequences * width, heads * head_size]);
        match &self.padding {
            Some(padding) => padded.select(0, padding.padded_rows.clone()),
            None => padded,
        }
    }
}

impl Padding {
    fn new(batch: &Batch, device: &Device) -> Self {
        let (sequences, width) = (batch.len(), batch.max_length());
        let mut packed_rows = vec![0; sequences * width];
        let mut padded_rows = Vec::with_capacity(batch.total_tokens());
        let mut mask = vec![MASKED_SCORE; sequences * width];
        for (sequence, bounds) in batch.offsets.windows(2).enumerate() {
            for (position, row) in (bounds[0]..bounds[1]).enumerate() {
                let place = sequence * width + position;
                packed_rows[place] = row as i32;
                padded_rows.push(place as i32);
                mask[place] = 0.0;
            }
        }
        let mask = Tensor::from_data(TensorData::new(mask, [sequences, 1, 1, width]), device);
        Padding { packed_rows: indices(packed_rows, device), padded_rows: indices(padded_rows, device), mask }
    }
}

fn indices(rows: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let length = rows.len();
    Tensor::from_data(TensorData::new(rows, [length]), device)
}

struct Network<'a, 'b> {
    config: &'a BertConfig,
    parameters: &'a Parameters,
    packing: Packing,
    dropout: &'a mut Dropout<'b>,
}

impl Network<'_, '_> {
    /// (N) ids to (N, H).
    fn embeddings(&mut self, batch: &Batch) -> Tensor<2> {
        let device = self.parameters.device();
        let embed = |ids: &[i32], name: &str| {
            let weight = self.parameters.matrix(&format!("bert.embeddings.{name}.weight"));
            weight.select(0, indices(ids.to_vec(), device))
        };
        let words = embed(&batch.token_ids, "word_embeddings");
        let types = embed(&batch.token_type_ids, "token_type_embeddings");
        let positions = embed(&batch.position_ids, "position_embeddings");
        let sum = self.layer_norm(words + types + positions, "bert.embeddings.LayerNorm");
        self.dropout.apply(sum, self.config.hidden_dropout_prob)
    }

    /// (N, H) to (N, H).
    fn layer(&mut self, hidden: Tensor<2>, prefix: &str) -> Tensor<2> {
        let context = self.self_attention(hidden.clone(), &format!("{prefix}.attention.self"));
        let attended = self.residual(context, hidden, &format!("{prefix}.attention.output"));
        // By the error function on `flex`, forward and backward. burn's default backward goes by tanh: a backend that keeps it needs GELU
        // composed from `erf`, whose derivative is exact everywhere.
        let intermediate = gelu(self.linear(attended.clone(), &format!("{prefix}.intermediate.dense")));
        self.residual(intermediate, attended, &format!("{prefix}.output"))
    }

    /// (N, H) to (N, H); scores and probabilities are (B, A, T, T).
    fn self_attention(&mut self, hidden: Tensor<2>, prefix: &str) -> Tensor<2> {
        let heads = self.config.num_attention_heads;
        let scale = (self.config.hidden_size as f64 / heads as f64).sqrt().recip();
        let project = |name: &str| self.packing.split_heads(self.linear(hidden.clone(), &format!("{prefix}.{name}")), heads);
        let (query, key, value) = (project("query"), project("key"), project("value"));
        let mut scores = (query * scale).matmul(key.swap_dims(2, 3));
        if let Some(padding) = &self.packing.padding {
            scores = scores + padding.mask.clone();
        }
        let probabilities = self.dropout.apply(softmax(scores, 3), self.config.attention_probs_dropout_prob);
        self.packing.merge_heads(probabilities.matmul(value))
    }

    /// LayerNorm(dropout(dense(update)) + residual): (N, H) or (N, F), and (N, H), to (N, H).
    fn residual(&mut self, update: Tensor<2>, residual: Tensor<2>, prefix: &str) -> Tensor<2> {
        let update = self.linear(update, &format!("{prefix}.dense"));
        let update = self.dropout.apply(update, self.config.hidden_dropout_prob);
        self.layer_norm(update + residual, &format!("{prefix}.LayerNorm"))
    }

    /// (rows, in) to (rows, out).
    fn linear(&self, rows: Tensor<2>, name: &str) -> Tensor<2> {
        let weight = self.parameters.matrix(&format!("{name}.weight"));
        linear(rows, weight.transpose(), Some(self.parameters.vector(&format!("{name}.bias"))))
    }

    fn layer_norm(&self, rows: Tensor<2>, name: &str) -> Tensor<2> {
        let weight = self.parameters.vector(&format!("{name}.weight"));
        let bias = self.parameters.vector(&format!("{name}.bias"));
        layer_norm(rows, weight, Some(bias), self.config.layer_norm_eps)
    }
}

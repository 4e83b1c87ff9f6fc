//! The forward pass of BERT with a sequence classification head.
//!
//! # Source
//! transformers 5.23.0, `models/bert/modeling_bert.py`.

use super::activations::{Keep, Layer, LayerSizes};
use super::attention::{Attention, Pass};
use super::inputs::{Inputs, Looks, Placed};
use super::kernel::Kernel;
use super::matmul::{Extra, Finish, Layout, Operand, Product};
use super::memory::Tensor;
use super::model::Model;
use super::parameters::{Place, Slab};
use super::stream::{ELEMENTS, Stream, Word, elements, words};

/// The names of a layer's modules, without their beginning.
pub(super) const QUERY: &str = "attention.self.query";
pub(super) const ATTENTION_OUTPUT: &str = "attention.output.dense";
pub(super) const ATTENTION_NORM: &str = "attention.output.LayerNorm";
pub(super) const INTERMEDIATE: &str = "intermediate.dense";
pub(super) const OUTPUT: &str = "output.dense";
pub(super) const OUTPUT_NORM: &str = "output.LayerNorm";

/// What a LayerNorm does besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct NormInputs<'a> {
    pub(super) rows: usize,
    pub(super) residual: Option<&'a Tensor>,
    pub(super) mask: Placed,
    pub(super) inputs: &'a Tensor,
}

impl Model {
    /// The logits of a batch, (B, C).
    pub(super) fn forward(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, keep: Keep) -> Tensor {
        let hidden = self.embed(stream, inputs, words, keep);
        let last = (0..self.sizes.layers).fold(hidden, |hidden, layer| {
            let (_, out) = self.layer_forward(stream, inputs, words, layer, &hidden, keep);
            out
        });
        let first = if self.sizes.layers == 0 { self.first_rows(stream, inputs, words, &last) } else { last };
        self.head(stream, inputs, words, &first)
    }

    fn embed(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, keep: Keep) -> Tensor {
        let (gpu, width) = (stream.gpu, self.sizes.hidden);
        let count = inputs.tokens * width;
        let embedded = self.activations.embedded.with_room(gpu, count);
        let tables = self.tables.map(|slab| &self.parameters.slabs[slab].values);
        let [first, second, third] = inputs.ids;
        let arguments: &[u32] = words![count, width, first, second, third, inputs.noise.is_some(), inputs.noise.unwrap_or_default()];
        stream.launch(Kernel::Embed, arguments, &[tables[0], tables[1], tables[2], words, &embedded], elements(count));
        let out = self.activations.hidden(gpu, keep, 0, count);
        let statistics = self.activations.embedded_statistics.with_room(gpu, 2 * inputs.tokens);
        let norm = NormInputs { rows: inputs.tokens, residual: None, mask: inputs.embeddings, inputs: words };
        self.norm(stream, "bert.embeddings.LayerNorm", &embedded, norm, &out, &statistics);
        out
    }

    /// A layer, from (N, H) to (Q, H): what it keeps, and what it gives.
    pub(super) fn layer_forward(
        &mut self,
        stream: &mut Stream<'_>,
        inputs: &Inputs,
        words: &Tensor,
        layer: usize,
        hidden: &Tensor,
        keep: Keep,
    ) -> (Layer, Tensor) {
        let (gpu, sizes) = (stream.gpu, self.layer_sizes(inputs, layer));
        let LayerSizes { tokens, queries, hidden: width, inner, .. } = sizes;
        let room = self.activations.layer(gpu, keep, layer, sizes);
        let out = self.activations.hidden(gpu, keep, layer + 1, queries * width);
        let [scores, after_attention, after_feeding] = inputs.layers.get(layer).copied().unwrap_or_default();
        let residual = if queries < tokens {
            gather(stream, hidden, inputs.first_tokens, queries, width, words, &room.residual);
            &room.residual
        } else {
            hidden
        };
        self.project(stream, layer, hidden, residual, sizes, &room.projected);
        let attention = self.attention(Pass::Forward);
        let arguments = self.attention_arguments(inputs, layer, scores);
        let tensors = [&room.projected, words, &room.context, &room.normalizers];
        stream.launch(Kernel::Attention(attention), &arguments, &tensors, attention_grid(queries, sizes.heads));
        self.linear(stream, &self.name(layer, ATTENTION_OUTPUT), &room.context, queries, [width, width], &room.attention_sums, None);
        let norm = NormInputs { rows: queries, residual: Some(residual), mask: after_attention, inputs: words };
        let name = self.name(layer, ATTENTION_NORM);
        self.norm(stream, &name, &room.attention_sums, norm, &room.attended, &room.attention_statistics);
        let name = self.name(layer, INTERMEDIATE);
        self.linear(stream, &name, &room.attended, queries, [inner, width], &room.before_gelu, Some(&room.after_gelu));
        self.linear(stream, &self.name(layer, OUTPUT), &room.after_gelu, queries, [width, inner], &room.sums, None);
        let norm = NormInputs { rows: queries, residual: Some(&room.attended), mask: after_feeding, inputs: words };
        self.norm(stream, &self.name(layer, OUTPUT_NORM), &room.sums, norm, &out, &room.statistics);
        (room, out)
    }

    /// Queries, keys and values, each (N, H) one after the other; of the queries only those that look.
    fn project(&self, stream: &mut Stream<'_>, layer: usize, hidden: &Tensor, looking: &Tensor, sizes: LayerSizes, out: &Tensor) {
        let LayerSizes { tokens, queries, hidden: width, .. } = sizes;
        let (weight, bias, stride) = self.projections(layer);
        let slab = &self.parameters.slabs[weight.slab];
        let product = |x, rows, first: usize, count| Product {
            layout: Layout::Nt,
            finish: Finish::Bias,
            m: rows,
            n: width,
            k: width,
            a: Operand::at_start(x, width),
            b: Operand { tensor: &slab.values, start: weight.start + first * stride, row: width, stride },
            c: Operand { tensor: out, start: first * tokens * width, row: width, stride: tokens * width },
            count,
            is_sum: false,
            extra: Extra { other: Some(&slab.values), bias: bias.start + first * stride, bias_stride: stride, ..Extra::default() },
        };
        if queries < tokens {
            stream.matmul(&product(looking, queries, 0, 1));
            stream.matmul(&product(hidden, tokens, 1, 2));
        } else {
            stream.matmul(&product(hidden, tokens, 0, 3));
        }
    }

    /// Where the query's weight and bias are, and how far it is from there to the key's, and from those to the value's.
    pub(super) fn projections(&self, layer: usize) -> (Place, Place, usize) {
        let query = self.name(layer, QUERY);
        let (weight, bias) = self.module(&query);
        let (key, _) = self.module(&self.name(layer, "attention.self.key"));
        (weight, bias, key.start - weight.start)
    }

    pub(super) fn attention(&self, pass: Pass) -> Attention {
        Attention { pass, size: (self.sizes.hidden / self.sizes.heads).word() }
    }

    pub(super) fn attention_arguments(&self, inputs: &Inputs, layer: usize, mask: Placed) -> Vec<u32> {
        let size = self.sizes.hidden / self.sizes.heads;
        let lanes = if size.is_multiple_of(4) { 4 } else { 1 };
        let (width, looks) = (self.sizes.hidden / lanes, self.looks(inputs, layer));
        let Looks { queries, sequence_of_query, sequence_of_token, sequences } = looks;
        let plane = inputs.tokens * width;
        let (place, scale) = mask.unwrap_or_default();
        let factor = 1.0 / (size as f32).sqrt();
        let arguments: &[u32] = words![
            queries,
            inputs.tokens,
            width,
            0_u32,
            plane,
            2 * plane,
            sequence_of_query,
            sequence_of_token,
            sequences,
            factor,
            mask.is_some(),
            place,
            scale,
        ];
        arguments.to_vec()
    }

    /// The logits of the first rows.
    fn head(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, first: &Tensor) -> Tensor {
        let (gpu, rows, width, labels) = (stream.gpu, inputs.rows, self.sizes.hidden, self.sizes.labels);
        let pooled = self.activations.pooled.with_room(gpu, rows * width);
        let dropped = self.activations.dropped.with_room(gpu, rows * width);
        let logits = self.activations.logits.with_room(gpu, rows * labels);
        let (weight, bias) = self.module("bert.pooler.dense");
        let slab = &self.parameters.slabs[weight.slab];
        stream.matmul(&Product {
            layout: Layout::Nt,
            finish: Finish::BiasTanh,
            m: rows,
            n: width,
            k: width,
            a: Operand::at_start(first, width),
            b: Operand { tensor: &slab.values, start: weight.start, row: width, stride: 0 },
            c: Operand::at_start(&pooled, width),
            count: 1,
            is_sum: false,
            extra: Extra {
                other: Some(&slab.values),
                bias: bias.start,
                second: Some(&dropped),
                inputs: Some(words),
                mask: inputs.pooled,
                ..Extra::default()
            },
        });
        self.linear(stream, "classifier", &dropped, rows, [labels, width], &logits, None);
        logits
    }

    /// The first row of each sequence.
    pub(super) fn first_rows(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, hidden: &Tensor) -> Tensor {
        let first = self.activations.first.with_room(stream.gpu, inputs.rows * self.sizes.hidden);
        gather(stream, hidden, inputs.first_tokens, inputs.rows, self.sizes.hidden, words, &first);
        first
    }

    /// A linear layer; with GELU after it where that has a place to go.
    #[allow(clippy::too_many_arguments, reason = "a layer has a name, an input, sizes and results")]
    fn linear(
        &self,
        stream: &mut Stream<'_>,
        name: &str,
        x: &Tensor,
        rows: usize,
        [out, width]: [usize; 2],
        result: &Tensor,
        gelu: Option<&Tensor>,
    ) {
        let (weight, bias) = self.module(name);
        let slab = &self.parameters.slabs[weight.slab];
        stream.matmul(&Product {
            layout: Layout::Nt,
            finish: if gelu.is_some() { Finish::BiasGelu } else { Finish::Bias },
            m: rows,
            n: out,
            k: width,
            a: Operand::at_start(x, width),
            b: Operand { tensor: &slab.values, start: weight.start, row: width, stride: 0 },
            c: Operand::at_start(result, out),
            count: 1,
            is_sum: false,
            extra: Extra { other: Some(&slab.values), bias: bias.start, second: gelu, ..Extra::default() },
        });
    }

    fn norm(&self, stream: &mut Stream<'_>, name: &str, x: &Tensor, norm: NormInputs<'_>, out: &Tensor, statistics: &Tensor) {
        let (weight, bias) = self.module(name);
        let Slab { values, .. } = &self.parameters.slabs[weight.slab];
        let NormInputs { rows, residual, mask, inputs } = norm;
        let (place, scale) = mask.unwrap_or_default();
        let arguments: &[u32] = words![
            rows,
            self.sizes.hidden,
            weight.start,
            bias.start,
            self.sizes.epsilon,
            residual.is_some(),
            masked(mask, residual.is_some()),
            place,
            scale,
        ];
        let tensors = [x, residual.unwrap_or(values), values, inputs, out, statistics];
        stream.launch(Kernel::Norm { lanes: self.lanes }, arguments, &tensors, self.rows_grid(rows));
    }

    /// Workgroups for so many rows, each of which is added up.
    pub(super) fn rows_grid(&self, rows: usize) -> [u32; 3] {
        [if self.lanes == 1 { rows.div_ceil(ELEMENTS).word() } else { rows.word() }, 1, 1]
    }
}

/// How the kernels of a LayerNorm number where its mask is.
pub(super) fn masked(mask: Placed, has_residual: bool) -> u32 {
    match (mask, has_residual) {
        (None, _) => 0,
        (Some(_), true) => 1,
        (Some(_), false) => 2,
    }
}

pub(super) fn attention_grid(rows: usize, heads: usize) -> [u32; 3] {
    [rows.div_ceil(ELEMENTS).word(), heads.word(), 1]
}

fn gather(stream: &mut Stream<'_>, x: &Tensor, rows: usize, count: usize, width: usize, inputs: &Tensor, out: &Tensor) {
    let arguments: &[u32] = words![count * width, width, rows];
    stream.launch(Kernel::GatherRows, arguments, &[x, inputs, out], elements(count * width));
}

//! The backward pass: each part takes the gradient of what it gave, adds to the gradients of its parameters, and gives that of what it took.

use super::activations::{Keep, Layer, LayerSizes};
use super::attention::Pass;
use super::forward::{ATTENTION_NORM, ATTENTION_OUTPUT, INTERMEDIATE, OUTPUT, OUTPUT_NORM, attention_grid, masked};
use super::inputs::{Inputs, Placed};
use super::kernel::Kernel;
use super::matmul::{Extra, Finish, Layout, Operand, Product};
use super::memory::Tensor;
use super::model::Model;
use super::stream::{Stream, elements, words};

/// What a LayerNorm took and gave.
struct NormOf<'a> {
    name: &'a str,
    rows: usize,
    sums: &'a Tensor,
    statistics: &'a Tensor,
    has_residual: bool,
    mask: Placed,
}

impl Model {
    /// From the gradient of the logits; `accumulate` says whether gradients of parameters are added to what is there.
    pub(super) fn backward(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, keep: Keep, accumulate: bool) {
        let (gpu, width, layers) = (stream.gpu, self.sizes.hidden, self.sizes.layers);
        self.head_backward(stream, inputs, words, keep, accumulate);
        for layer in (0..layers).rev() {
            let hidden = self.activations.hidden(gpu, keep, layer, inputs.tokens * width);
            let room = match keep {
                Keep::All => {
                    let sizes = self.layer_sizes(inputs, layer);
                    self.activations.layer(gpu, keep, layer, sizes)
                }
                Keep::Inputs | Keep::Nothing => self.layer_forward(stream, inputs, words, layer, &hidden, keep).0,
            };
            self.layer_backward(stream, inputs, words, layer, &hidden, &room, accumulate);
        }
        self.embeddings_backward(stream, inputs, words, accumulate);
    }

    /// Which of the two tensors holds the gradient of what enters a layer, or of what leaves the last one.
    fn hidden_gradient(&mut self, stream: &Stream<'_>, layer: usize, elements: usize) -> Tensor {
        self.activations.gradients.hidden[layer % 2].with_room(stream.gpu, elements)
    }

    fn head_backward(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, keep: Keep, accumulate: bool) {
        let (gpu, rows, width, labels, layers) = (stream.gpu, inputs.rows, self.sizes.hidden, self.sizes.labels, self.sizes.layers);
        let gradient = self.activations.gradients.logits.with_room(gpu, rows * labels);
        let dropped = self.activations.dropped.with_room(gpu, rows * width);
        let pooled = self.activations.pooled.with_room(gpu, rows * width);
        let of_pooled = self.activations.gradients.pooled.with_room(gpu, rows * width);
        self.weight_gradient(stream, "classifier", &gradient, &dropped, rows, [labels, width], accumulate);
        let extra = Extra { other: Some(&pooled), inputs: Some(words), mask: inputs.pooled, ..Extra::default() };
        self.input_gradient(stream, "classifier", &gradient, rows, [labels, width], &of_pooled, Finish::TanhBackward, extra);
        let first = match layers {
            0 => self.activations.first.with_room(gpu, rows * width),
            layers => self.activations.hidden(gpu, keep, layers, rows * width),
        };
        self.weight_gradient(stream, "bert.pooler.dense", &of_pooled, &first, rows, [width, width], accumulate);
        let tokens = if layers == 0 { inputs.tokens } else { rows };
        let out = self.hidden_gradient(stream, layers, tokens * width);
        if layers > 0 {
            self.input_gradient(stream, "bert.pooler.dense", &of_pooled, rows, [width, width], &out, Finish::Plain, Extra::default());
            return;
        }
        let of_first = self.activations.gradients.residual.with_room(gpu, rows * width);
        self.input_gradient(stream, "bert.pooler.dense", &of_pooled, rows, [width, width], &of_first, Finish::Plain, Extra::default());
        stream.clear(&out);
        let arguments: &[u32] = words![rows * width, width, inputs.first_tokens];
        stream.launch(Kernel::AddToRows, arguments, &[&of_first, words, &out], elements(rows * width));
    }

    #[allow(clippy::too_many_arguments, reason = "a layer has an input, what it kept, and the batch")]
    fn layer_backward(
        &mut self,
        stream: &mut Stream<'_>,
        inputs: &Inputs,
        words: &Tensor,
        layer: usize,
        hidden: &Tensor,
        room: &Layer,
        accumulate: bool,
    ) {
        let (gpu, sizes) = (stream.gpu, self.layer_sizes(inputs, layer));
        let LayerSizes { queries, hidden: width, inner, .. } = sizes;
        let [scores, after_attention, after_feeding] = inputs.layers.get(layer).copied().unwrap_or_default();
        let gradient = self.hidden_gradient(stream, layer + 1, queries * width);

        let of_sums = self.activations.gradients.sums.with_room(gpu, queries * width);
        let name = self.name(layer, OUTPUT_NORM);
        let (sums, statistics) = (&room.sums, &room.statistics);
        let norm = NormOf { name: &name, rows: queries, sums, statistics, has_residual: true, mask: after_feeding };
        let dropped = self.norm_backward(stream, &norm, &gradient, words, &of_sums, accumulate);
        let name = self.name(layer, OUTPUT);
        self.weight_gradient(stream, &name, &dropped, &room.after_gelu, queries, [width, inner], accumulate);
        let of_inner = self.activations.gradients.before_gelu.with_room(gpu, queries * inner);
        let extra = Extra { other: Some(&room.before_gelu), ..Extra::default() };
        self.input_gradient(stream, &name, &dropped, queries, [width, inner], &of_inner, Finish::GeluBackward, extra);
        let name = self.name(layer, INTERMEDIATE);
        self.weight_gradient(stream, &name, &of_inner, &room.attended, queries, [inner, width], accumulate);
        let of_attended = self.activations.gradients.attended.with_room(gpu, queries * width);
        let extra = Extra { other: Some(&of_sums), ..Extra::default() };
        self.input_gradient(stream, &name, &of_inner, queries, [inner, width], &of_attended, Finish::Plus, extra);

        let of_sums = self.activations.gradients.attention_sums.with_room(gpu, queries * width);
        let name = self.name(layer, ATTENTION_NORM);
        let (sums, statistics) = (&room.attention_sums, &room.attention_statistics);
        let norm = NormOf { name: &name, rows: queries, sums, statistics, has_residual: true, mask: after_attention };
        let dropped = self.norm_backward(stream, &norm, &of_attended, words, &of_sums, accumulate);
        let name = self.name(layer, ATTENTION_OUTPUT);
        self.weight_gradient(stream, &name, &dropped, &room.context, queries, [width, width], accumulate);
        let of_context = self.activations.gradients.context.with_room(gpu, queries * width);
        self.input_gradient(stream, &name, &dropped, queries, [width, width], &of_context, Finish::Plain, Extra::default());
        let of_projected = self.attention_backward(stream, inputs, words, layer, room, &of_context, scores);
        self.projections_backward(stream, inputs, words, layer, hidden, room, &of_projected, &of_sums, accumulate);
    }

    /// Gradients of queries, keys and values, each (N, H) one after the other.
    #[allow(clippy::too_many_arguments, reason = "a layer has what it kept, and the batch")]
    fn attention_backward(
        &mut self,
        stream: &mut Stream<'_>,
        inputs: &Inputs,
        words: &Tensor,
        layer: usize,
        room: &Layer,
        of_context: &Tensor,
        scores: Placed,
    ) -> Tensor {
        let (gpu, sizes) = (stream.gpu, self.layer_sizes(inputs, layer));
        let gradient = self.activations.gradients.projected.with_room(gpu, 3 * sizes.tokens * sizes.hidden);
        let products = self.activations.gradients.products.with_room(gpu, sizes.queries * sizes.heads);
        let arguments = self.attention_arguments(inputs, layer, scores);
        let tensors = [&room.projected, words, &room.context, of_context, &room.normalizers, &gradient, &products];
        let grid = attention_grid(sizes.queries, sizes.heads);
        stream.launch(Kernel::Attention(self.attention(Pass::Queries)), &arguments, &tensors, grid);
        let tensors = [&room.projected, words, of_context, &room.normalizers, &products, &gradient];
        let grid = attention_grid(sizes.tokens, sizes.heads);
        stream.launch(Kernel::Attention(self.attention(Pass::Keys)), &arguments, &tensors, grid);
        gradient
    }

    #[allow(clippy::too_many_arguments, reason = "a layer has an input, what it kept, and the batch")]
    fn projections_backward(
        &mut self,
        stream: &mut Stream<'_>,
        inputs: &Inputs,
        words: &Tensor,
        layer: usize,
        hidden: &Tensor,
        room: &Layer,
        of_projected: &Tensor,
        of_sums: &Tensor,
        accumulate: bool,
    ) {
        let (gpu, sizes) = (stream.gpu, self.layer_sizes(inputs, layer));
        let LayerSizes { tokens, queries, hidden: width, .. } = sizes;
        let out = self.hidden_gradient(stream, layer, tokens * width);
        let of_residual = self.activations.gradients.residual.with_room(gpu, queries * width);
        let (weight, bias, stride) = self.projections(layer);
        let slab = &self.parameters.slabs[weight.slab];
        let operand = |first: usize| Operand { tensor: of_projected, start: first * tokens * width, row: width, stride: tokens * width };
        let of_weights = |x, rows, first: usize, count| Product {
            layout: Layout::Tn,
            finish: Finish::Gradient,
            m: width,
            n: width,
            k: rows,
            a: operand(first),
            b: Operand::at_start(x, width),
            c: Operand { tensor: &slab.gradients, start: weight.start + first * stride, row: width, stride },
            count,
            is_sum: false,
            extra: Extra { bias: bias.start + first * stride, bias_stride: stride, accumulate, ..Extra::default() },
        };
        let of_inputs = |rows, first: usize, count, out, other: Option<_>| Product {
            layout: Layout::Nn,
            finish: if other.is_some() { Finish::Plus } else { Finish::Plain },
            m: rows,
            n: width,
            k: width,
            a: operand(first),
            b: Operand { tensor: &slab.values, start: weight.start + first * stride, row: width, stride },
            c: Operand::at_start(out, width),
            count,
            is_sum: true,
            extra: Extra { other, ..Extra::default() },
        };
        if queries == tokens {
            stream.matmul(&of_weights(hidden, tokens, 0, 3));
            stream.matmul(&of_inputs(tokens, 0, 3, &out, Some(of_sums)));
            return;
        }
        stream.matmul(&of_weights(&room.residual, queries, 0, 1));
        stream.matmul(&of_weights(hidden, tokens, 1, 2));
        stream.matmul(&of_inputs(tokens, 1, 2, &out, None));
        stream.matmul(&of_inputs(queries, 0, 1, &of_residual, Some(of_sums)));
        let arguments: &[u32] = words![queries * width, width, inputs.first_tokens];
        stream.launch(Kernel::AddToRows, arguments, &[&of_residual, words, &out], elements(queries * width));
    }

    fn embeddings_backward(&mut self, stream: &mut Stream<'_>, inputs: &Inputs, words: &Tensor, accumulate: bool) {
        let (gpu, tokens, width) = (stream.gpu, inputs.tokens, self.sizes.hidden);
        let gradient = self.hidden_gradient(stream, 0, tokens * width);
        let embedded = self.activations.embedded.with_room(gpu, tokens * width);
        let statistics = self.activations.embedded_statistics.with_room(gpu, 2 * tokens);
        let of_sums = self.activations.gradients.sums.with_room(gpu, tokens * width);
        let name = "bert.embeddings.LayerNorm";
        let norm = NormOf { name, rows: tokens, sums: &embedded, statistics: &statistics, has_residual: false, mask: inputs.embeddings };
        self.norm_backward(stream, &norm, &gradient, words, &of_sums, accumulate);
        for (slab, choices) in self.tables.into_iter().zip(inputs.choices) {
            let table = &self.parameters.slabs[slab].gradients;
            if !accumulate {
                stream.clear(table);
            }
            let count = choices.count * width;
            let arguments: &[u32] = words![count, width, choices.rows, choices.starts, choices.tokens, accumulate];
            stream.launch(Kernel::TableGradient, arguments, &[&of_sums, words, table], elements(count));
        }
    }

    /// The gradient of a weight (out, in) and its bias.
    #[allow(clippy::too_many_arguments, reason = "a product has two operands, sizes and a name")]
    fn weight_gradient(
        &self,
        stream: &mut Stream<'_>,
        name: &str,
        gradient: &Tensor,
        x: &Tensor,
        rows: usize,
        [out, width]: [usize; 2],
        accumulate: bool,
    ) {
        let (weight, bias) = self.module(name);
        let slab = &self.parameters.slabs[weight.slab];
        stream.matmul(&Product {
            layout: Layout::Tn,
            finish: Finish::Gradient,
            m: out,
            n: width,
            k: rows,
            a: Operand::at_start(gradient, out),
            b: Operand::at_start(x, width),
            c: Operand { tensor: &slab.gradients, start: weight.start, row: width, stride: 0 },
            count: 1,
            is_sum: false,
            extra: Extra { bias: bias.start, accumulate, ..Extra::default() },
        });
    }

    /// The gradient of what a linear layer takes, finished.
    #[allow(clippy::too_many_arguments, reason = "a product has two operands, sizes and a name")]
    fn input_gradient(
        &self,
        stream: &mut Stream<'_>,
        name: &str,
        gradient: &Tensor,
        rows: usize,
        [out, width]: [usize; 2],
        result: &Tensor,
        finish: Finish,
        extra: Extra<'_>,
    ) {
        let (weight, _) = self.module(name);
        let slab = &self.parameters.slabs[weight.slab];
        stream.matmul(&Product {
            layout: Layout::Nn,
            finish,
            m: rows,
            n: width,
            k: out,
            a: Operand::at_start(gradient, out),
            b: Operand { tensor: &slab.values, start: weight.start, row: width, stride: 0 },
            c: Operand::at_start(result, width),
            count: 1,
            is_sum: false,
            extra,
        });
    }

    /// Writes the gradient of the sums, and gives that of what was masked before they were made.
    fn norm_backward(
        &mut self,
        stream: &mut Stream<'_>,
        norm: &NormOf<'_>,
        gradient: &Tensor,
        words: &Tensor,
        of_sums: &Tensor,
        accumulate: bool,
    ) -> Tensor {
        let NormOf { name, rows, sums, statistics, has_residual, mask } = *norm;
        let (width, (place, scale)) = (self.sizes.hidden, mask.unwrap_or_default());
        let is_masked = masked(mask, has_residual);
        let dropped = self.activations.gradients.dropped.with_room(stream.gpu, rows * width);
        let (weight, bias) = self.module(name);
        let slab = &self.parameters.slabs[weight.slab];
        let arguments: &[u32] = words![rows, width, weight.start, is_masked, place, scale];
        let tensors = [gradient, sums, statistics, &slab.values, words, of_sums, &dropped];
        stream.launch(Kernel::NormBackward { lanes: self.lanes }, arguments, &tensors, self.rows_grid(rows));
        let arguments: &[u32] = words![rows, width, weight.start, bias.start, accumulate, is_masked, place, scale];
        let tensors = [gradient, sums, statistics, words, &slab.gradients];
        stream.launch(Kernel::NormColumns { lanes: self.lanes }, arguments, &tensors, self.rows_grid(width));
        if is_masked == 1 { dropped } else { of_sums.clone() }
    }
}

//! GPT-2 (Radford et al., 2019): its files are read, written and verified; it is not trained.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `models/gpt2/modeling_gpt2.py` and `pytorch_utils.py` (`Conv1D`).

use super::table::{Architecture, Class, DecoderBias, Module, Size, class, row};

const WIDTH: Size = Size::Key("n_embd");
const FEED_FORWARD: Size = Size::KeyOrFourTimes("n_inner", "n_embd");

/// The table.
pub const GPT2: Architecture = Architecture {
    model_type: "gpt2",
    prefix: "transformer.",
    width: "n_embd",
    heads: "n_head",
    positions: "n_positions",
    counts_positions_from_padding: false,
    embeddings: &[
        row("wte", Module::Embedding(Size::Key("vocab_size"), WIDTH)),
        row("wpe", Module::Embedding(Size::Key("n_positions"), WIDTH)),
    ],
    layers: "n_layer",
    layer_prefix: "h.",
    layer: &[
        row("ln_1", Module::LayerNorm(WIDTH)),
        row("attn.c_attn", Module::Conv1d(WIDTH, Size::Triple("n_embd"))),
        row("attn.c_proj", Module::ResidualConv1d(WIDTH, WIDTH)),
        row("ln_2", Module::LayerNorm(WIDTH)),
        row("mlp.c_fc", Module::Conv1d(WIDTH, FEED_FORWARD)),
        row("mlp.c_proj", Module::ResidualConv1d(FEED_FORWARD, WIDTH)),
    ],
    end: &[row("ln_f", Module::LayerNorm(WIDTH))],
    pooler: &[],
    classes: &[
        class("GPT2Model", false, &[]),
        Class { name: "GPT2LMHeadModel", pools: false, generates: true, head: &[row("lm_head", Module::Decoder(DecoderBias::None))] },
        class("GPT2ForSequenceClassification", false, &[row("score", Module::Projection(Size::Labels, WIDTH))]),
        class("GPT2ForTokenClassification", false, &[row("classifier", Module::Linear(Size::Labels, WIDTH))]),
        class("GPT2ForQuestionAnswering", false, &[row("qa_outputs", Module::Linear(Size::Fixed(2), WIDTH))]),
    ],
};

//! RoBERTa (Liu et al., 2019): BERT's layers, byte pairs, and a head of two layers.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `models/roberta/modeling_roberta.py`.

use super::bert::{ENCODER, END, HIDDEN, POOLER, VOCAB};
use super::table::{Architecture, DecoderBias, Module, Row, Size, class, row, row_of};

const POSITIONS: Module = Module::PaddedEmbedding(Size::Key("max_position_embeddings"), HIDDEN);

/// The table.
pub const ROBERTA: Architecture = Architecture {
    model_type: "roberta",
    prefix: "roberta.",
    width: "hidden_size",
    heads: "num_attention_heads",
    positions: "max_position_embeddings",
    counts_positions_from_padding: true,
    embeddings: &[
        row("embeddings.word_embeddings", Module::PaddedEmbedding(VOCAB, HIDDEN)),
        row_of("4.57.6", "embeddings.position_embeddings", POSITIONS),
        row("embeddings.token_type_embeddings", Module::Embedding(Size::Key("type_vocab_size"), HIDDEN)),
        row("embeddings.LayerNorm", Module::LayerNorm(HIDDEN)),
        row_of("5.23.0", "embeddings.position_embeddings", POSITIONS),
    ],
    layers: "num_hidden_layers",
    layer_prefix: "encoder.layer.",
    layer: ENCODER,
    end: END,
    pooler: POOLER,
    classes: &[
        class("RobertaModel", true, &[]),
        class("RobertaForMaskedLM", false, MASKED_LM),
        class(
            "RobertaForSequenceClassification",
            false,
            &[row("classifier.dense", Module::Linear(HIDDEN, HIDDEN)), row("classifier.out_proj", Module::Linear(Size::Labels, HIDDEN))],
        ),
        class("RobertaForMultipleChoice", true, &[row("classifier", Module::Linear(Size::Fixed(1), HIDDEN))]),
        class("RobertaForTokenClassification", false, &[row("classifier", Module::Linear(Size::Labels, HIDDEN))]),
        class("RobertaForQuestionAnswering", false, &[row("qa_outputs", Module::Linear(Size::Labels, HIDDEN))]),
    ],
};

const MASKED_LM: &[Row] = &[
    row("lm_head.bias", Module::Bias(VOCAB)),
    row("lm_head.dense", Module::Linear(HIDDEN, HIDDEN)),
    row("lm_head.layer_norm", Module::LayerNorm(HIDDEN)),
    row("lm_head.decoder", Module::Decoder(DecoderBias::Shared("lm_head.bias"))),
];

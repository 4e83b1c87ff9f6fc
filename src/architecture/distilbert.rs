//! DistilBERT (Sanh et al., 2019): BERT without segments and pooler.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `models/distilbert/modeling_distilbert.py`.

use super::table::{Architecture, DecoderBias, Module, Row, Size, class, row};

const DIM: Size = Size::Key("dim");
const FEED_FORWARD: Size = Size::Key("hidden_dim");
const SQUARE: Module = Module::Linear(DIM, DIM);

/// The table.
pub const DISTILBERT: Architecture = Architecture {
    model_type: "distilbert",
    prefix: "distilbert.",
    width: "dim",
    heads: "n_heads",
    positions: "max_position_embeddings",
    counts_positions_from_padding: false,
    embeddings: &[
        row("embeddings.word_embeddings", Module::PaddedEmbedding(Size::Key("vocab_size"), DIM)),
        row("embeddings.position_embeddings", Module::Embedding(Size::Key("max_position_embeddings"), DIM)),
        row("embeddings.LayerNorm", Module::LayerNorm(DIM)),
    ],
    layers: "n_layers",
    layer_prefix: "transformer.layer.",
    layer: &[
        row("attention.q_lin", SQUARE),
        row("attention.k_lin", SQUARE),
        row("attention.v_lin", SQUARE),
        row("attention.out_lin", SQUARE),
        row("sa_layer_norm", Module::LayerNorm(DIM)),
        row("ffn.lin1", Module::Linear(FEED_FORWARD, DIM)),
        row("ffn.lin2", Module::Linear(DIM, FEED_FORWARD)),
        row("output_layer_norm", Module::LayerNorm(DIM)),
    ],
    end: &[],
    pooler: &[],
    classes: &[
        class("DistilBertModel", false, &[]),
        class("DistilBertForMaskedLM", false, MASKED_LM),
        class(
            "DistilBertForSequenceClassification",
            false,
            &[row("pre_classifier", SQUARE), row("classifier", Module::Linear(Size::Labels, DIM))],
        ),
        class(
            "DistilBertForMultipleChoice",
            false,
            &[row("pre_classifier", SQUARE), row("classifier", Module::Linear(Size::Fixed(1), DIM))],
        ),
        class("DistilBertForTokenClassification", false, &[row("classifier", Module::Linear(Size::Labels, DIM))]),
        class("DistilBertForQuestionAnswering", false, &[row("qa_outputs", Module::Linear(Size::Labels, DIM))]),
    ],
};

const MASKED_LM: &[Row] = &[
    row("vocab_transform", SQUARE),
    row("vocab_layer_norm", Module::LayerNorm(DIM)),
    row("vocab_projector", Module::Decoder(DecoderBias::Own)),
];

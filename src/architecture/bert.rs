//! BERT (Devlin et al., 2018).
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `models/bert/modeling_bert.py` and `configuration_bert.py`.

use super::ParameterTable;
use super::table::{Architecture, DecoderBias, MAX_LAYERS, MAX_SIZE, Module, Row, Size, Sizes, class, row};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::config::Config;
use crate::format::release::DEFAULT;

pub(super) const VOCAB: Size = Size::Key("vocab_size");
pub(super) const HIDDEN: Size = Size::Key("hidden_size");
const INTERMEDIATE: Size = Size::Key("intermediate_size");
const SQUARE: Module = Module::Linear(HIDDEN, HIDDEN);

/// The table.
pub const BERT: Architecture = Architecture {
    model_type: "bert",
    prefix: "bert.",
    width: "hidden_size",
    heads: "num_attention_heads",
    positions: "max_position_embeddings",
    counts_positions_from_padding: false,
    embeddings: &[
        row("embeddings.word_embeddings", Module::PaddedEmbedding(VOCAB, HIDDEN)),
        row("embeddings.position_embeddings", Module::Embedding(Size::Key("max_position_embeddings"), HIDDEN)),
        row("embeddings.token_type_embeddings", Module::Embedding(Size::Key("type_vocab_size"), HIDDEN)),
        row("embeddings.LayerNorm", Module::LayerNorm(HIDDEN)),
    ],
    layers: "num_hidden_layers",
    layer_prefix: "encoder.layer.",
    layer: ENCODER,
    end: END,
    pooler: POOLER,
    classes: &[
        class("BertModel", true, &[]),
        class(SEQUENCE_CLASSIFICATION, true, &[row("classifier", Module::Linear(Size::Labels, HIDDEN))]),
        class("BertForMultipleChoice", true, &[row("classifier", Module::Linear(Size::Fixed(1), HIDDEN))]),
        class("BertForNextSentencePrediction", true, &[SEQUENCE_RELATIONSHIP]),
        class("BertForPreTraining", true, &[WORDS, TRANSFORM, TRANSFORM_NORM, DECODER, SEQUENCE_RELATIONSHIP]),
        class("BertForMaskedLM", false, &[WORDS, TRANSFORM, TRANSFORM_NORM, DECODER]),
        class("BertForTokenClassification", false, &[row("classifier", Module::Linear(Size::Labels, HIDDEN))]),
        class("BertForQuestionAnswering", false, &[row("qa_outputs", Module::Linear(Size::Labels, HIDDEN))]),
    ],
};

const SEQUENCE_CLASSIFICATION: &str = "BertForSequenceClassification";

pub(super) const ENCODER: &[Row] = &[
    row("attention.self.query", SQUARE),
    row("attention.self.key", SQUARE),
    row("attention.self.value", SQUARE),
    row("attention.output.dense", SQUARE),
    row("attention.output.LayerNorm", Module::LayerNorm(HIDDEN)),
    row("intermediate.dense", Module::Linear(INTERMEDIATE, HIDDEN)),
    row("output.dense", Module::Linear(HIDDEN, INTERMEDIATE)),
    row("output.LayerNorm", Module::LayerNorm(HIDDEN)),
];
pub(super) const END: &[Row] = &[];
pub(super) const POOLER: &[Row] = &[row("pooler.dense", SQUARE)];

const WORDS: Row = row("cls.predictions.bias", Module::Bias(VOCAB));
const TRANSFORM: Row = row("cls.predictions.transform.dense", SQUARE);
const TRANSFORM_NORM: Row = row("cls.predictions.transform.LayerNorm", Module::LayerNorm(HIDDEN));
const DECODER: Row = row("cls.predictions.decoder", Module::Decoder(DecoderBias::Shared("cls.predictions.bias")));
const SEQUENCE_RELATIONSHIP: Row = row("cls.seq_relationship", Module::Linear(Size::Fixed(2), HIDDEN));

/// The part of `config.json` that decides what a BERT classifier computes.
#[derive(Debug, Clone, PartialEq)]
pub struct BertConfig {
    /// V, rows of the word embedding.
    pub vocab_size: usize,
    /// H, width of the hidden states.
    pub hidden_size: usize,
    /// Number of encoder layers.
    pub num_hidden_layers: usize,
    /// Number of attention heads; divides H.
    pub num_attention_heads: usize,
    /// Width of the feed forward layer.
    pub intermediate_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
    /// Number of segments.
    pub type_vocab_size: usize,
    /// Standard deviation of initial weights.
    pub initializer_range: f64,
    /// Epsilon inside LayerNorm's square root.
    pub layer_norm_eps: f64,
    /// Dropout of embeddings, attention output and feed forward output.
    pub hidden_dropout_prob: f64,
    /// Dropout of attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// Dropout before the classifier; `hidden_dropout_prob` where null.
    pub classifier_dropout: f64,
    /// Row of the word embedding that starts at zero.
    pub pad_token_id: Option<usize>,
    /// Number of classes, or 1 for regression.
    pub num_labels: usize,
}

impl BertConfig {
    /// Reads and checks the values.
    ///
    /// # Errors
    /// A missing or ill-typed key, sizes that do not fit each other, or a variant of BERT that is not supported.
    pub fn from_config(config: &Config) -> Result<Self> {
        if config.model_type() != Some("bert") {
            let diagnostic = Diagnostic::new("unsupported-architecture", config.site("model_type"), "this architecture is not supported")
                .expected("bert")
                .found(config.model_type().unwrap_or("nothing"));
            return Err(Error::unsupported(diagnostic));
        }
        let size = |key: &str| config.size(key, 1..=MAX_SIZE);
        let hidden_dropout_prob = config.probability("hidden_dropout_prob")?;
        let bert = BertConfig {
            vocab_size: size("vocab_size")?,
            hidden_size: size("hidden_size")?,
            num_hidden_layers: config.size("num_hidden_layers", 0..=MAX_LAYERS)?,
            num_attention_heads: size("num_attention_heads")?,
            intermediate_size: size("intermediate_size")?,
            max_position_embeddings: size("max_position_embeddings")?,
            type_vocab_size: size("type_vocab_size")?,
            initializer_range: config.number("initializer_range")?,
            layer_norm_eps: config.number("layer_norm_eps")?,
            hidden_dropout_prob,
            attention_probs_dropout_prob: config.probability("attention_probs_dropout_prob")?,
            classifier_dropout: config.optional_probability("classifier_dropout")?.unwrap_or(hidden_dropout_prob),
            pad_token_id: config.optional_size("pad_token_id")?,
            num_labels: config.num_labels(),
        };
        bert.check(config)?;
        Ok(bert)
    }

    fn check(&self, config: &Config) -> Result<()> {
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let diagnostic = Diagnostic::new(
                "config-heads",
                config.site("num_attention_heads"),
                "the hidden size is not a multiple of the number of heads",
            )
            .expected(format!("a divisor of {}", self.hidden_size))
            .found(self.num_attention_heads);
            return Err(Error::malformed(diagnostic));
        }
        for (key, supported) in [("hidden_act", "gelu"), ("position_embedding_type", "absolute")] {
            let found = config.text(key);
            if found.is_some_and(|found| found != supported) {
                let diagnostic = Diagnostic::new("unsupported-config", config.site(key), format!("this {key} is not supported"))
                    .expected(supported)
                    .found(found.unwrap_or_default());
                return Err(Error::unsupported(diagnostic));
            }
        }
        for key in ["is_decoder", "add_cross_attention"] {
            if config.flag(key) == Some(true) {
                let diagnostic = Diagnostic::new("unsupported-config", config.site(key), "BERT as a decoder is not supported")
                    .expected(false)
                    .found(true);
                return Err(Error::unsupported(diagnostic));
            }
        }
        Ok(())
    }

    /// The inventory of `BertForSequenceClassification`.
    pub fn sequence_classification(&self) -> ParameterTable {
        let key = |key: &str| {
            Ok(Some(match key {
                "vocab_size" => self.vocab_size,
                "hidden_size" => self.hidden_size,
                "num_hidden_layers" => self.num_hidden_layers,
                "intermediate_size" => self.intermediate_size,
                "max_position_embeddings" => self.max_position_embeddings,
                "type_vocab_size" => self.type_vocab_size,
                _ => return Ok(None),
            }))
        };
        let (labels, std, padding_row) = (self.num_labels, self.initializer_range, self.pad_token_id);
        let sizes = Sizes { key: &key, labels, std, padding_row, is_tied: true };
        let table = BERT.class(SEQUENCE_CLASSIFICATION).and_then(|class| BERT.table(class, &sizes, DEFAULT).ok());
        table.unwrap_or_default()
    }
}

/// Where the file of a parameter may call it otherwise: every name under which a checkpoint may hold `name`, best first.
///
/// A classifier checkpoint uses the name itself; a bare `BertModel` omits the `bert.` prefix; checkpoints converted from TensorFlow call
/// LayerNorm's weight and bias `gamma` and `beta`.
pub fn checkpoint_names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    if let Some(bare) = name.strip_prefix("bert.") {
        names.push(bare.to_owned());
    }
    for current in names.clone() {
        if let Some(stem) = current.strip_suffix("LayerNorm.weight") {
            names.push(format!("{stem}LayerNorm.gamma"));
        } else if let Some(stem) = current.strip_suffix("LayerNorm.bias") {
            names.push(format!("{stem}LayerNorm.beta"));
        }
    }
    names
}

/// Buffers that old checkpoints hold and transformers drops without a word.
pub fn is_ignored_buffer(name: &str) -> bool {
    name.ends_with("embeddings.position_ids") || name.ends_with("embeddings.token_type_ids")
}

/// A site for a config that lies beside the weights.
pub fn config_site(directory: &str, key: &str) -> Site {
    Site::file(format!("{directory}/config.json")).at(Place::Pointer(format!("/{key}")))
}

//! BERT (Devlin et al., 2018) with a sequence classification head.
//!
//! # Source
//! transformers 5.23.0, `models/bert/modeling_bert.py` and `configuration_bert.py`.

use super::{Construction, Initializer, Parameter, ParameterTable};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::config::Config;

/// Largest value accepted for a size in a config, so that products of two sizes fit 64 bits with room.
const MAX_SIZE: usize = 1 << 28;

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
            num_hidden_layers: config.size("num_hidden_layers", 0..=4096)?,
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
        let mut table = Builder { std: self.initializer_range, parameters: Vec::new() };
        let hidden = self.hidden_size;
        table.embedding("bert.embeddings.word_embeddings", self.vocab_size, hidden, self.pad_token_id.filter(|&row| row < self.vocab_size));
        table.embedding("bert.embeddings.position_embeddings", self.max_position_embeddings, hidden, None);
        table.embedding("bert.embeddings.token_type_embeddings", self.type_vocab_size, hidden, None);
        table.layer_norm("bert.embeddings.LayerNorm", hidden);
        for layer in 0..self.num_hidden_layers {
            let prefix = format!("bert.encoder.layer.{layer}");
            for projection in ["query", "key", "value"] {
                table.linear(&format!("{prefix}.attention.self.{projection}"), hidden, hidden);
            }
            table.linear(&format!("{prefix}.attention.output.dense"), hidden, hidden);
            table.layer_norm(&format!("{prefix}.attention.output.LayerNorm"), hidden);
            table.linear(&format!("{prefix}.intermediate.dense"), self.intermediate_size, hidden);
            table.linear(&format!("{prefix}.output.dense"), hidden, self.intermediate_size);
            table.layer_norm(&format!("{prefix}.output.LayerNorm"), hidden);
        }
        table.linear("bert.pooler.dense", hidden, hidden);
        let base_parameters = table.parameters.len();
        table.linear("classifier", self.num_labels, hidden);
        ParameterTable { parameters: table.parameters, base_parameters }
    }
}

struct Builder {
    std: f64,
    parameters: Vec<Parameter>,
}

impl Builder {
    fn push(&mut self, name: String, shape: Vec<usize>, initializer: Initializer, construction: Construction, weight_decay: bool) {
        self.parameters.push(Parameter { name, shape, initializer, construction, padding_row: None, weight_decay, tied_to: None });
    }

    fn embedding(&mut self, name: &str, rows: usize, width: usize, padding_row: Option<usize>) {
        self.push(format!("{name}.weight"), vec![rows, width], Initializer::Normal { std: self.std }, Construction::Normal, true);
        if let Some(last) = self.parameters.last_mut() {
            last.padding_row = padding_row;
        }
    }

    fn linear(&mut self, name: &str, out: usize, width: usize) {
        self.push(format!("{name}.weight"), vec![out, width], Initializer::Normal { std: self.std }, Construction::Uniform, true);
        self.push(format!("{name}.bias"), vec![out], Initializer::Zeros, Construction::Uniform, false);
    }

    fn layer_norm(&mut self, name: &str, width: usize) {
        self.push(format!("{name}.weight"), vec![width], Initializer::Ones, Construction::Constant, false);
        self.push(format!("{name}.bias"), vec![width], Initializer::Zeros, Construction::Constant, false);
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

//! How the parameters of an architecture are written down, and the parameters that a config makes of them.

use super::{Construction, Initializer, Parameter, ParameterTable};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::format::config::Config;
use crate::format::release::Release;

/// Largest value accepted for a size in a config, so that products of two sizes fit 64 bits with room.
pub(super) const MAX_SIZE: usize = 1 << 28;
/// Most layers that are accepted.
pub(super) const MAX_LAYERS: usize = 4096;

/// An architecture: one base model, and classes that put heads on it.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// `model_type` of its configs.
    pub model_type: &'static str,
    /// What stands before the names of the base model where it has a head.
    pub prefix: &'static str,
    /// Key of the width of the hidden states.
    pub width: &'static str,
    /// Key of the number of heads, which divides the width.
    pub heads: &'static str,
    /// Key of the number of positions.
    pub positions: &'static str,
    /// Whether the first token has the position after that of padding.
    pub counts_positions_from_padding: bool,
    /// Modules before the layers; the first one embeds the tokens.
    pub embeddings: &'static [Row],
    /// Key of the number of layers.
    pub layers: &'static str,
    /// What stands before the number of a layer.
    pub layer_prefix: &'static str,
    /// Modules of each layer.
    pub layer: &'static [Row],
    /// Modules behind the layers.
    pub end: &'static [Row],
    /// Modules behind those, in the classes that pool.
    pub pooler: &'static [Row],
    /// Its classes.
    pub classes: &'static [Class],
}

/// A class of an architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name, as `architectures` has it.
    pub name: &'static str,
    /// Whether it has the pooler.
    pub pools: bool,
    /// Whether it can generate text, and so has a `generation_config.json`.
    pub generates: bool,
    /// Modules of the head; the base model alone has none, and its parameters have no prefix.
    pub head: &'static [Row],
}

/// One module.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of the module.
    pub name: &'static str,
    /// What it is.
    pub module: Module,
    /// The one release whose class has the module in this place; none for all of them.
    pub release: Option<&'static str>,
}

/// A module with parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// An embedding: rows and width.
    Embedding(Size, Size),
    /// An embedding whose row of the padding token starts at zero.
    PaddedEmbedding(Size, Size),
    /// A linear layer with a bias: outputs and inputs.
    Linear(Size, Size),
    /// A linear layer without a bias: outputs and inputs.
    Projection(Size, Size),
    /// GPT-2's linear layer, which has its weight the other way round: inputs and outputs.
    Conv1d(Size, Size),
    /// The same, at the end of a residual branch: its initial weights are smaller the more layers there are.
    ResidualConv1d(Size, Size),
    /// Layer normalisation over a width.
    LayerNorm(Size),
    /// A parameter that stands alone and starts at zero.
    Bias(Size),
    /// The layer from hidden states to tokens, whose weight is the token embedding unless `tie_word_embeddings` is false.
    Decoder(DecoderBias),
}

/// Where a decoder has its bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecoderBias {
    /// It has none.
    None,
    /// In itself.
    Own,
    /// It is the parameter of that name; from release 5 on where `tie_word_embeddings` is true only.
    Shared(&'static str),
}

/// A size that a config says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The value of a key.
    Key(&'static str),
    /// Three times the value of a key.
    Triple(&'static str),
    /// The value of the first key, or four times that of the second where the first is null.
    KeyOrFourTimes(&'static str, &'static str),
    /// Number of labels.
    Labels,
    /// Always the same.
    Fixed(usize),
}

/// A module of every release.
pub(super) const fn row(name: &'static str, module: Module) -> Row {
    Row { name, module, release: None }
}

/// A module that one release has in this place.
pub(super) const fn row_of(release: &'static str, name: &'static str, module: Module) -> Row {
    Row { name, module, release: Some(release) }
}

/// A class with a head.
pub(super) const fn class(name: &'static str, pools: bool, head: &'static [Row]) -> Class {
    Class { name, pools, generates: false, head }
}

/// What the rows need of a config.
pub(super) struct Sizes<'a> {
    /// The size of a key; none where it is null.
    pub(super) key: &'a dyn Fn(&str) -> Result<Option<usize>>,
    /// Number of labels.
    pub(super) labels: usize,
    /// `initializer_range`
    pub(super) std: f64,
    /// `pad_token_id`
    pub(super) padding_row: Option<usize>,
    /// `tie_word_embeddings`
    pub(super) is_tied: bool,
}

impl Architecture {
    /// The class of a name.
    pub fn class(&self, name: &str) -> Option<&'static Class> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// The parameters of a class with a config, in the order in which a release registers them.
    ///
    /// # Errors
    /// The config lacks a size, or the heads do not divide the width.
    pub fn parameters(&self, class: &Class, config: &Config, release: &Release) -> Result<ParameterTable> {
        let (width, heads) = (config.size(self.width, 1..=MAX_SIZE)?, config.size(self.heads, 1..=MAX_SIZE)?);
        if !width.is_multiple_of(heads) {
            let message = "the hidden size is not a multiple of the number of heads";
            let diagnostic = Diagnostic::new("config-heads", config.site(self.heads), message);
            return Err(Error::malformed(diagnostic.expected(format!("a divisor of {width}")).found(heads)));
        }
        let key = |key: &str| match key {
            "n_inner" => config.optional_size(key).map(|size| size.filter(|size| *size <= MAX_SIZE)),
            _ if key == self.layers => config.size(key, 0..=MAX_LAYERS).map(Some),
            _ => config.size(key, 1..=MAX_SIZE).map(Some),
        };
        let sizes = Sizes {
            key: &key,
            labels: config.num_labels(),
            std: config.number("initializer_range").unwrap_or(0.0),
            padding_row: config.optional_size("pad_token_id").ok().flatten(),
            is_tied: config.flag("tie_word_embeddings") != Some(false),
        };
        self.table(class, &sizes, release)
    }

    pub(super) fn table(&self, class: &Class, sizes: &Sizes<'_>, release: &Release) -> Result<ParameterTable> {
        let prefix = if class.head.is_empty() { "" } else { self.prefix };
        let layers = (sizes.key)(self.layers)?.unwrap_or(0);
        let mut builder = Builder { architecture: self, prefix, layers, sizes, release, parameters: Vec::new() };
        builder.rows(prefix, self.embeddings)?;
        for layer in 0..layers {
            builder.rows(&format!("{prefix}{}{layer}.", self.layer_prefix), self.layer)?;
        }
        builder.rows(prefix, self.end)?;
        if class.pools {
            builder.rows(prefix, self.pooler)?;
        }
        let base_parameters = builder.parameters.len();
        builder.rows("", class.head)?;
        Ok(ParameterTable { parameters: builder.parameters, base_parameters })
    }
}

struct Builder<'a> {
    architecture: &'a Architecture,
    prefix: &'a str,
    layers: usize,
    sizes: &'a Sizes<'a>,
    release: &'a Release,
    parameters: Vec<Parameter>,
}

impl Builder<'_> {
    fn rows(&mut self, prefix: &str, rows: &[Row]) -> Result<()> {
        let here = |row: &&Row| row.release.is_none_or(|release| release == self.release.version);
        let rows: Vec<&Row> = rows.iter().filter(here).collect();
        rows.into_iter().try_for_each(|row| self.module(&format!("{prefix}{}", row.name), row.module))
    }

    fn module(&mut self, name: &str, module: Module) -> Result<()> {
        let normal = Initializer::Normal { std: self.sizes.std };
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        match module {
            Module::Embedding(rows, width) => self.push(weight, &[rows, width], normal, Construction::Normal, true)?,
            Module::PaddedEmbedding(rows, width) => {
                self.push(weight, &[rows, width], normal, Construction::Normal, true)?;
                let padding_row = self.sizes.padding_row;
                if let Some(last) = self.parameters.last_mut() {
                    last.padding_row = padding_row.filter(|row| last.shape.first().is_some_and(|rows| row < rows));
                }
            }
            Module::Linear(out, width) => {
                self.push(weight, &[out, width], normal, Construction::Uniform, true)?;
                self.push(bias, &[out], Initializer::Zeros, Construction::Uniform, false)?;
            }
            Module::Projection(out, width) => self.push(weight, &[out, width], normal, Construction::Uniform, true)?,
            Module::Conv1d(width, out) => self.conv1d(name, width, out, normal)?,
            Module::ResidualConv1d(width, out) => {
                let branches = u32::try_from(self.layers.saturating_mul(2)).unwrap_or(u32::MAX);
                self.conv1d(name, width, out, Initializer::Normal { std: self.sizes.std / f64::from(branches).sqrt() })?;
            }
            Module::LayerNorm(width) => {
                self.push(weight, &[width], Initializer::Ones, Construction::Constant, false)?;
                self.push(bias, &[width], Initializer::Zeros, Construction::Constant, false)?;
            }
            Module::Bias(size) => self.push(name.to_owned(), &[size], Initializer::Zeros, Construction::Constant, false)?,
            Module::Decoder(kind) => self.decoder(weight, bias, kind)?,
        }
        Ok(())
    }

    fn conv1d(&mut self, name: &str, width: Size, out: Size, initializer: Initializer) -> Result<()> {
        self.push(format!("{name}.weight"), &[width, out], initializer, Construction::Normal, true)?;
        self.push(format!("{name}.bias"), &[out], Initializer::Zeros, Construction::Constant, false)
    }

    fn decoder(&mut self, weight: String, bias: String, kind: DecoderBias) -> Result<()> {
        let (rows, width) = (Size::Key("vocab_size"), Size::Key(self.architecture.width));
        let normal = Initializer::Normal { std: self.sizes.std };
        let embedding = self.architecture.embeddings.first().map(|row| format!("{}{}.weight", self.prefix, row.name));
        self.push(weight, &[rows, width], normal, Construction::Uniform, true)?;
        self.tie(embedding.filter(|_| self.sizes.is_tied));
        if kind != DecoderBias::None {
            self.push(bias, &[rows], Initializer::Zeros, Construction::Uniform, false)?;
        }
        if let DecoderBias::Shared(owner) = kind {
            self.tie(Some(owner.to_owned()).filter(|_| self.sizes.is_tied || self.release.always_ties_decoder_bias));
        }
        Ok(())
    }

    fn tie(&mut self, owner: Option<String>) {
        if let Some(last) = self.parameters.last_mut() {
            last.tied_to = owner;
        }
    }

    fn push(
        &mut self,
        name: String,
        shape: &[Size],
        initializer: Initializer,
        construction: Construction,
        weight_decay: bool,
    ) -> Result<()> {
        let shape = shape.iter().map(|size| self.size(*size)).collect::<Result<_>>()?;
        self.parameters.push(Parameter { name, shape, initializer, construction, padding_row: None, weight_decay, tied_to: None });
        Ok(())
    }

    fn size(&self, size: Size) -> Result<usize> {
        let key = |key: &str| (self.sizes.key)(key).map(Option::unwrap_or_default);
        Ok(match size {
            Size::Key(name) => key(name)?,
            Size::Triple(name) => key(name)?.saturating_mul(3),
            Size::KeyOrFourTimes(first, second) => match (self.sizes.key)(first)? {
                Some(size) => size,
                None => key(second)?.saturating_mul(4),
            },
            Size::Labels => self.sizes.labels,
            Size::Fixed(size) => size,
        })
    }
}

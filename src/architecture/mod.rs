//! What each architecture is made of: one parameter table per architecture, without a tensor library.
//!
//! Loading, saving, head initialisation, optimizer groups and [`crate::verify`] all read the inventory from here.

pub mod bert;
pub mod distilbert;
pub mod gpt2;
mod inventory;
mod loading;
pub mod roberta;
pub mod table;

pub use bert::BertConfig;
pub use inventory::{ARCHITECTURES, class_of, inventory, inventory_of, names_in_files};
pub use loading::{LoadPlan, LoadReport};

/// How transformers fills a parameter that no checkpoint provides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initializer {
    /// Normal with mean 0 and standard deviation `std` (`initializer_range` of the config).
    Normal {
        /// The standard deviation.
        std: f64,
    },
    /// All zero.
    Zeros,
    /// All one.
    Ones,
}

/// What torch draws for a parameter when it makes the module, before transformers fills it: those draws move its generator on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Construction {
    /// Normal values: an embedding.
    Normal,
    /// Uniform values: weight and bias of a linear layer.
    Uniform,
    /// Nothing: `LayerNorm`.
    Constant,
}

/// One parameter of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name in transformers' state dict.
    pub name: String,
    /// Shape, outermost dimension first; linear weights are (out, in) as in HuggingFace checkpoints.
    pub shape: Vec<usize>,
    /// How transformers initialises it.
    pub initializer: Initializer,
    /// What torch draws for it before that.
    pub construction: Construction,
    /// Row that stays zero when initialised: the padding token of an embedding.
    pub padding_row: Option<usize>,
    /// Whether `weight_decay` applies: not to biases nor to LayerNorm (`Trainer.get_decay_parameter_names`).
    pub weight_decay: bool,
    /// The parameter that shares this one's storage, if any.
    pub tied_to: Option<String>,
}

impl Parameter {
    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.shape.iter().fold(1, |numel: usize, &size| numel.saturating_mul(size))
    }
}

/// All parameters of a model, in the order of `named_parameters()`, and those besides that share the values of another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParameterTable {
    /// The parameters.
    pub parameters: Vec<Parameter>,
    /// How many of them, from the first, belong to the base model, which transformers makes and initialises before it makes the head.
    pub base_parameters: usize,
}

impl ParameterTable {
    /// The parameter of that name.
    pub fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The parameters of which each has values of its own, as an optimizer has them.
    pub fn untied(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.tied_to.is_none())
    }

    /// Number of elements of all parameters, those that are tied counted once.
    pub fn numel(&self) -> usize {
        self.untied().map(Parameter::numel).fold(0, usize::saturating_add)
    }
}

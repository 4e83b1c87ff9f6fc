//! The files of a directory: their names, when they are there, and what they hold.

use crate::format::json::layout::{COMPACT, JsonFile, METRICS, SERDE_PRETTY, SORTED, SORTED_OPEN_END, SORTED_UNICODE};
use crate::format::torch::kind::TorchKind;

/// Where a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// In a model directory, that is in the directory of a run and in each of its checkpoints.
    Model,
    /// In a checkpoint only.
    Checkpoint,
    /// In the directory of a run only.
    Run,
    /// In a checkpoint, and in the directory of a run where `save_state` was called.
    State,
}

/// When a file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The weights are those of a whole model, not of an adapter.
    WholeModel,
    /// The weights are those of an adapter.
    Adapter,
    /// The model can generate text.
    CanGenerate,
    /// The weights are safetensors, in one file.
    OneFile,
    /// The weights are safetensors, in several files.
    Sharded,
    /// The weights are pickled (`save_safetensors=False`), in one file.
    OnePickle,
    /// The weights are pickled, in several files.
    ShardedPickle,
    /// The tokenizer is WordPiece.
    WordPiece,
    /// The tokenizer is a byte-level BPE.
    BytePairs,
    /// The tokenizer has tokens beyond its vocabulary file.
    AddedTokens,
    /// The tokenizer has a chat template.
    ChatTemplate,
    /// The tokenizer has several chat templates.
    ChatTemplates,
    /// There is a tokenizer.
    Tokenizer,
    /// `Trainer` wrote the directory.
    Trained,
    /// Not with `save_only_model`.
    WithOptimizer,
    /// In f16 on a graphics card, and not with `save_only_model`.
    Scaled,
    /// One process trained, and not with `save_only_model`.
    OneProcess,
    /// Several processes trained, and not with `save_only_model`.
    SeveralProcesses,
    /// The script that called `Trainer` asked for it.
    Asked,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// [`crate::format::config::Config`]
    Config,
    /// [`crate::format::config::generation::GenerationConfig`]
    GenerationConfig,
    /// [`crate::format::config::adapter::AdapterConfig`]
    AdapterConfig,
    /// [`crate::format::safetensors`]
    Safetensors,
    /// [`crate::format::shards::index::ShardIndex`]
    ShardIndex,
    /// [`crate::format::tokenizer::json::TokenizerJson`]
    TokenizerJson,
    /// [`crate::format::tokenizer::config::TokenizerConfig`]
    TokenizerConfig,
    /// [`crate::format::tokenizer::special_tokens_map::SpecialTokensMap`]
    SpecialTokensMap,
    /// [`crate::format::tokenizer::added_tokens::AddedTokens`]
    AddedTokens,
    /// [`crate::format::tokenizer::vocabulary::VocabTxt`]
    VocabTxt,
    /// [`crate::format::tokenizer::vocabulary::VocabJson`]
    VocabJson,
    /// [`crate::format::tokenizer::vocabulary::Merges`]
    Merges,
    /// [`crate::format::tokenizer::chat_template::ChatTemplate`]
    ChatTemplate,
    /// [`crate::format::model_card::ModelCard`]
    ModelCard,
    /// [`crate::format::run::trainer_state::TrainerState`]
    TrainerState,
    /// [`crate::format::run::results::Results`]
    Results,
    /// [`crate::format::run::predictions::Predictions`]
    Predictions,
    /// [`crate::format::torch::content::TorchContent`] of that kind.
    Torch(TorchKind),
}

impl Holds {
    /// How the file is laid out, if it is JSON.
    pub fn layout(self) -> Option<JsonFile> {
        Some(match self {
            Holds::Config | Holds::GenerationConfig | Holds::ShardIndex | Holds::TrainerState => SORTED,
            Holds::TokenizerConfig | Holds::SpecialTokensMap | Holds::AddedTokens => SORTED_UNICODE,
            Holds::AdapterConfig => SORTED_OPEN_END,
            Holds::Results => METRICS,
            Holds::TokenizerJson => SERDE_PRETTY,
            Holds::VocabJson => COMPACT,
            _ => return None,
        })
    }
}

/// One kind of file.
#[derive(Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Its name: `{n}` stands for digits, `{name}` for any text without `/`.
    pub name: &'static str,
    /// Where it lies.
    pub part: Part,
    /// When it is there.
    pub when: When,
    /// What it holds.
    pub holds: Holds,
}

impl FileRow {
    /// Whether a path inside the directory is one of this row.
    pub fn matches(&self, path: &str) -> bool {
        let mut pieces = self.name.split(['{', '}']);
        let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else {
            return false;
        };
        while let (Some(hole), Some(literal)) = (pieces.next(), pieces.next()) {
            let end = if literal.is_empty() { Some(rest.len()) } else { rest.find(literal) };
            let Some((filled, tail)) = end.and_then(|end| rest.split_at_checked(end)) else {
                return false;
            };
            let fits = if hole == "n" { filled.bytes().all(|byte| byte.is_ascii_digit()) } else { !filled.contains('/') };
            if filled.is_empty() || !fits {
                return false;
            }
            rest = tail.strip_prefix(literal).unwrap_or(tail);
        }
        rest.is_empty()
    }
}

macro_rules! files {
    ($($name:literal $part:ident $when:ident $holds:ident $(($kind:ident))?)*) => {
        &[$(FileRow { name: $name, part: Part::$part, when: When::$when, holds: Holds::$holds $((TorchKind::$kind))? }),*]
    };
}

/// Files of both releases.
pub const FILES: &[FileRow] = files! {
    "config.json"                             Model      WholeModel       Config
    "generation_config.json"                  Model      CanGenerate      GenerationConfig
    "adapter_config.json"                     Model      Adapter          AdapterConfig
    "adapter_model.safetensors"               Model      Adapter          Safetensors
    "model.safetensors"                       Model      OneFile          Safetensors
    "model-{n}-of-{n}.safetensors"            Model      Sharded          Safetensors
    "model.safetensors.index.json"            Model      Sharded          ShardIndex
    "tokenizer.json"                          Model      Tokenizer        TokenizerJson
    "tokenizer_config.json"                   Model      Tokenizer        TokenizerConfig
    "chat_template.jinja"                     Model      ChatTemplate     ChatTemplate
    "additional_chat_templates/{name}.jinja"  Model      ChatTemplates    ChatTemplate
    "training_args.bin"                       Model      Trained          Torch(TrainingArguments)
    "optimizer.pt"                            Checkpoint WithOptimizer    Torch(Optimizer)
    "scheduler.pt"                            Checkpoint WithOptimizer    Torch(Scheduler)
    "scaler.pt"                               Checkpoint Scaled           Torch(Scaler)
    "rng_state.pth"                           Checkpoint OneProcess       Torch(Rng)
    "rng_state_{n}.pth"                       Checkpoint SeveralProcesses Torch(Rng)
    "trainer_state.json"                      State      Trained          TrainerState
    "{name}_results.json"                     Run        Asked            Results
    "predict_results.txt"                     Run        Asked            Predictions
    "predict_results_{name}.txt"              Run        Asked            Predictions
    "README.md"                               Model      Asked            ModelCard
};

/// Files that release 4 writes beside `tokenizer.json`, with what stands in it as well.
pub const TOKENIZER_SIDE_FILES: &[FileRow] = files! {
    "special_tokens_map.json"                 Model      Tokenizer        SpecialTokensMap
    "added_tokens.json"                       Model      AddedTokens      AddedTokens
    "vocab.txt"                               Model      WordPiece        VocabTxt
    "vocab.json"                              Model      BytePairs        VocabJson
    "merges.txt"                              Model      BytePairs        Merges
};

/// Weights that release 4 writes with `save_safetensors=False`.
pub const PICKLED_WEIGHTS: &[FileRow] = files! {
    "pytorch_model.bin"                       Model      OnePickle        Torch(StateDict)
    "pytorch_model-{n}-of-{n}.bin"            Model      ShardedPickle    Torch(StateDict)
    "pytorch_model.bin.index.json"            Model      ShardedPickle    ShardIndex
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_holes() {
        for (name, path, expected) in [
            ("model-{n}-of-{n}.safetensors", "model-00001-of-00002.safetensors", true),
            ("model-{n}-of-{n}.safetensors", "model-a-of-2.safetensors", false),
            ("model-{n}-of-{n}.safetensors", "model-1-of-.safetensors", false),
            ("{name}_results.json", "eval_results.json", true),
            ("{name}_results.json", "_results.json", false),
            ("{name}_results.json", "a/b_results.json", false),
            ("{name}_results.json", "eval_results.json.bak", false),
            ("config.json", "config.json", true),
            ("config.json", "config.json2", false),
        ] {
            let row = FileRow { name, part: Part::Model, when: When::Asked, holds: Holds::Config };
            assert_eq!(row.matches(path), expected, "{name} {path}");
        }
    }
}

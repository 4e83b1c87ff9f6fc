//! Codes of what is wrong with the text files beside config, weights and tokenizer.json.

use super::{Code, error};

pub(super) const CODES: &[Code] = &[
    error(
        "generation-config",
        "generation_config.json is not what generate() takes",
        "transformers cannot load the file, or generates with other settings.",
        "An edit by hand, or another file under this name.",
        "Save the generation config again with save_pretrained.",
    ),
    error(
        "adapter-config",
        "adapter_config.json is not the config of an adapter",
        "PEFT cannot build the adapter from this file.",
        "An edit by hand, or another file under this name.",
        "Save the adapter again with save_pretrained.",
    ),
    error(
        "special-tokens-map",
        "special_tokens_map.json is not a map of special tokens",
        "Special tokens may be taken for words.",
        "An edit by hand, or another file under this name.",
        "Save the tokenizer again.",
    ),
    error(
        "added-tokens",
        "added_tokens.json is not a map of tokens to ids",
        "The tokens that were added after training have no ids.",
        "An edit by hand, or another file under this name.",
        "Save the tokenizer again.",
    ),
    error(
        "merges",
        "merges.txt is not a list of merges",
        "The tokenizer cannot put pieces of words together.",
        "The file was edited, cut short or saved in another encoding.",
        "Restore it, or save the tokenizer again.",
    ),
    error(
        "chat-template",
        "chat_template.jinja is not a text that Python reads as it is",
        "It is not UTF-8, or has line ends that Python changes when it reads them.",
        "An editor saved it in another encoding or with line ends of Windows.",
        "Save it as UTF-8 with line feeds.",
    ),
    error(
        "model-card",
        "README.md is not a model card",
        "Its front matter has no end, or it is not UTF-8, so that the hub cannot read it.",
        "An edit by hand.",
        "Mend the place that is named.",
    ),
    error(
        "yaml",
        "the front matter is not YAML that model cards have",
        "What it says of the model cannot be read.",
        "An edit by hand, or YAML of a kind that transformers never writes.",
        "Mend the place that is named.",
    ),
    error(
        "trainer-state",
        "trainer_state.json is not the state of a run",
        "Training cannot go on from this checkpoint, and its log cannot be read.",
        "An edit by hand, or another file under this name.",
        "Take the file of another checkpoint of the run.",
    ),
    error(
        "predictions",
        "the file of predictions is malformed",
        "Which prediction belongs to which row cannot be told.",
        "An edit by hand, or predictions of another script.",
        "Predict again.",
    ),
    error(
        "results",
        "the file is not a table of metrics",
        "What the run measured cannot be read.",
        "An edit by hand, or another file under this name.",
        "Evaluate the model again.",
    ),
    error(
        "vocabulary",
        "the vocabulary is neither one token a line nor a map of tokens to ids",
        "transformers cannot build the tokenizer from this file.",
        "An edit by hand, an encoding other than UTF-8, or another file under this name.",
        "Save the tokenizer again with save_pretrained.",
    ),
];

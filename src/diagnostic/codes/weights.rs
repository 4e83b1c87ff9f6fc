//! Codes of what is wrong with the files of the weights.

use super::{Code, error, warning};

pub(super) const CODES: &[Code] = &[
    error(
        "weights-missing",
        "the directory has no weights",
        "The model cannot be loaded.",
        "A download stopped early, Git LFS left pointers, or the weights are in a format that is not read here.",
        "Fetch the weights, or convert them with save_pretrained.",
    ),
    error(
        "index",
        "the index of the shards is malformed",
        "Which shard holds which tensor cannot be told.",
        "model.safetensors.index.json was edited or cut short.",
        "Save the model again, or restore the index.",
    ),
    error(
        "index-tensor",
        "a shard does not hold a tensor that the index promises",
        "Loading fails or leaves the tensor at random values.",
        "Index and shards come from two different saves.",
        "Fetch index and shards together from one place.",
    ),
    error(
        "shard-missing",
        "a shard that the index names is not there",
        "Part of the weights is missing; the model cannot be loaded.",
        "A copy or download stopped early.",
        "Fetch the file that is named.",
    ),
    error(
        "safetensors-header-length",
        "the header is longer than the limit",
        "The first eight bytes give a length that no real file has; the safetensors library refuses it too.",
        "The file is not safetensors, or its beginning is damaged, or somebody wants the reader to ask for much memory.",
        "Fetch or save the file again.",
    ),
    error(
        "safetensors-truncated",
        "the file ends inside its header",
        "No tensor can be read.",
        "A copy or download stopped early, or a disk was full.",
        "Fetch or save the file again.",
    ),
    error(
        "safetensors-length",
        "the file is shorter or longer than its header says",
        "Shorter: tensors at the end are missing. Longer: something was added that no reader looks at.",
        "A copy that stopped early, or a file with something hidden behind its last tensor.",
        "Fetch or save the file again.",
    ),
    error(
        "safetensors-tensor",
        "a tensor's entry in the header is malformed",
        "Type, shape and place of the tensor contradict each other or the tensors beside it, so its values cannot be trusted.",
        "A writer with a defect, a damaged header, or a file made to be read differently by different readers.",
        "Save the model again with transformers.",
    ),
    error(
        "tensor-missing",
        "a parameter of the model is missing",
        "transformers draws it at random when it loads the model; every result is then different from run to run.",
        "Weights of another architecture or size, a save without the head, or a shard that was left out.",
        "Save the whole model, or mend config.json if it does not belong to these weights.",
    ),
    warning(
        "tensor-extra",
        "a tensor is no parameter of the model",
        "transformers ignores it when it loads the model and leaves it out when it saves the model again.",
        "Weights of a larger model or another head, or config.json was edited.",
        "Save the model again, or mend config.json if it does not belong to these weights.",
    ),
    error(
        "tensor-shape",
        "a tensor's shape does not fit config.json",
        "transformers refuses to load the model, or draws the tensor at random where mismatched sizes are ignored.",
        "config.json was edited or belongs to another model.",
        "Put the config and the weights of one save together.",
    ),
    error(
        "tensor-dtype",
        "a parameter is not made of floats",
        "The model cannot compute with it.",
        "The file holds quantized or converted weights, or the entry in the header was changed.",
        "Convert the weights to float32, float16 or bfloat16.",
    ),
    error(
        "tensor-not-finite",
        "a tensor holds NaN or infinity",
        "Whatever the model computes with it is NaN.",
        "Training has diverged, float16 has overflowed, or bytes are damaged.",
        "Go back to an earlier checkpoint; train on with a lower learning rate.",
    ),
    error(
        "size-mismatch",
        "the checkpoint's tensor has another shape than the config asks for",
        "The weights cannot be loaded into the model.",
        "Another number of labels, or a config of another model.",
        "Mend config.json, or pass --ignore_mismatched_sizes to initialise such tensors anew.",
    ),
];

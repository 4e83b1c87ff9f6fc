//! Codes of `rtrain convert`.

use super::{Code, error};

pub(super) const CODES: &[Code] = &[
    error(
        "max-shard-size",
        "the size of a shard is not understood",
        "Nothing was written.",
        "A unit that transformers does not know, such as GiB or G.",
        "Give a number and one of TB, GB, MB and KB, which are powers of 1000.",
    ),
    error(
        "unsupported-conversion",
        "a tensor's element type is not converted, or not pickled",
        "Nothing was written.",
        "The model is quantized or held in 8-bit floats.",
        "Convert a copy of the model in float32, bfloat16 or float16.",
    ),
    error(
        "pickled-weights",
        "the release does not write pickled weights",
        "Nothing was written.",
        "transformers 5 has no safe_serialization=False any more, and the directory is, or is to be, of that release.",
        "Keep safetensors, or ask for the older release by --release 4.57.6.",
    ),
    error(
        "unknown-model-type",
        "how a release saves this model type is not known here",
        "Nothing was written.",
        "rtrain has the config of a few model types only, and --release asks for a config as the release writes it.",
        "Leave --release out, or save the model by transformers itself.",
    ),
    error(
        "output-exists",
        "something is there already where the new directory should go",
        "Nothing was written; what is there is untouched.",
        "An earlier conversion, or the wrong path.",
        "Remove it, or name another directory.",
    ),
];

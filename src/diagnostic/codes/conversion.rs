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
        "a tensor's element type is not converted",
        "Nothing was written.",
        "The model is quantized or held in 8-bit floats.",
        "Convert a copy of the model in float32, bfloat16 or float16.",
    ),
    error(
        "output-exists",
        "something is there already where the new directory should go",
        "Nothing was written; what is there is untouched.",
        "An earlier conversion, or the wrong path.",
        "Remove it, or name another directory.",
    ),
];

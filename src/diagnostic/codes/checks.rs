//! Codes of `rtrain verify`: files that contradict each other, and differences from what transformers writes or from a reference.

use super::{Code, error, warning};

pub(super) const CODES: &[Code] = &[
    warning(
        "not-identical",
        "transformers would write other bytes",
        "The file has the right form, and its values can be read; it is not the file that transformers writes for those values.",
        "An edit by hand, another tool, or another release of transformers.",
        "Load the directory with the release it names and save it again, or ask what has edited the file.",
    ),
    error(
        "label-ids",
        "the ids of the labels are not 0, 1, 2, …",
        "The outputs of the model and the names of the labels cannot be matched.",
        "id2label was edited.",
        "Give the labels consecutive ids from 0.",
    ),
    error(
        "label-maps",
        "label2id and id2label disagree",
        "Predictions and training data would use different numbers for the same label.",
        "One of the two maps was edited.",
        "Make each map the inverse of the other.",
    ),
    error(
        "reference-missing",
        "a file of the reference is missing",
        "The reference directory has a file that this directory lacks.",
        "A save that left it out, or a copy that stopped early.",
        "Save or copy the file, or leave it out of the comparison by --ignore.",
    ),
    warning(
        "reference-extra",
        "the reference does not have this file",
        "This directory has a file that the reference lacks.",
        "Notes or results beside the model, or another release that writes more files.",
        "Remove the file, or leave it out of the comparison by --ignore.",
    ),
    error(
        "reference-bytes",
        "the bytes differ from the reference",
        "The file is not the reference's, byte for byte; the message says whether its values are.",
        "Another writer or release, or an edit.",
        "Find out which of the two was changed; where only the form differs, ignore this code.",
    ),
    error(
        "reference-value",
        "a value differs from the reference",
        "Both files can be read, and say different things at the place that is named.",
        "Other arguments, another run, or an edit.",
        "Compare the two values; where the difference is meant, ignore the file.",
    ),
    error(
        "reference-tensor",
        "a tensor differs from the reference",
        "The tensor is there on one side only, has another type or shape, or holds other values.",
        "Another run, another device or number of threads, or damaged bytes.",
        "Where small differences are meant to pass, give --rtol and --atol.",
    ),
];

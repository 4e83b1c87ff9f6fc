//! What each transformers release writes.

/// One release of transformers.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// `transformers_version` as it stands in the files.
    pub version: &'static str,
    /// Keys of `GenerationConfig` that a model config must not hold; they are dropped when a config is loaded.
    pub generation_keys: &'static [&'static str],
}

/// transformers 5.23.0, the release whose files rtrain writes.
pub const V5_23_0: Release = Release {
    version: "5.23.0",
    generation_keys: &[
        "max_length",
        "min_length",
        "do_sample",
        "early_stopping",
        "num_beams",
        "temperature",
        "top_k",
        "top_p",
        "typical_p",
        "repetition_penalty",
        "length_penalty",
        "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size",
        "bad_words_ids",
        "num_return_sequences",
        "output_scores",
        "return_dict_in_generate",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "remove_invalid_values",
        "exponential_decay_length_penalty",
        "suppress_tokens",
        "begin_suppress_tokens",
        "epsilon_cutoff",
        "eta_cutoff",
        "encoder_repetition_penalty",
        "num_assistant_tokens",
        "num_assistant_tokens_schedule",
        "assistant_confidence_threshold",
        "assistant_lookbehind",
        "target_lookbehind",
        "num_beam_groups",
        "diversity_penalty",
    ],
};

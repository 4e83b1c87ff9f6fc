//! The fields of `config.json` and `generation_config.json`, release by release, with their defaults.
//!
//! # Source
//! What `PretrainedConfig().to_dict()`, `BertConfig().to_dict()`, `GenerationConfig().to_dict()` and so on return in transformers 4.57.6 and
//! 5.23.0.

/// The config of one model type.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelFields {
    /// `model_type`.
    pub model_type: &'static str,
    /// Fields that the class declares, with their defaults, as JSON: always written.
    pub fields: &'static str,
}

/// Fields of the base class of transformers 4.57.6: the parameters of `generate` are among them.
pub const BASE_4: &str = r#"{
    "return_dict": true, "output_hidden_states": false, "torchscript": false, "dtype": null, "pruned_heads": {},
    "tie_word_embeddings": true, "chunk_size_feed_forward": 0, "is_encoder_decoder": false, "is_decoder": false,
    "cross_attention_hidden_size": null, "add_cross_attention": false, "tie_encoder_decoder": false, "architectures": null,
    "finetuning_task": null, "task_specific_params": null, "problem_type": null, "tokenizer_class": null, "prefix": null,
    "bos_token_id": null, "pad_token_id": null, "eos_token_id": null, "sep_token_id": null, "decoder_start_token_id": null,
    "max_length": 20, "min_length": 0, "do_sample": false, "early_stopping": false, "num_beams": 1, "temperature": 1.0,
    "top_k": 50, "top_p": 1.0, "typical_p": 1.0, "repetition_penalty": 1.0, "length_penalty": 1.0,
    "no_repeat_ngram_size": 0, "encoder_no_repeat_ngram_size": 0, "bad_words_ids": null, "num_return_sequences": 1,
    "output_scores": false, "return_dict_in_generate": false, "forced_bos_token_id": null, "forced_eos_token_id": null,
    "remove_invalid_values": false, "exponential_decay_length_penalty": null, "suppress_tokens": null,
    "begin_suppress_tokens": null, "num_beam_groups": 1, "diversity_penalty": 0.0, "tf_legacy_loss": false,
    "use_bfloat16": false, "output_attentions": false
}"#;

/// Fields of the base class of transformers 5.23.0.
pub const BASE_5: &str = r#"{
    "architectures": null, "output_hidden_states": false, "return_dict": true, "dtype": null, "chunk_size_feed_forward": 0,
    "is_encoder_decoder": false, "problem_type": null, "output_attentions": false
}"#;

/// Model types of transformers 4.57.6.
pub const MODELS_4: &[ModelFields] = &[
    ModelFields { model_type: "bert", fields: BERT_4 },
    ModelFields { model_type: "distilbert", fields: DISTILBERT_4 },
    ModelFields { model_type: "gpt2", fields: GPT2_4 },
    ModelFields { model_type: "roberta", fields: ROBERTA_4 },
];

/// Model types of transformers 5.23.0.
pub const MODELS_5: &[ModelFields] = &[
    ModelFields { model_type: "bert", fields: BERT_5 },
    ModelFields { model_type: "distilbert", fields: DISTILBERT_5 },
    ModelFields { model_type: "gpt2", fields: GPT2_5 },
    ModelFields { model_type: "roberta", fields: ROBERTA_5 },
];

const BERT_4: &str = r#"{
    "pad_token_id": 0, "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    "hidden_act": "gelu", "intermediate_size": 3072, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512, "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
    "position_embedding_type": "absolute", "use_cache": true, "classifier_dropout": null
}"#;

const DISTILBERT_4: &str = r#"{
    "vocab_size": 30522, "max_position_embeddings": 512, "sinusoidal_pos_embds": false, "n_layers": 6, "n_heads": 12,
    "dim": 768, "hidden_dim": 3072, "dropout": 0.1, "attention_dropout": 0.1, "activation": "gelu",
    "initializer_range": 0.02, "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "pad_token_id": 0
}"#;

const GPT2_4: &str = r#"{
    "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": null,
    "activation_function": "gelu_new", "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1,
    "layer_norm_epsilon": 1e-05, "initializer_range": 0.02, "summary_type": "cls_index", "summary_use_proj": true,
    "summary_activation": null, "summary_first_dropout": 0.1, "summary_proj_to_labels": true, "scale_attn_weights": true,
    "use_cache": true, "scale_attn_by_inverse_layer_idx": false, "reorder_and_upcast_attn": false, "bos_token_id": 50256,
    "eos_token_id": 50256
}"#;

const ROBERTA_4: &str = r#"{
    "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "vocab_size": 50265, "hidden_size": 768,
    "num_hidden_layers": 12, "num_attention_heads": 12, "hidden_act": "gelu", "intermediate_size": 3072,
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 512, "type_vocab_size": 2,
    "initializer_range": 0.02, "layer_norm_eps": 1e-12, "position_embedding_type": "absolute", "use_cache": true,
    "classifier_dropout": null
}"#;

const BERT_5: &str = r#"{
    "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 512,
    "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "use_cache": true,
    "classifier_dropout": null, "is_decoder": false, "add_cross_attention": false, "bos_token_id": null,
    "eos_token_id": null, "tie_word_embeddings": true
}"#;

const DISTILBERT_5: &str = r#"{
    "vocab_size": 30522, "max_position_embeddings": 512, "sinusoidal_pos_embds": false, "n_layers": 6, "n_heads": 12,
    "dim": 768, "hidden_dim": 3072, "dropout": 0.1, "attention_dropout": 0.1, "activation": "gelu",
    "initializer_range": 0.02, "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "pad_token_id": 0, "eos_token_id": null,
    "bos_token_id": null, "tie_word_embeddings": true
}"#;

const GPT2_5: &str = r#"{
    "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": null,
    "activation_function": "gelu_new", "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1,
    "layer_norm_epsilon": 1e-05, "initializer_range": 0.02, "summary_type": "cls_index", "summary_use_proj": true,
    "summary_activation": null, "summary_proj_to_labels": true, "summary_first_dropout": 0.1, "scale_attn_weights": true,
    "use_cache": true, "bos_token_id": 50256, "eos_token_id": 50256, "pad_token_id": null,
    "scale_attn_by_inverse_layer_idx": false, "reorder_and_upcast_attn": false, "add_cross_attention": false,
    "tie_word_embeddings": true
}"#;

const ROBERTA_5: &str = r#"{
    "vocab_size": 50265, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 512,
    "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 1, "bos_token_id": 0,
    "eos_token_id": 2, "use_cache": true, "classifier_dropout": null, "is_decoder": false, "add_cross_attention": false,
    "tie_word_embeddings": true
}"#;

/// Parameters of `generate` that transformers 5.23.0 drops when it loads a config.
pub const GENERATION_KEYS_5: &[&str] = &[
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
];

/// Fields of `GenerationConfig` of transformers 4.57.6.
pub const GENERATION_4: &str = r#"{
    "max_length": 20, "max_new_tokens": null, "min_length": 0, "min_new_tokens": null, "early_stopping": false, "max_time": null,
    "stop_strings": null, "do_sample": false, "num_beams": 1, "use_cache": true, "cache_implementation": null, "cache_config": null,
    "return_legacy_cache": null, "prefill_chunk_size": null, "temperature": 1.0, "top_k": 50, "top_p": 1.0, "min_p": null,
    "typical_p": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0, "repetition_penalty": 1.0, "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0, "no_repeat_ngram_size": 0, "bad_words_ids": null, "renormalize_logits": false, "forced_bos_token_id": null,
    "forced_eos_token_id": null, "remove_invalid_values": false, "exponential_decay_length_penalty": null, "suppress_tokens": null,
    "begin_suppress_tokens": null, "sequence_bias": null, "token_healing": false, "guidance_scale": null, "watermarking_config": null,
    "num_return_sequences": 1, "output_attentions": false, "output_hidden_states": false, "output_scores": false,
    "output_logits": null, "return_dict_in_generate": false, "pad_token_id": null, "bos_token_id": null, "eos_token_id": null,
    "encoder_no_repeat_ngram_size": 0, "decoder_start_token_id": null, "is_assistant": false, "num_assistant_tokens": 20,
    "num_assistant_tokens_schedule": "constant", "assistant_confidence_threshold": 0.4, "prompt_lookup_num_tokens": null,
    "max_matching_ngram_size": null, "assistant_early_exit": null, "assistant_lookbehind": 10, "target_lookbehind": 10,
    "disable_compile": false, "low_memory": null, "penalty_alpha": null, "dola_layers": null, "diversity_penalty": 0.0,
    "num_beam_groups": 1, "constraints": null, "force_words_ids": null, "_from_model_config": false
}"#;

/// Fields of `GenerationConfig` of transformers 5.23.0.
pub const GENERATION_5: &str = r#"{
    "max_length": null, "max_new_tokens": null, "min_length": null, "min_new_tokens": null, "early_stopping": null, "max_time": null,
    "stop_strings": null, "do_sample": null, "num_beams": null, "use_mtp": null, "use_cache": null, "cache_implementation": null,
    "cache_config": null, "max_cache_len": null, "temperature": null, "top_k": null, "top_p": null, "min_p": null, "top_h": null,
    "typical_p": null, "epsilon_cutoff": null, "eta_cutoff": null, "repetition_penalty": null, "encoder_repetition_penalty": null,
    "length_penalty": null, "no_repeat_ngram_size": null, "bad_words_ids": null, "renormalize_logits": null,
    "forced_bos_token_id": null, "forced_eos_token_id": null, "remove_invalid_values": null, "exponential_decay_length_penalty": null,
    "suppress_tokens": null, "begin_suppress_tokens": null, "sequence_bias": null, "token_healing": null, "guidance_scale": null,
    "watermarking_config": null, "num_return_sequences": null, "output_attentions": null, "output_hidden_states": null,
    "output_scores": null, "output_logits": null, "return_dict_in_generate": null, "pad_token_id": null, "bos_token_id": null,
    "eos_token_id": null, "encoder_no_repeat_ngram_size": null, "decoder_start_token_id": null, "is_assistant": null,
    "num_assistant_tokens": null, "num_assistant_tokens_schedule": null, "assistant_confidence_threshold": null,
    "prompt_lookup_num_tokens": null, "max_matching_ngram_size": null, "assistant_early_exit": null, "assistant_lookbehind": null,
    "target_lookbehind": null, "assistant_ensemble_weight": null, "speculation_type": null, "compile_config": null,
    "disable_compile": null, "continuous_batching_config": null, "low_memory": null, "penalty_alpha": null, "dola_layers": null,
    "diversity_penalty": null, "num_beam_groups": null, "constraints": null, "force_words_ids": null, "prefill_chunk_size": null,
    "_from_model_config": null
}"#;

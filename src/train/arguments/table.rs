//! The table of arguments.

use std::fmt;
use std::ops::Bound;

use super::choice::{Device, DropoutRng, InputTokens, IntervalStrategy, Optimizer, SamplingStrategy, SaveStrategy, SchedulerType};
use crate::format::release::{V4_57_6, V5_23_0};

/// What an argument concerns; `--help` has a heading for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Which model to start from.
    Model,
    /// Tables, their columns and rows.
    Data,
    /// What is done, for how long, in which batches.
    Training,
    /// The optimizer and its settings.
    Optimizer,
    /// The course of the learning rate.
    Schedule,
    /// What is told while training.
    Logging,
    /// When to evaluate.
    Evaluation,
    /// What is written, and when.
    Saving,
}

impl Group {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Model => "Model",
            Group::Data => "Data",
            Group::Training => "Training",
            Group::Optimizer => "Optimizer",
            Group::Schedule => "Learning rate schedule",
            Group::Logging => "Logging",
            Group::Evaluation => "Evaluation",
            Group::Saving => "Saving",
        }
    }
}

/// Which values an argument can have; shows as a phrase such as `a whole number, at least 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Names: in one text, separated by commas, or in a file a list.
    Names,
    /// A file or a directory.
    Path,
    /// A file, or several with names: `name=path`, given once for each, or in a file a mapping.
    Files,
    /// A directory, or true for the newest one that there is.
    DirectoryOrFlag,
    /// A whole number of this range.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A finite number of this range.
    Float {
        /// Lower end.
        min: Bound<f64>,
        /// Upper end.
        max: Bound<f64>,
    },
    /// A number of steps, or below 1 a share of all steps.
    Steps,
    /// True or false; on the command line the name alone means true.
    Flag,
    /// Values by name: an object of JSON, or in a file a mapping.
    Mapping,
    /// One word of a list.
    Choice {
        /// The words that rtrain knows what to do with.
        supported: &'static [&'static str],
        /// The words that transformers has besides.
        not_yet: &'static [&'static str],
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("text"),
            Kind::Names => f.write_str("names, separated by commas"),
            Kind::Path => f.write_str("a path"),
            Kind::Files => f.write_str("a path, or name=path for each of several"),
            Kind::DirectoryOrFlag => f.write_str("a directory, true or false"),
            Kind::Integer { min, max: i64::MAX } => write!(f, "a whole number, at least {min}"),
            Kind::Integer { min, max } => write!(f, "a whole number, {min} to {max}"),
            Kind::Float { min, max } => {
                f.write_str("a number")?;
                match min {
                    Bound::Included(min) => write!(f, ", at least {min}")?,
                    Bound::Excluded(min) => write!(f, ", above {min}")?,
                    Bound::Unbounded => {}
                }
                match max {
                    Bound::Included(max) => write!(f, ", at most {max}"),
                    Bound::Excluded(max) => write!(f, ", below {max}"),
                    Bound::Unbounded => Ok(()),
                }
            }
            Kind::Steps => f.write_str("a whole number of steps, or a share below 1 of all steps"),
            Kind::Flag => f.write_str("true or false"),
            Kind::Mapping => f.write_str("values by name, such as {\"num_cycles\": 2}"),
            Kind::Choice { supported: [only], .. } => f.write_str(only),
            Kind::Choice { supported, .. } => write!(f, "one of {}", supported.join(", ")),
        }
    }
}

/// An argument of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Argument {
    /// The name, as in transformers.
    pub name: &'static str,
    /// Which values it can have.
    pub kind: Kind,
    /// The value that it has where none is given, as one would write it.
    pub default: Option<&'static str>,
    /// What it means, in one or two sentences.
    pub help: &'static str,
    /// What it concerns.
    pub group: Group,
}

/// The argument of this name.
pub fn argument(name: &str) -> Option<&'static Argument> {
    ARGUMENTS.iter().find(|argument| argument.name == name)
}

const COUNT: Kind = Kind::Integer { min: 1, max: i64::MAX };
const NOT_NEGATIVE: Kind = Kind::Float { min: Bound::Included(0.0), max: Bound::Unbounded };
const POSITIVE: Kind = Kind::Float { min: Bound::Excluded(0.0), max: Bound::Unbounded };
const SHARE: Kind = Kind::Float { min: Bound::Included(0.0), max: Bound::Included(1.0) };
const BETA: Kind = Kind::Float { min: Bound::Included(0.0), max: Bound::Excluded(1.0) };
const STRATEGY: Kind = Kind::Choice { supported: IntervalStrategy::NAMES, not_yet: &[] };
const SAVE_STRATEGY: Kind = Kind::Choice { supported: SaveStrategy::NAMES, not_yet: &[] };
const INPUT_TOKENS: Kind = Kind::Choice { supported: InputTokens::NAMES, not_yet: &[] };
const SCHEDULER: Kind = Kind::Choice { supported: SchedulerType::NAMES, not_yet: &[] };
const OPTIMIZER: Kind = Kind::Choice {
    supported: Optimizer::NAMES,
    not_yet: &[
        "adamw_torch_xla",
        "adamw_torch_npu_fused",
        "adamw_anyprecision",
        "adamw_torch_4bit",
        "adamw_torch_8bit",
        "ademamix",
        "adamw_bnb_8bit",
        "adamw_8bit",
        "lion_8bit",
        "paged_adamw_32bit",
        "paged_adamw_8bit",
        "lomo",
        "adalomo",
        "grokadamw",
        "schedule_free_radam",
        "schedule_free_adamw",
        "schedule_free_sgd",
        "apollo_adamw",
        "stable_adamw",
    ],
};
const SAMPLING: Kind = Kind::Choice { supported: SamplingStrategy::NAMES, not_yet: &[] };
const DROPOUT_RNG: Kind = Kind::Choice { supported: DropoutRng::NAMES, not_yet: &[] };
const DEVICE: Kind = Kind::Choice { supported: Device::NAMES, not_yet: &[] };
const RELEASE: Kind = Kind::Choice { supported: &[V5_23_0.version, V4_57_6.version], not_yet: &[] };
const REPORT: Kind = Kind::Choice {
    supported: &["none"],
    not_yet: &[
        "all",
        "azure_ml",
        "clearml",
        "codecarbon",
        "comet_ml",
        "dagshub",
        "dvclive",
        "flyte",
        "mlflow",
        "neptune",
        "swanlab",
        "tensorboard",
        "trackio",
        "wandb",
    ],
};

const fn row(group: Group, name: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Argument {
    Argument { name, kind, default, help, group }
}

/// All arguments that rtrain knows what to do with, in the order in which `--help` shows them.
///
/// # Source
/// transformers 5.23.0, `training_args.py`, and `examples/pytorch/text-classification/run_classification.py`. Three defaults differ:
/// `do_train`, `do_eval` and `do_predict` follow the files that are given, and two text columns are a pair of sentences where the script
/// joins them with a space unless `text_column_delimiter` is given.
pub const ARGUMENTS: &[Argument] = &[
    row(
        Group::Model,
        "model_name_or_path",
        Kind::Path,
        None,
        "Directory of the model to start from, as transformers saves it. Nothing is downloaded.",
    ),
    row(
        Group::Model,
        "config_name",
        Kind::Path,
        None,
        "config.json, or its directory, to read instead of the model's own; without a model, training starts from random weights.",
    ),
    row(
        Group::Model,
        "config_overrides",
        Kind::Text,
        None,
        "Settings of config.json to replace, such as hidden_dropout_prob=0.2,attention_probs_dropout_prob=0.2.",
    ),
    row(Group::Model, "tokenizer_name", Kind::Path, None, "Directory of the tokenizer, where it is not the model's."),
    row(
        Group::Model,
        "ignore_mismatched_sizes",
        Kind::Flag,
        Some("false"),
        "Replace a classifier of another shape by a fresh one, as for a model that was fine-tuned on other labels.",
    ),
    row(Group::Data, "train_file", Kind::Path, None, "Table to train on, one row an example: .csv, .tsv, .json or .jsonl."),
    row(
        Group::Data,
        "validation_file",
        Kind::Files,
        None,
        "Table to evaluate on; or several, each as NAME=FILE: metrics then are called eval_NAME_loss and so on.",
    ),
    row(Group::Data, "test_file", Kind::Path, None, "Table to predict once the training is over."),
    row(
        Group::Data,
        "text_column_names",
        Kind::Names,
        None,
        "Columns of the text: one, or two for pairs of sentences, separated by a comma. Left out, \"sentence\", else \"text\".",
    ),
    row(
        Group::Data,
        "text_column_delimiter",
        Kind::Text,
        None,
        "Join the text columns with this into one sentence. Left out, two columns are a pair of sentences.",
    ),
    row(Group::Data, "label_column_name", Kind::Text, Some("label"), "Column of the labels."),
    row(
        Group::Data,
        "do_regression",
        Kind::Flag,
        None,
        "Whether the labels are numbers to approach rather than classes. Left out, floats are numbers and all else are classes.",
    ),
    row(Group::Data, "max_seq_length", COUNT, Some("128"), "Most tokens of an example, special tokens included; what is longer is cut."),
    row(
        Group::Data,
        "pad_to_max_length",
        Kind::Flag,
        Some("true"),
        "Record in the saved tokenizer.json that it pads to max_seq_length. rtrain itself pads nothing.",
    ),
    row(Group::Data, "max_train_samples", COUNT, None, "Train on the first so many rows only."),
    row(Group::Data, "max_eval_samples", COUNT, None, "Evaluate on the first so many rows only."),
    row(Group::Data, "max_predict_samples", COUNT, None, "Predict the first so many rows only."),
    row(Group::Training, "do_train", Kind::Flag, None, "Train. Left out, true."),
    row(Group::Training, "do_eval", Kind::Flag, None, "Evaluate at the end. Left out, true where validation_file is given."),
    row(Group::Training, "do_predict", Kind::Flag, None, "Predict at the end. Left out, true where test_file is given."),
    row(Group::Training, "num_train_epochs", POSITIVE, Some("3.0"), "Passes over the training rows; 2.5 ends in the middle of the third."),
    row(
        Group::Training,
        "max_steps",
        Kind::Integer { min: -1, max: i64::MAX },
        Some("-1"),
        "Make so many optimizer steps, whatever num_train_epochs says; -1 counts epochs.",
    ),
    row(Group::Training, "per_device_train_batch_size", COUNT, Some("8"), "Rows of a training batch."),
    row(
        Group::Training,
        "per_device_eval_batch_size",
        COUNT,
        Some("8"),
        "Rows of an evaluation batch; more are faster, and no metric changes.",
    ),
    row(
        Group::Training,
        "gradient_accumulation_steps",
        COUNT,
        Some("1"),
        "Add the gradients of so many batches for each optimizer step: 4 batches of 8 rows learn as one of 32.",
    ),
    row(
        Group::Training,
        "gradient_checkpointing",
        Kind::Flag,
        None,
        "Save memory: compute each layer once more in the backward pass instead of keeping what it computed. Left out, false.",
    ),
    row(
        Group::Training,
        "resume_from_checkpoint",
        Kind::DirectoryOrFlag,
        None,
        "Go on from a checkpoint: this directory, or with true (or nothing after it) the newest whole one in output_dir.",
    ),
    row(
        Group::Training,
        "ignore_data_skip",
        Kind::Flag,
        Some("false"),
        "When resuming, begin the epoch anew rather than at the batch where the checkpoint was written.",
    ),
    row(
        Group::Training,
        "restore_callback_states_from_checkpoint",
        Kind::Flag,
        Some("false"),
        "When resuming, let callbacks take their arguments from the checkpoint as well, such as the patience of early stopping.",
    ),
    row(Group::Training, "dataloader_drop_last", Kind::Flag, Some("false"), "Leave out the last batch of an epoch where it is not full."),
    row(
        Group::Training,
        "seed",
        Kind::Integer { min: 0, max: 4_294_967_295 },
        Some("42"),
        "Seed of the fresh weights, of dropout and of the order of the rows.",
    ),
    row(
        Group::Training,
        "data_seed",
        Kind::Integer { min: 0, max: i64::MAX },
        None,
        "Seed of the order of the rows. Left out, that of seed.",
    ),
    row(
        Group::Training,
        "full_determinism",
        Kind::Flag,
        Some("false"),
        "Recorded only: with as many threads, rtrain computes the same bits each time.",
    ),
    row(
        Group::Training,
        "device",
        DEVICE,
        Some("auto"),
        "What computes: cpu; webgpu, a GPU by whatever interface there is; vulkan. auto is cpu, and in a browser webgpu where it has a GPU.",
    ),
    row(
        Group::Training,
        "dropout_rng",
        DROPOUT_RNG,
        Some("torch"),
        "What dropout draws from: torch draws the masks that HF Trainer has with this seed; fast is quicker, its masks are others.",
    ),
    row(
        Group::Training,
        "train_sampling_strategy",
        SAMPLING,
        Some("random"),
        "How rows become batches: in random order, in that of the file (sequential), or grouped by length as for padded batches.",
    ),
    row(
        Group::Training,
        "group_by_length",
        Kind::Flag,
        Some("false"),
        "Release 4.57.6's name for train_sampling_strategy group_by_length.",
    ),
    row(
        Group::Training,
        "length_column_name",
        Kind::Text,
        Some("length"),
        "Recorded only: Trainer drops such a column before it looks for it, and counts tokens.",
    ),
    row(
        Group::Training,
        "neftune_noise_alpha",
        NOT_NEGATIVE,
        None,
        "Add so much noise to the embeddings of words while training; 5 to 15 are common. Left out, none.",
    ),
    row(
        Group::Training,
        "label_smoothing_factor",
        SHARE,
        Some("0.0"),
        "Share of a label's probability to spread over all classes; 0.1 keeps a model from being too sure.",
    ),
    row(
        Group::Training,
        "bf16",
        Kind::Flag,
        Some("false"),
        "Round the operands of linear layers to bfloat16; faster on processors with AVX-512 BF16.",
    ),
    row(Group::Training, "fp16", Kind::Flag, Some("false"), "Not supported yet: rtrain computes in float32 or bfloat16."),
    row(Group::Optimizer, "optim", OPTIMIZER, Some("adamw_torch_fused"), "The optimizer. Both names of AdamW compute the same here."),
    row(
        Group::Optimizer,
        "optim_args",
        Kind::Text,
        None,
        "Settings of sgd, adagrad and rmsprop, such as momentum=0.9,nesterov=true; transformers 4 takes no notice of them.",
    ),
    row(Group::Optimizer, "learning_rate", NOT_NEGATIVE, Some("5e-5"), "Highest learning rate; 1e-5 to 5e-5 suit BERT."),
    row(Group::Optimizer, "weight_decay", NOT_NEGATIVE, Some("0.0"), "Weight decay of all parameters but biases and layer norms."),
    row(Group::Optimizer, "adam_beta1", BETA, Some("0.9"), "Decay of the mean of the gradients."),
    row(Group::Optimizer, "adam_beta2", BETA, Some("0.999"), "Decay of the mean of the squared gradients."),
    row(Group::Optimizer, "adam_epsilon", NOT_NEGATIVE, Some("1e-8"), "What is added to the denominator, against division by zero."),
    row(
        Group::Optimizer,
        "max_grad_norm",
        NOT_NEGATIVE,
        Some("1.0"),
        "Scale the gradients of a step down to this norm where theirs is greater; 0 does not.",
    ),
    row(
        Group::Schedule,
        "lr_scheduler_type",
        SCHEDULER,
        Some("linear"),
        "Course of the learning rate after the warmup: linear and cosine fall to 0; constant has no warmup; reduce_lr_on_plateau and greedy \
         follow metric_for_best_model, and need eval_strategy.",
    ),
    row(
        Group::Schedule,
        "lr_scheduler_kwargs",
        Kind::Mapping,
        None,
        "Settings of the schedule, as JSON or in a file as a mapping, such as {\"num_cycles\": 2} of cosine_with_restarts, {\"power\": 2} of \
         polynomial, {\"min_lr\": 1e-6} of cosine_with_min_lr, {\"num_decay_steps\": 100} of warmup_stable_decay, {\"patience\": 3} of \
         reduce_lr_on_plateau.",
    ),
    row(
        Group::Schedule,
        "warmup_steps",
        NOT_NEGATIVE,
        Some("0"),
        "Steps over which the learning rate rises from 0; below 1, the share of all steps: 0.1 is a tenth.",
    ),
    row(Group::Logging, "logging_strategy", STRATEGY, Some("steps"), "When to log the loss and the learning rate."),
    row(Group::Logging, "logging_steps", Kind::Steps, Some("500"), "Steps between two log entries; below 1, the share of all steps."),
    row(Group::Logging, "logging_first_step", Kind::Flag, Some("false"), "Log the first step too."),
    row(Group::Logging, "logging_nan_inf_filter", Kind::Flag, Some("true"), "Leave losses that are not finite out of what is logged."),
    row(
        Group::Logging,
        "include_num_input_tokens_seen",
        INPUT_TOKENS,
        Some("no"),
        "Log how many tokens were trained on: all with padding, non_padding without it.",
    ),
    row(Group::Logging, "disable_tqdm", Kind::Flag, None, "Show no progress bars. Left out, false."),
    row(Group::Logging, "report_to", REPORT, Some("none"), "Services to report to; rtrain knows none."),
    row(Group::Evaluation, "eval_strategy", STRATEGY, Some("no"), "When to evaluate while training."),
    row(
        Group::Evaluation,
        "eval_steps",
        Kind::Steps,
        None,
        "Steps between two evaluations; below 1, the share of all steps. Left out, those of logging_steps.",
    ),
    row(Group::Evaluation, "eval_on_start", Kind::Flag, Some("false"), "Evaluate before the first step too."),
    row(Group::Evaluation, "eval_delay", NOT_NEGATIVE, Some("0"), "Evaluate only after so many steps or epochs, by eval_strategy."),
    row(
        Group::Evaluation,
        "eval_accumulation_steps",
        COUNT,
        None,
        "Batches of predictions to gather before they leave the device; no result depends on it.",
    ),
    row(
        Group::Evaluation,
        "metric_for_best_model",
        Kind::Text,
        None,
        "Metric that tells which checkpoint is the best, such as accuracy. Left out, loss where a best one is asked for.",
    ),
    row(
        Group::Evaluation,
        "greater_is_better",
        Kind::Flag,
        None,
        "Whether more of that metric is better. Left out, true unless its name ends with loss.",
    ),
    row(
        Group::Evaluation,
        "load_best_model_at_end",
        Kind::Flag,
        Some("false"),
        "Save the model of the best checkpoint rather than the last one. Evaluations and checkpoints must fall on the same steps.",
    ),
    row(
        Group::Evaluation,
        "early_stopping_patience",
        COUNT,
        None,
        "Stop once so many evaluations in a row were no better than the best. Left out, never.",
    ),
    row(
        Group::Evaluation,
        "early_stopping_threshold",
        NOT_NEGATIVE,
        Some("0.0"),
        "By how much an evaluation must be better to count as such for early stopping.",
    ),
    row(Group::Saving, "output_dir", Kind::Path, None, "Directory to write the model to."),
    row(Group::Saving, "release", RELEASE, Some("5.23.0"), "Release of transformers whose files are written."),
    row(Group::Saving, "save_strategy", SAVE_STRATEGY, Some("steps"), "When to write a checkpoint while training."),
    row(Group::Saving, "save_steps", Kind::Steps, Some("500"), "Steps between two checkpoints; below 1, the share of all steps."),
    row(
        Group::Saving,
        "save_total_limit",
        COUNT,
        None,
        "Keep the newest so many checkpoints only, and beside them the best one where there is one. Left out, all.",
    ),
    row(
        Group::Saving,
        "save_only_model",
        Kind::Flag,
        Some("false"),
        "Write no optimizer, schedule and generators into checkpoints: a third of the size, but such a run cannot go on as it was.",
    ),
    row(
        Group::Saving,
        "enable_jit_checkpoint",
        Kind::Flag,
        Some("false"),
        "Save a checkpoint and end when SIGTERM comes. rtrain always does, for SIGINT too.",
    ),
];

/// The fields of transformers 5.23.0's `TrainingArguments` that rtrain does not support yet.
pub const NOT_YET: &[&str] = &[
    "accelerator_config",
    "activation_checkpointing",
    "activation_checkpointing_kwargs",
    "auto_find_batch_size",
    "average_tokens_across_devices",
    "batch_eval_metrics",
    "bf16_full_eval",
    "dataloader_in_order",
    "dataloader_multiprocessing_context",
    "dataloader_num_workers",
    "dataloader_persistent_workers",
    "dataloader_pin_memory",
    "dataloader_prefetch_factor",
    "ddp_backend",
    "ddp_broadcast_buffers",
    "ddp_bucket_cap_mb",
    "ddp_find_unused_parameters",
    "ddp_static_graph",
    "ddp_timeout",
    "debug",
    "deepspeed",
    "eval_do_concat_batches",
    "eval_use_gather_object",
    "fp16_full_eval",
    "fsdp",
    "fsdp_config",
    "gradient_checkpointing_kwargs",
    "hub_always_push",
    "hub_model_id",
    "hub_private_repo",
    "hub_revision",
    "hub_strategy",
    "hub_token",
    "include_for_metrics",
    "label_names",
    "liger_kernel_config",
    "local_rank",
    "log_level",
    "log_level_replica",
    "log_on_each_node",
    "optim_target_modules",
    "parallelism_config",
    "prediction_loss_only",
    "project",
    "push_to_hub",
    "remove_unused_columns",
    "run_name",
    "save_on_each_node",
    "skip_memory_metrics",
    "tf32",
    "torch_compile",
    "torch_compile_backend",
    "torch_compile_mode",
    "torch_empty_cache_steps",
    "trackio_bucket_id",
    "trackio_space_id",
    "trackio_static_space_id",
    "use_cache",
    "use_cpu",
    "use_liger_kernel",
];

/// The arguments of `run_classification.py` that rtrain does not support yet.
pub const NOT_YET_OF_SCRIPT: &[&str] = &[
    "cache_dir",
    "dataset_config_name",
    "dataset_name",
    "metric_name",
    "model_revision",
    "overwrite_cache",
    "preprocessing_num_workers",
    "remove_columns",
    "remove_splits",
    "shuffle_seed",
    "shuffle_train_dataset",
    "test_split_name",
    "token",
    "train_split_name",
    "trust_remote_code",
    "use_fast_tokenizer",
    "validation_split_name",
];

/// Arguments that transformers had before 5.23.0, each with what to do now.
pub const REMOVED: &[(&str, &str)] = &[
    ("adafactor", "write optim adafactor"),
    ("evaluation_strategy", "write eval_strategy"),
    ("fp16_backend", "leave it out"),
    ("fp16_opt_level", "leave it out"),
    ("half_precision_backend", "leave it out"),
    ("include_inputs_for_metrics", "leave it out"),
    ("include_tokens_per_second", "leave it out"),
    ("jit_mode_eval", "leave it out"),
    ("logging_dir", "leave it out"),
    ("no_cuda", "leave it out; rtrain computes on the CPU"),
    ("overwrite_output_dir", "leave it out; the model is always written, and what else output_dir holds stays"),
    ("per_gpu_eval_batch_size", "write per_device_eval_batch_size"),
    ("per_gpu_train_batch_size", "write per_device_train_batch_size"),
    ("save_safetensors", "leave it out; models are always saved as safetensors"),
    ("use_mps_device", "leave it out; rtrain computes on the CPU"),
    ("warmup_ratio", "write warmup_steps with a number below 1: warmup_steps 0.1 is what warmup_ratio 0.1 was"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::raw::read_default;
    use super::*;

    #[test]
    fn every_name_stands_once() {
        let names: Vec<&str> = ARGUMENTS.iter().map(|argument| argument.name).collect();
        let removed = REMOVED.iter().map(|(name, _)| *name);
        let all: Vec<&str> = names.into_iter().chain(NOT_YET.iter().chain(NOT_YET_OF_SCRIPT).copied()).chain(removed).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn every_default_fits_its_kind() {
        for argument in ARGUMENTS {
            assert_eq!(read_default(argument).is_some(), argument.default.is_some(), "{}", argument.name);
        }
    }

    #[test]
    fn groups_stand_together() {
        let mut groups: Vec<Group> = ARGUMENTS.iter().map(|argument| argument.group).collect();
        groups.dedup();
        assert_eq!(groups.len(), 8);
    }

    #[test]
    fn kinds_show_as_phrases() {
        assert_eq!(BETA.to_string(), "a number, at least 0, below 1");
        assert_eq!(POSITIVE.to_string(), "a number, above 0");
        assert_eq!(REPORT.to_string(), "none");
        assert_eq!(STRATEGY.to_string(), "one of no, steps, epoch");
    }
}

//! The arguments of a training: their names and defaults are those of transformers 5.23.0, so that a command or a YAML file that was written
//! for `run_classification.py` means the same here.
//!
//! [`ARGUMENTS`] is the table that the command line is made from, [`TrainingArguments`] are the values, read and checked against each other.

mod choice;
#[cfg(test)]
mod golden;
mod length;
mod optimizer;
mod raw;
mod resolve;
mod table;

use std::path::PathBuf;

use crate::format::release::Release;
use crate::format::torch::optimizer_state::Algorithm;
use crate::format::torch::pickle::Value;

pub use choice::{Device, DropoutRng, InputTokens, IntervalStrategy, Optimizer, SamplingStrategy, SaveStrategy, SchedulerType};
pub use length::{StepCount, TrainingLength};
pub use raw::{Origin, RawValue, Values};
pub use table::{ARGUMENTS, Argument, Group, Kind, NOT_YET, NOT_YET_OF_SCRIPT, REMOVED, argument};

/// The checkpoint to go on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResumeFrom {
    /// The newest whole one of the output directory.
    Newest,
    /// This one.
    Directory(PathBuf),
}

/// Everything that a training was asked for, checked; see [`ARGUMENTS`] for what each means to its user.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingArguments {
    /// Directory of the model to start from.
    pub model_name_or_path: Option<PathBuf>,
    /// `config.json`, or its directory, of a model to start from random weights, or to read instead of the model's own.
    pub config_name: Option<PathBuf>,
    /// Settings of `config.json` to replace, by name, each value as it was written.
    pub config_overrides: Vec<(String, String)>,
    /// Directory of the tokenizer where it is not the model's.
    pub tokenizer_name: Option<PathBuf>,
    /// Whether a classifier of another shape is replaced by a fresh one rather than refused.
    pub ignore_mismatched_sizes: bool,

    /// Table to train on; present whenever `do_train` is set.
    pub train_file: Option<PathBuf>,
    /// Tables to evaluate on, by name where there are several; one at least whenever `do_eval` is set.
    pub validation_files: Vec<(Option<String>, PathBuf)>,
    /// Table to predict; present whenever `do_predict` is set.
    pub test_file: Option<PathBuf>,
    /// Columns of the text; `None` leaves the choice to the table. One or two names where there is no delimiter.
    pub text_column_names: Option<Vec<String>>,
    /// What the text columns are joined with; `None` makes two columns a pair of sentences.
    pub text_column_delimiter: Option<String>,
    /// Column of the labels.
    pub label_column_name: String,
    /// Whether the labels are numbers to approach; `None` tells it by their type.
    pub do_regression: Option<bool>,
    /// Most tokens of a row, special tokens included; what is longer is cut.
    pub max_seq_length: usize,
    /// Whether the saved `tokenizer.json` pads to `max_seq_length` (true) or to the longest row of a batch. No computation pads.
    pub pad_to_max_length: bool,
    /// Most rows to train on, from the first.
    pub max_train_samples: Option<usize>,
    /// Most rows to evaluate on, from the first.
    pub max_eval_samples: Option<usize>,
    /// Most rows to predict, from the first.
    pub max_predict_samples: Option<usize>,

    /// Directory that the model is written to.
    pub output_dir: PathBuf,
    /// Whether to train.
    pub do_train: bool,
    /// Whether to evaluate at the end.
    pub do_eval: bool,
    /// Whether to predict at the end.
    pub do_predict: bool,
    /// Passes over the training rows; a fraction ends within the last pass. Does not count where `max_steps` is given.
    pub num_train_epochs: f64,
    /// Optimizer steps to make, whatever `num_train_epochs` says.
    pub max_steps: Option<usize>,
    /// Rows of a training batch.
    pub per_device_train_batch_size: usize,
    /// Rows of an evaluation batch.
    pub per_device_eval_batch_size: usize,
    /// Batches whose gradients make one optimizer step.
    pub gradient_accumulation_steps: usize,
    /// Whether the backward pass computes each layer once more instead of keeping all activations.
    pub gradient_checkpointing: bool,
    /// Whether the products of linear layers round their operands to bfloat16.
    pub bf16: bool,
    /// The checkpoint to go on from.
    pub resume_from_checkpoint: Option<ResumeFrom>,
    /// Whether a resumed run begins its epoch anew.
    pub ignore_data_skip: bool,
    /// Whether callbacks of a resumed run take their arguments from the checkpoint.
    pub restore_callback_states_from_checkpoint: bool,
    /// Whether an incomplete last batch is left out.
    pub dataloader_drop_last: bool,
    /// Seed of the fresh weights, of dropout, and of the order of the rows where `data_seed` is not given.
    pub seed: u64,
    /// Seed of the order of the rows.
    pub data_seed: Option<u64>,
    /// What computes.
    pub device: Device,
    /// What dropout draws from.
    pub dropout_rng: DropoutRng,
    /// Which rows make the batches of an epoch.
    pub train_sampling_strategy: SamplingStrategy,
    /// How much noise is added to the embeddings of words while training.
    pub neftune_noise_alpha: Option<f64>,
    /// Share of the label's probability that is spread over all classes, 0 to 1.
    pub label_smoothing_factor: f64,

    /// Which optimizer is meant, by its name.
    pub optim: Optimizer,
    /// The optimizer with its settings.
    pub algorithm: Algorithm,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Weight decay of all parameters but biases and layer norms.
    pub weight_decay: f64,
    /// Decay of the mean of the gradients, below 1.
    pub adam_beta1: f64,
    /// Decay of the mean of the squared gradients, below 1.
    pub adam_beta2: f64,
    /// What is added to the root in the denominator.
    pub adam_epsilon: f64,
    /// Norm that the gradients are clipped to; 0 clips nothing.
    pub max_grad_norm: f64,

    /// Course of the learning rate.
    pub lr_scheduler_type: SchedulerType,
    /// Settings of that course, by name, as they were given; see [`Schedule::new`](super::schedule::Schedule::new).
    pub lr_scheduler_kwargs: Option<serde_json::Map<String, serde_json::Value>>,
    /// Steps, or share of all steps below 1, over which the learning rate rises from 0; see [`TrainingArguments::warmup_steps`].
    pub warmup_steps: f64,

    /// When the loss is logged.
    pub logging_strategy: IntervalStrategy,
    /// Steps between two log entries.
    pub logging_steps: StepCount,
    /// Whether the first step is logged too.
    pub logging_first_step: bool,
    /// Whether losses that are not finite are left out of what is logged.
    pub logging_nan_inf_filter: bool,
    /// Which tokens are counted and logged.
    pub include_num_input_tokens_seen: InputTokens,
    /// Whether there are no progress bars.
    pub disable_tqdm: bool,
    /// When to evaluate while training.
    pub eval_strategy: IntervalStrategy,
    /// Steps between two evaluations; `logging_steps` where it was not given.
    pub eval_steps: StepCount,
    /// Whether to evaluate before the first step.
    pub eval_on_start: bool,
    /// Steps or epochs, by `eval_strategy`, before which no evaluation is made.
    pub eval_delay: f64,
    /// The metric that tells which evaluation is the best; given whenever `load_best_model_at_end` or early stopping needs it.
    pub metric_for_best_model: Option<String>,
    /// Whether more of that metric is better.
    pub greater_is_better: bool,
    /// Whether the model of the best checkpoint is saved in the end.
    pub load_best_model_at_end: bool,
    /// Evaluations in a row that may be no better before the run stops.
    pub early_stopping_patience: Option<u64>,
    /// By how much an evaluation must be better to count.
    pub early_stopping_threshold: f64,
    /// Release of transformers whose files are written.
    pub release: &'static Release,
    /// When to write a checkpoint while training.
    pub save_strategy: SaveStrategy,
    /// Steps between two checkpoints.
    pub save_steps: StepCount,
    /// Most checkpoints to keep.
    pub save_total_limit: Option<usize>,
    /// Whether checkpoints hold the model alone.
    pub save_only_model: bool,

    /// What was given of transformers' own arguments: `training_args.bin` tells it from the defaults.
    pub given: Vec<(&'static str, Value)>,
}

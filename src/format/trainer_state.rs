//! `trainer_state.json` and the results files.
//!
//! # Source
//! transformers 5.23.0, `trainer_callback.py` (`TrainerState`, `TrainerControl`) and `trainer_pt_utils.py` (`save_metrics`).

use super::json::Json;
use super::python_json::{Layout, dumps};
use super::tokenizer_json::object;

/// State of a training run as `Trainer` keeps it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainerState {
    /// Epochs done, with fraction.
    pub epoch: f64,
    /// Steps done.
    pub global_step: u64,
    /// Steps between evaluations.
    pub eval_steps: u64,
    /// Steps between log lines.
    pub logging_steps: u64,
    /// Steps between checkpoints.
    pub save_steps: u64,
    /// Steps of the whole run.
    pub max_steps: u64,
    /// Epochs of the whole run, rounded up.
    pub num_train_epochs: u64,
    /// `per_device_train_batch_size`.
    pub train_batch_size: u64,
    /// Floating point operations as `Trainer` estimates them: 6 · tokens · parameters without embeddings.
    pub total_flos: f64,
    /// What was logged, in order: each entry an object with `epoch` and `step`.
    pub log_history: Vec<Json>,
    /// Whether this is the checkpoint of the last step.
    pub should_training_stop: bool,
    /// Whether the file lies in a checkpoint (`should_save` was true when it was written).
    pub in_checkpoint: bool,
}

impl TrainerState {
    /// The file: `json.dumps(indent=2, sort_keys=True)` and a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let control = object([
            ("should_epoch_stop", false.into()),
            ("should_evaluate", false.into()),
            ("should_log", false.into()),
            ("should_save", self.in_checkpoint.into()),
            ("should_training_stop", self.should_training_stop.into()),
        ]);
        let callbacks = object([("TrainerControl", object([("args", control), ("attributes", Json::Object(Vec::new()))]))]);
        let state = object([
            ("best_global_step", Json::Null),
            ("best_metric", Json::Null),
            ("best_model_checkpoint", Json::Null),
            ("epoch", self.epoch.into()),
            ("eval_steps", self.eval_steps.into()),
            ("global_step", self.global_step.into()),
            ("is_hyper_param_search", false.into()),
            ("is_local_process_zero", true.into()),
            ("is_world_process_zero", true.into()),
            ("log_history", Json::Array(self.log_history.clone())),
            ("logging_steps", self.logging_steps.into()),
            ("max_steps", self.max_steps.into()),
            ("num_input_tokens_seen", 0_u32.into()),
            ("num_train_epochs", self.num_train_epochs.into()),
            ("save_steps", self.save_steps.into()),
            ("stateful_callbacks", callbacks),
            ("total_flos", self.total_flos.into()),
            ("train_batch_size", self.train_batch_size.into()),
            ("trial_name", Json::Null),
            ("trial_params", Json::Null),
        ]);
        let mut text = dumps(&state.sorted(), Layout::Python { indent: 2 });
        text.push('\n');
        text.into_bytes()
    }
}

/// `{split}_results.json` and `all_results.json`: `json.dump(indent=4, sort_keys=True)` without a newline.
pub fn results_bytes(metrics: &[(String, Json)]) -> Vec<u8> {
    dumps(&Json::Object(metrics.to_vec()).sorted(), Layout::Python { indent: 4 }).into_bytes()
}

//! `trainer_state.json`: where a training run stands, what it logged, and which checkpoint was the best.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `trainer_callback.py` (`TrainerState`, `TrainerControl`): the same keys in both.

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::layout::SORTED;
use crate::format::json::number::Number;

const CODE: &str = "trainer-state";

/// State of a training run as `Trainer` keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainerState {
    /// Epochs done, with fraction; the whole number 0 before the first step.
    pub epoch: Option<Number>,
    /// Steps done.
    pub global_step: u64,
    /// Steps between evaluations.
    pub eval_steps: Number,
    /// Steps between log lines.
    pub logging_steps: Number,
    /// Steps between checkpoints.
    pub save_steps: Number,
    /// Steps of the whole run.
    pub max_steps: u64,
    /// Epochs of the whole run, rounded up.
    pub num_train_epochs: u64,
    /// `per_device_train_batch_size`.
    pub train_batch_size: Option<u64>,
    /// Tokens seen, where they are counted.
    pub num_input_tokens_seen: Number,
    /// Floating point operations as `Trainer` estimates them: 6 · tokens · parameters without embeddings.
    pub total_flos: Number,
    /// What was logged, in order: each entry an object with `epoch` and `step`.
    pub log_history: Vec<Json>,
    /// The best value of `metric_for_best_model`.
    pub best_metric: Option<Number>,
    /// The step that had it.
    pub best_global_step: Option<u64>,
    /// The checkpoint of that step, by its path.
    pub best_model_checkpoint: Option<String>,
    /// Whether this process is the first of its machine.
    pub is_local_process_zero: bool,
    /// Whether this process is the first of all.
    pub is_world_process_zero: bool,
    /// Whether the run is one of a hyperparameter search.
    pub is_hyper_param_search: bool,
    /// Name of the trial of a hyperparameter search.
    pub trial_name: Option<String>,
    /// Parameters of the trial.
    pub trial_params: Option<Vec<(String, Json)>>,
    /// Whether the current epoch should end.
    pub should_epoch_stop: bool,
    /// Whether an evaluation is due.
    pub should_evaluate: bool,
    /// Whether a log line is due.
    pub should_log: bool,
    /// Whether this is the checkpoint of the last step.
    pub should_training_stop: bool,
    /// Whether the file lies in a checkpoint (`should_save` was true when it was written).
    pub in_checkpoint: bool,
    /// Arguments of `TrainerControl` that transformers does not have.
    pub unknown_control: Vec<(String, Json)>,
    /// What else the state of `TrainerControl` holds: `attributes`, which is empty.
    pub control: Vec<(String, Json)>,
    /// States of other callbacks, by the name of their class.
    pub callbacks: Vec<(String, Json)>,
    /// Keys that transformers does not have.
    pub unknown: Vec<(String, Json)>,
}

impl Default for TrainerState {
    /// A run before its first step, in the one process that there is.
    fn default() -> Self {
        TrainerState {
            epoch: Some(Number::Whole(0)),
            global_step: 0,
            eval_steps: Number::Whole(500),
            logging_steps: Number::Whole(500),
            save_steps: Number::Whole(500),
            max_steps: 0,
            num_train_epochs: 0,
            train_batch_size: None,
            num_input_tokens_seen: Number::Whole(0),
            total_flos: Number::Whole(0),
            log_history: Vec::new(),
            best_metric: None,
            best_global_step: None,
            best_model_checkpoint: None,
            is_local_process_zero: true,
            is_world_process_zero: true,
            is_hyper_param_search: false,
            trial_name: None,
            trial_params: None,
            should_epoch_stop: false,
            should_evaluate: false,
            should_log: false,
            should_training_stop: false,
            in_checkpoint: false,
            unknown_control: Vec::new(),
            control: vec![("attributes".to_owned(), Json::Object(Vec::new()))],
            callbacks: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

impl TrainerState {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a key that is missing or has another type.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<TrainerState> {
        let mut fields = Fields::parse(CODE, path, bytes)?;
        let callbacks = fields.object("stateful_callbacks")?;
        let log_history: Vec<Json> = fields.required("log_history")?;
        if let Some((index, entry)) = log_history.iter().enumerate().find(|(_, entry)| entry.entries().is_none()) {
            return Err(fields.error(&format!("log_history/{index}"), "an object", entry.kind()));
        }
        let mut state = TrainerState {
            epoch: fields.required("epoch")?,
            global_step: fields.required("global_step")?,
            eval_steps: fields.required("eval_steps")?,
            logging_steps: fields.required("logging_steps")?,
            save_steps: fields.required("save_steps")?,
            max_steps: fields.required("max_steps")?,
            num_train_epochs: fields.required("num_train_epochs")?,
            train_batch_size: fields.required("train_batch_size")?,
            num_input_tokens_seen: fields.required("num_input_tokens_seen")?,
            total_flos: fields.required("total_flos")?,
            log_history,
            best_metric: fields.required("best_metric")?,
            best_global_step: fields.required("best_global_step")?,
            best_model_checkpoint: fields.required("best_model_checkpoint")?,
            is_local_process_zero: fields.required("is_local_process_zero")?,
            is_world_process_zero: fields.required("is_world_process_zero")?,
            is_hyper_param_search: fields.required("is_hyper_param_search")?,
            trial_name: fields.required("trial_name")?,
            trial_params: fields.required("trial_params")?,
            unknown: fields.rest(),
            ..TrainerState::default()
        };
        state.set_stateful_callbacks(callbacks)?;
        Ok(state)
    }

    /// Takes the switches of `TrainerControl` and the states of other callbacks from a `stateful_callbacks`.
    ///
    /// # Errors
    /// A switch is missing or is none.
    pub fn set_stateful_callbacks(&mut self, mut callbacks: Fields) -> Result<()> {
        let mut control = callbacks.object("TrainerControl")?;
        let mut arguments = control.object("args")?;
        self.should_epoch_stop = arguments.required("should_epoch_stop")?;
        self.should_evaluate = arguments.required("should_evaluate")?;
        self.should_log = arguments.required("should_log")?;
        self.should_training_stop = arguments.required("should_training_stop")?;
        self.in_checkpoint = arguments.required("should_save")?;
        self.unknown_control = arguments.rest();
        self.control = control.rest();
        self.callbacks = callbacks.rest();
        Ok(())
    }

    /// The `stateful_callbacks`, which [`TrainerState::set_stateful_callbacks`] takes.
    pub fn stateful_callbacks(&self) -> Json {
        let arguments = [
            ("should_epoch_stop", self.should_epoch_stop.into()),
            ("should_evaluate", self.should_evaluate.into()),
            ("should_log", self.should_log.into()),
            ("should_save", self.in_checkpoint.into()),
            ("should_training_stop", self.should_training_stop.into()),
        ];
        let arguments = arguments.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(self.unknown_control.clone());
        let mut control = self.control.clone();
        control.push(("args".to_owned(), Json::Object(arguments.collect())));
        let mut callbacks = self.callbacks.clone();
        callbacks.push(("TrainerControl".to_owned(), Json::Object(control)));
        Json::Object(callbacks)
    }

    /// The file: `json.dumps(indent=2, sort_keys=True)` and a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = [
            ("best_global_step", self.best_global_step.into()),
            ("best_metric", self.best_metric.into()),
            ("best_model_checkpoint", self.best_model_checkpoint.clone().into()),
            ("epoch", self.epoch.into()),
            ("eval_steps", self.eval_steps.into()),
            ("global_step", self.global_step.into()),
            ("is_hyper_param_search", self.is_hyper_param_search.into()),
            ("is_local_process_zero", self.is_local_process_zero.into()),
            ("is_world_process_zero", self.is_world_process_zero.into()),
            ("log_history", Json::Array(self.log_history.clone())),
            ("logging_steps", self.logging_steps.into()),
            ("max_steps", self.max_steps.into()),
            ("num_input_tokens_seen", self.num_input_tokens_seen.into()),
            ("num_train_epochs", self.num_train_epochs.into()),
            ("save_steps", self.save_steps.into()),
            ("stateful_callbacks", self.stateful_callbacks()),
            ("total_flos", self.total_flos.into()),
            ("train_batch_size", self.train_batch_size.into()),
            ("trial_name", self.trial_name.clone().into()),
            ("trial_params", self.trial_params.clone().map_or(Json::Null, Json::Object)),
        ];
        let state = state.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(self.unknown.clone());
        SORTED.bytes(Json::Object(state.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tokenizer::json::object;
    use proptest::prelude::*;

    #[test]
    fn a_missing_key_and_a_log_entry_that_is_none_are_named() {
        let text = String::from_utf8(TrainerState::default().to_bytes()).unwrap();
        for (edit, by, site) in [
            ("\"max_steps\": 0,", "", "state.json, at /max_steps"),
            ("\"log_history\": []", "\"log_history\": [1]", "state.json, at /log_history/0"),
            ("\"should_log\": false", "\"should_log\": 0", "state.json, at /stateful_callbacks/TrainerControl/args/should_log"),
        ] {
            let error = TrainerState::parse("state.json", text.replace(edit, by).as_bytes()).unwrap_err();
            assert_eq!(error.diagnostic().site.to_string(), site);
        }
    }

    fn number() -> impl Strategy<Value = Number> {
        prop_oneof![any::<i64>().prop_map(|number| Number::Whole(number.into())), prop::num::f64::NORMAL.prop_map(Number::Float)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(
            step in any::<u64>(),
            epoch in prop::option::of(prop::num::f64::NORMAL),
            [flos, tokens, eval_steps, logging_steps, save_steps] in [number(), number(), number(), number(), number()],
            trial in prop::option::of((any::<String>(), prop::collection::btree_map(any::<String>(), any::<u32>(), 0..3))),
            callback in prop::option::of("[A-S][a-z]{0,8}"),
            checkpoint in prop::option::of(any::<String>()),
            flags in any::<[bool; 8]>(),
            unknown in any::<String>(),
            losses in prop::collection::vec(prop::num::f64::NORMAL, 0..4),
        ) {
            let state = TrainerState {
                epoch: epoch.map(Number::Float),
                global_step: step,
                eval_steps,
                logging_steps,
                save_steps,
                max_steps: step / 2,
                num_train_epochs: step / 3,
                train_batch_size: checkpoint.as_ref().map(|_| step / 5),
                num_input_tokens_seen: tokens,
                total_flos: flos,
                best_metric: epoch.map(Number::Float),
                best_global_step: checkpoint.as_ref().map(|_| step),
                best_model_checkpoint: checkpoint,
                log_history: losses.into_iter().map(|loss| object([("loss", loss.into()), ("step", step.into())])).collect(),
                is_local_process_zero: flags[0],
                is_world_process_zero: flags[1],
                is_hyper_param_search: flags[2],
                should_epoch_stop: flags[3],
                should_evaluate: flags[4],
                should_log: flags[5],
                should_training_stop: flags[6],
                in_checkpoint: flags[7],
                trial_name: trial.as_ref().map(|(name, _)| name.clone()),
                trial_params: trial.map(|(_, params)| params.into_iter().map(|(name, value)| (name, value.into())).collect()),
                callbacks: callback.into_iter().map(|name| (name, object([("args", Json::Object(Vec::new()))]))).collect(),
                unknown_control: vec![(format!("~{unknown}"), Json::from(step))],
                control: vec![(format!("~{unknown}"), Json::from(unknown.clone()))],
                unknown: vec![(format!("~{unknown}"), Json::from(step))],
            };
            prop_assert_eq!(TrainerState::parse("f", &state.to_bytes()).unwrap(), state);
        }
    }
}

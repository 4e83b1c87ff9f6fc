use serde_json::{Value, json};

use super::*;
use crate::diagnostic::Place;

/// Values from a file: those that every training needs, and `more`.
fn values(more: Value) -> Values {
    let mut values = Values::new();
    let needed = json!({"model_name_or_path": "bert", "train_file": "train.csv", "output_dir": "out"});
    for (name, value) in needed.as_object().unwrap().iter().chain(more.as_object().unwrap()) {
        let site = Site::file("train.yaml").at(Place::Pointer(format!("/{name}")));
        values.insert(name.clone(), RawValue { value: value.clone(), origin: Origin::File(site) });
    }
    values
}

fn resolve(more: Value) -> TrainingArguments {
    TrainingArguments::resolve(&values(more)).unwrap()
}

/// The code and the whole text of the error, hint included.
fn refusal(values: &Values) -> (&'static str, String) {
    let error = TrainingArguments::resolve(values).unwrap_err();
    let diagnostic = error.diagnostic();
    (diagnostic.code, format!("{diagnostic}; {}", diagnostic.hint.as_deref().unwrap_or("no hint")))
}

#[test]
fn follows_the_files_that_are_given() {
    let arguments = resolve(json!({}));
    assert_eq!((arguments.do_train, arguments.do_eval, arguments.do_predict), (true, false, false));
    let arguments = resolve(json!({"validation_file": "v.csv", "test_file": "t.csv"}));
    assert_eq!((arguments.do_train, arguments.do_eval, arguments.do_predict), (true, true, true));
    assert!(!resolve(json!({"validation_file": "v.csv", "do_eval": false})).do_eval);
    assert!(resolve(json!({"validation_file": "v.csv", "do_eval": false, "eval_strategy": "epoch"})).do_eval);
}

#[test]
fn a_strategy_no_may_arrive_as_false() {
    let arguments = resolve(json!({"eval_strategy": false, "save_strategy": false, "logging_strategy": "no"}));
    assert_eq!(arguments.eval_strategy, IntervalStrategy::No);
    assert_eq!(arguments.save_strategy, SaveStrategy::No);
    assert_eq!(arguments.logging_strategy, IntervalStrategy::No);
}

#[test]
fn null_is_as_good_as_nothing_where_there_is_no_default() {
    assert_eq!(resolve(json!({"data_seed": null})).data_seed, None);
    let (code, text) = refusal(&values(json!({"seed": null})));
    assert_eq!(code, "argument-value");
    assert!(text.ends_with("leave the line out to have the default"), "{text}");
}

#[test]
fn evaluation_steps_follow_those_of_logging() {
    let evaluating =
        |eval_steps: Value| json!({"eval_strategy": "steps", "validation_file": "v", "logging_steps": 50, "eval_steps": eval_steps});
    assert_eq!(resolve(evaluating(Value::Null)).eval_steps, StepCount::Steps(50));
    assert_eq!(resolve(evaluating(json!(0))).eval_steps, StepCount::Steps(50));
    assert_eq!(resolve(json!({"logging_steps": 50})).eval_steps, StepCount::Steps(500));
    assert_eq!(resolve(json!({"eval_steps": 0.25})).eval_steps.of(10), 3);
}

#[test]
fn steps_of_zero_are_refused_where_they_count() {
    for (more, refused) in [
        (json!({"logging_steps": 0}), true),
        (json!({"logging_steps": 0, "logging_strategy": "epoch"}), false),
        (json!({"save_steps": 0}), true),
        (json!({"save_steps": 0, "save_strategy": "no"}), false),
        (json!({"logging_steps": 0, "logging_strategy": "no", "eval_strategy": "steps", "validation_file": "v"}), true),
        (json!({"logging_steps": 0, "logging_strategy": "no", "eval_strategy": "steps", "validation_file": "v", "eval_steps": 5}), false),
    ] {
        let result = TrainingArguments::resolve(&values(more.clone()));
        assert_eq!(result.is_err(), refused, "{more}");
        if let Err(error) = result {
            assert_eq!(error.diagnostic().code, "argument-conflict");
        }
    }
}

#[test]
fn a_best_checkpoint_needs_evaluations_of_its_metric_on_the_same_steps() {
    let with = |more: Value| {
        let mut given = json!({"validation_file": "v", "eval_strategy": "steps", "eval_steps": 2, "save_steps": 4});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        values(given)
    };
    for more in [
        json!({"load_best_model_at_end": true}),
        json!({"load_best_model_at_end": true, "eval_steps": 0.1, "save_steps": 0.2}),
        json!({"load_best_model_at_end": true, "save_strategy": "best", "eval_strategy": "epoch"}),
        json!({"save_strategy": "best", "metric_for_best_model": "accuracy"}),
        json!({"early_stopping_patience": 2, "metric_for_best_model": "loss"}),
    ] {
        TrainingArguments::resolve(&with(more)).unwrap();
    }
    for (more, said) in [
        (json!({"load_best_model_at_end": true, "eval_strategy": "no"}), "load_best_model_at_end needs evaluations"),
        (json!({"load_best_model_at_end": true, "eval_strategy": "epoch"}), "eval_strategy is epoch and save_strategy steps"),
        (json!({"load_best_model_at_end": true, "save_steps": 3}), "a multiple of eval_steps"),
        (json!({"load_best_model_at_end": true, "save_steps": 0.5}), "a multiple of eval_steps"),
        (json!({"save_strategy": "best"}), "save_strategy best needs a metric"),
        (json!({"early_stopping_patience": 2}), "early_stopping_patience needs a metric"),
    ] {
        let (code, text) = refusal(&with(more));
        assert_eq!(code, "argument-conflict");
        assert!(text.contains(said), "{text}");
    }
    let best = |more: Value| {
        let arguments = TrainingArguments::resolve(&with(more)).unwrap();
        (arguments.metric_for_best_model, arguments.greater_is_better)
    };
    assert_eq!(best(json!({})), (None, false));
    assert_eq!(best(json!({"load_best_model_at_end": true})), (Some("loss".to_owned()), false));
    assert_eq!(best(json!({"metric_for_best_model": "eval_f1"})), (Some("eval_f1".to_owned()), true));
    assert_eq!(best(json!({"metric_for_best_model": "f1", "greater_is_better": false})), (Some("f1".to_owned()), false));
}

#[test]
fn a_run_goes_on_from_the_newest_checkpoint_or_a_given_one() {
    let from = |value: Value| resolve(json!({"resume_from_checkpoint": value})).resume_from_checkpoint;
    assert_eq!(from(json!(true)), Some(ResumeFrom::Newest));
    assert_eq!(from(json!("true")), Some(ResumeFrom::Newest));
    assert_eq!(from(json!("out/checkpoint-5")), Some(ResumeFrom::Directory("out/checkpoint-5".into())));
    assert_eq!((from(json!(false)), from(Value::Null)), (None, None));
}

#[test]
fn says_which_name_was_meant() {
    let (code, text) = refusal(&values(json!({"learning_rte": 1e-5})));
    assert_eq!(code, "unknown-argument");
    assert_eq!(text, "train.yaml, at /learning_rte: there is no argument learning_rte; did you mean learning_rate?");
    let (_, text) = refusal(&values(json!({"learning-rate": 1e-5})));
    assert!(text.ends_with("did you mean learning_rate?"), "{text}");
    let (code, text) = refusal(&values(json!({"zzz": 1})));
    assert_eq!(code, "unknown-argument");
    assert!(text.ends_with("lists all arguments"), "{text}");
}

#[test]
fn tells_removed_from_unsupported_names() {
    let (code, text) = refusal(&values(json!({"warmup_ratio": 0.1})));
    assert_eq!(code, "removed-argument");
    assert!(text.contains("warmup_steps 0.1"), "{text}");
    for name in NOT_YET.iter().chain(NOT_YET_OF_SCRIPT) {
        let error = TrainingArguments::resolve(&values(json!({*name: 1}))).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{name}");
        assert_eq!(error.diagnostic().code, "unsupported-argument");
    }
}

#[test]
fn sampling_has_the_names_of_the_release() {
    let refused = |given| refusal(&values(given));
    let (code, text) = refused(json!({"group_by_length": true}));
    assert_eq!(code, "removed-argument");
    assert!(text.ends_with("write train_sampling_strategy group_by_length"), "{text}");
    let old = json!({"group_by_length": true, "release": "4.57.6"});
    assert_eq!(resolve(old).train_sampling_strategy, SamplingStrategy::GroupByLength);
    let new = json!({"train_sampling_strategy": "group_by_length", "release": "4.57.6"});
    assert_eq!(resolve(new).train_sampling_strategy, SamplingStrategy::GroupByLength);
    let both = json!({"group_by_length": false, "train_sampling_strategy": "group_by_length", "release": "4.57.6"});
    assert_eq!(refused(both).0, "argument-conflict");
    assert_eq!(refused(json!({"train_sampling_strategy": "sequential", "release": "4.57.6"})).0, "unsupported-value");
    assert_eq!(resolve(json!({"train_sampling_strategy": "batch_rebalance"})).train_sampling_strategy, SamplingStrategy::BatchRebalance);
}

#[test]
fn noise_may_be_left_out_or_nothing() {
    assert_eq!(resolve(json!({})).neftune_noise_alpha, None);
    assert_eq!(resolve(json!({"neftune_noise_alpha": null})).neftune_noise_alpha, None);
    assert_eq!(resolve(json!({"neftune_noise_alpha": 0})).neftune_noise_alpha, Some(0.0));
    assert_eq!(refusal(&values(json!({"neftune_noise_alpha": -1}))).0, "argument-value");
    assert_eq!(resolve(json!({"dropout_rng": "fast"})).dropout_rng, DropoutRng::Fast);
}

#[test]
fn tells_wrong_from_unsupported_values() {
    let (code, text) = refusal(&values(json!({"optim": "adalomo"})));
    assert_eq!(code, "unsupported-value");
    assert!(text.ends_with(", found adalomo); no hint"), "{text}");
    let (code, text) = refusal(&values(json!({"lr_scheduler_type": "lineer"})));
    assert_eq!(code, "argument-value");
    assert!(text.ends_with("did you mean linear?"), "{text}");
    assert_eq!(refusal(&values(json!({"report_to": ["tensorboard"]}))).0, "unsupported-value");
    assert_eq!(refusal(&values(json!({"fp16": true}))).0, "unsupported-value");
    resolve(json!({"bf16": true, "fp16": false, "report_to": "none", "optim": "adamw_torch"}));
}

#[test]
fn schedules_fit_the_release_and_the_evaluations() {
    let plateau = json!({"lr_scheduler_type": "reduce_lr_on_plateau"});
    assert_eq!(
        refusal(&values(plateau)).1,
        "train.yaml, at /lr_scheduler_type: lr_scheduler_type reduce_lr_on_plateau needs an eval_strategy; set eval_strategy epoch, or steps"
    );
    let evaluated = |more: Value| {
        let mut given = json!({"lr_scheduler_type": "greedy", "eval_strategy": "epoch", "validation_file": "v"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        given
    };
    resolve(evaluated(json!({"lr_scheduler_kwargs": "{\"patience\": \"3\"}"})));
    assert!(refusal(&values(evaluated(json!({"release": "4.57.6"})))).1.contains("release 4.57.6 has no lr_scheduler_type greedy"));
    resolve(json!({"warmup_steps": 2.5}));
    assert_eq!(refusal(&values(json!({"warmup_steps": 2.5, "release": "4.57.6"}))).0, "argument-conflict");
    assert_eq!(refusal(&values(json!({"lr_scheduler_kwargs": "num_cycles=2"}))).0, "argument-value");
}

#[test]
fn settings_of_a_schedule_are_handed_on_as_they_were_given() {
    let arguments = resolve(json!({"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": 2}}));
    let given = arguments.given.iter().find(|(name, _)| *name == "lr_scheduler_kwargs").unwrap();
    assert_eq!(given.1, crate::format::torch::pickle::Value::dict([("num_cycles", 2_i64.into())]));
}

#[test]
fn command_line_values_are_named_as_they_are_written() {
    let mut values = values(json!({}));
    values.insert("num_train_epochs".into(), RawValue::command_line("many"));
    let (code, text) = refusal(&values);
    assert_eq!(code, "argument-value");
    assert_eq!(text, "--num_train_epochs cannot have this value (expected a number, above 0, found \"many\"); no hint");
}

#[test]
fn a_flag_that_swallowed_the_file_says_so() {
    let mut values = values(json!({}));
    values.insert("do_eval".into(), RawValue::command_line("train.yaml"));
    assert!(refusal(&values).1.ends_with("put train.yaml before --do_eval, or write --do_eval true"));
}

#[test]
fn needs_a_model_a_table_and_a_place_to_write() {
    for (name, code) in [("model_name_or_path", "missing-argument"), ("train_file", "missing-argument"), ("output_dir", "missing-argument")]
    {
        let mut values = values(json!({}));
        values.shift_remove(name);
        let (found, text) = refusal(&values);
        assert_eq!(found, code);
        assert!(text.contains(name), "{text}");
    }
    for more in [json!({"do_eval": true}), json!({"eval_strategy": "epoch"}), json!({"do_predict": true})] {
        assert_eq!(refusal(&values(more)).0, "missing-argument");
    }
    let mut values = values(json!({"config_name": "config.json"}));
    values.shift_remove("model_name_or_path");
    assert!(TrainingArguments::resolve(&values).is_ok());
    values.insert("do_train".into(), RawValue::command_line("false"));
    assert_eq!(refusal(&values).0, "argument-conflict");
}

#[test]
fn more_than_two_columns_need_a_delimiter() {
    assert_eq!(refusal(&values(json!({"text_column_names": "a,b,c"}))).0, "argument-conflict");
    let arguments = resolve(json!({"text_column_names": ["a", "b", "c"], "text_column_delimiter": " "}));
    assert_eq!(arguments.text_column_names.unwrap().len(), 3);
}

#[test]
fn max_steps_counts_or_is_minus_one() {
    assert_eq!(resolve(json!({"max_steps": -1})).max_steps, None);
    assert_eq!(resolve(json!({"max_steps": 7})).max_steps, Some(7));
    assert_eq!(refusal(&values(json!({"max_steps": 0}))).0, "argument-value");
    assert_eq!(refusal(&values(json!({"max_steps": -2}))).0, "argument-value");
}

#[test]
fn overrides_are_pairs() {
    let arguments = resolve(json!({"config_overrides": "hidden_dropout_prob=0.2, hidden_act=relu"}));
    assert_eq!(arguments.config_overrides, [("hidden_dropout_prob".into(), "0.2".into()), ("hidden_act".into(), "relu".into())]);
    assert_eq!(refusal(&values(json!({"config_overrides": "hidden_act"}))).0, "argument-value");
}

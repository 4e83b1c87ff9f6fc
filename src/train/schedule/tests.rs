//! What the goldens do not say: how refusals read, and states that no run leaves.

use serde_json::{Value, json};

use super::*;
use crate::train::arguments::{Origin, RawValue, Values};

fn resolve(given: Value) -> Result<TrainingArguments> {
    let needed = json!({"model_name_or_path": "m", "train_file": "t", "validation_file": "v", "output_dir": "o", "eval_strategy": "epoch"});
    let entries = needed.as_object().unwrap().iter().chain(given.as_object().unwrap());
    let raw = |value: &Value| RawValue { value: value.clone(), origin: Origin::File(Site::file("t.yaml")) };
    TrainingArguments::resolve(&Values::from_iter(entries.map(|(name, value)| (name.clone(), raw(value)))))
}

fn schedule(kind: &str) -> Schedule {
    Schedule::new(&resolve(json!({"lr_scheduler_type": kind})).unwrap(), 10).unwrap()
}

#[test]
fn refusals_say_what_is_allowed() {
    for (given, text) in [
        (
            json!({"lr_scheduler_type": "cosine_with_restarts", "lr_scheduler_kwargs": {"num_cycle": 2}}),
            "t.yaml: lr_scheduler_type cosine_with_restarts has no setting num_cycle (expected some of num_cycles); did you mean num_cycles?",
        ),
        (json!({"lr_scheduler_kwargs": {"x": 2}}), "t.yaml: lr_scheduler_type linear has no setting x (expected no settings)"),
        (
            json!({"lr_scheduler_type": "warmup_stable_decay"}),
            "lr_scheduler_type warmup_stable_decay needs num_decay_steps; give it: lr_scheduler_kwargs {\"num_decay_steps\": 100}",
        ),
        (
            json!({"lr_scheduler_type": "cosine_with_min_lr"}),
            "lr_scheduler_type cosine_with_min_lr needs min_lr or min_lr_rate (expected one of them, found neither); give the least learning \
             rate: lr_scheduler_kwargs {\"min_lr\": 1e-6}",
        ),
        (
            json!({"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": 1}}),
            "t.yaml: lr_end of lr_scheduler_type polynomial must be below learning_rate (expected less than 5e-5, found 1.0)",
        ),
        (
            json!({"lr_scheduler_type": "reduce_lr_on_plateau", "lr_scheduler_kwargs": {"patience": 1.5}}),
            "t.yaml: patience of lr_scheduler_type reduce_lr_on_plateau cannot have this value (expected a whole number, at least 0, found 1.5)",
        ),
        (
            json!({"lr_scheduler_type": "reduce_lr_on_plateau", "lr_scheduler_kwargs": {"min_lr": [1e-5, 1e-6]}}),
            "t.yaml: min_lr of lr_scheduler_type reduce_lr_on_plateau cannot have this value (expected a number; all parameters have the same \
             learning rate here, found [0.00001,1e-6])",
        ),
        (
            json!({"lr_scheduler_type": "greedy", "lr_scheduler_kwargs": {"mode": "least"}}),
            "t.yaml: mode of lr_scheduler_type greedy cannot have this value (expected one of min, max, found \"least\")",
        ),
    ] {
        let error = resolve(given).unwrap_err();
        let diagnostic = error.diagnostic();
        assert_eq!(diagnostic.code, "argument-conflict");
        let hint = diagnostic.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        assert_eq!(format!("{diagnostic}{hint}"), text);
    }
}

#[test]
fn a_state_of_another_schedule_is_refused() {
    let kinds = ["linear", "reduce_lr_on_plateau", "greedy"];
    for (own, other) in kinds.iter().flat_map(|own| kinds.iter().map(move |other| (own, other))) {
        let restored = schedule(own).restore("scheduler.pt", &schedule(other).state());
        assert_eq!(restored.is_ok(), own == other, "{own} {other}");
    }
    for other in [State::Other(Vec::new()), State::Lambda(crate::format::torch::scheduler_state::LambdaLr::new("linear", 1.0, 1.0, 3))] {
        let error = schedule("linear").restore("scheduler.pt", &SchedulerState::new(other)).unwrap_err();
        assert_eq!(error.diagnostic().code, "scheduler-state");
    }
}

#[test]
fn no_state_stops_the_program() {
    for (kind, number) in ["linear", "cosine_with_restarts", "polynomial", "inverse_sqrt"]
        .iter()
        .flat_map(|kind| [i64::MIN, -1, 0, (1 << 53) - 1, 1 << 53, i64::MAX].map(|number| (kind, number)))
    {
        let (mut schedule, mut state) = (schedule(kind), schedule(kind).state());
        if let State::Lambda(state) = &mut state.schedule {
            (state.last_epoch, state.step_count) = (number, number);
        }
        assert_eq!(schedule.restore("scheduler.pt", &state).is_ok(), (0..1 << 53).contains(&number));
        schedule.step();
        schedule.observe(1.0);
    }
    let mut schedule = schedule("reduce_lr_on_plateau");
    let mut state = schedule.state();
    if let State::Plateau(state) = &mut state.schedule {
        (state.last_epoch, state.num_bad_epochs, state.cooldown_counter) = (i64::MAX, i64::MAX, i64::MIN);
    }
    schedule.restore("scheduler.pt", &state).unwrap();
    schedule.observe(f64::NAN);
    schedule.step();
    assert_eq!(schedule.learning_rate(), 5e-6);
    assert_eq!(schedule.initial_learning_rate(), None);
}

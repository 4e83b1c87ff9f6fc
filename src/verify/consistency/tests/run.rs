//! Checkpoints and runs.

use super::{after, assert_edits};
use crate::format::dtype::Dtype;
use crate::format::torch::content::TorchContent;
use crate::format::torch::golden;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::optimizer_state::OptimizerState;
use crate::format::torch::scheduler_state::{LambdaLr, Number, Schedule, SchedulerState};
use crate::format::torch::tensor::{Entry, Tensor};
use crate::format::torch::training_args::Setting;
use crate::storage::MemoryDirectory;

#[test]
fn states_and_results_of_runs() {
    const STATE: &str = "trainer_state.json";
    assert_edits(&[
        (
            "5.23.0/run_resumed/checkpoint-6",
            STATE,
            "\"global_step\": 6",
            "\"global_step\": 7",
            &[
                "run-checkpoint trainer_state.json, at /global_step",
                "run-steps trainer_state.json, at /global_step",
                "optimizer-step optimizer.pt, at /state/0/step",
                "scheduler-step scheduler.pt, at /last_epoch",
            ],
        ),
        (
            "5.23.0/run_epochs/checkpoint-9",
            STATE,
            "\"step\": 4\n",
            "\"step\": 2\n",
            &["run-steps trainer_state.json, at /log_history/2/step"],
        ),
        (
            "4.57.6/run_epochs",
            STATE,
            "\"best_global_step\": 3",
            "\"best_global_step\": 6",
            &["run-best trainer_state.json, at /best_model_checkpoint"],
        ),
        (
            "4.57.6/run_epochs",
            STATE,
            "\"best_metric\": 0.3333333333333333",
            "\"best_metric\": 0.6666666666666666",
            &["run-best trainer_state.json, at /best_metric"],
        ),
        (
            "5.23.0/run_pairs/checkpoint-5",
            STATE,
            "\"save_steps\": 2",
            "\"save_steps\": 4",
            &["run-arguments trainer_state.json, at /save_steps"],
        ),
        (
            "5.23.0/run_pairs/checkpoint-5",
            STATE,
            "\"train_batch_size\": 4",
            "\"train_batch_size\": 8",
            &["run-arguments trainer_state.json, at /train_batch_size"],
        ),
        (
            "5.23.0/run_pairs",
            "all_results.json",
            "\"train_samples\": 12",
            "\"train_samples\": 13",
            &["run-results all_results.json, at /train_samples"],
        ),
    ]);
    let renamed = after("5.23.0/run_resumed/checkpoint-6", |directory| directory.name = "run/checkpoint-5".to_owned());
    assert_eq!(renamed, ["run-checkpoint trainer_state.json, at /global_step"]);
    let last_only =
        after("5.23.0/run_epochs", |directory| drop(directory.files.insert("checkpoint-9/trainer_state.json".to_owned(), vec![])));
    assert!(last_only.contains(&"run-best trainer_state.json, at /best_model_checkpoint".to_owned()), "{last_only:?}");
}

/// Changes what a file of torch holds.
fn change_torch(directory: &mut MemoryDirectory, name: &str, change: impl FnOnce(&mut TorchContent<'_>)) {
    let bytes = directory.files[name].clone();
    let mut content = TorchContent::parse(TorchKind::of(name).unwrap(), name, &bytes).unwrap();
    change(&mut content);
    directory.files.insert(name.to_owned(), content.to_bytes());
}

fn after_optimizer(path: &str, change: impl FnOnce(&mut OptimizerState<'_>)) -> Vec<String> {
    after(path, |directory| {
        change_torch(directory, "optimizer.pt", |content| match content {
            TorchContent::Optimizer(state) => change(state),
            other => panic!("{other:?}"),
        });
    })
}

fn after_schedule(change: impl FnOnce(&mut LambdaLr)) -> Vec<String> {
    after("5.23.0/run_epochs/checkpoint-3", |directory| {
        change_schedule(directory, |schedule| match schedule {
            Schedule::Lambda(schedule) => change(schedule),
            other => panic!("{other:?}"),
        });
    })
}

fn change_schedule(directory: &mut MemoryDirectory, change: impl FnOnce(&mut Schedule)) {
    change_torch(directory, "scheduler.pt", |content| match content {
        TorchContent::Scheduler(state) => change(&mut state.schedule),
        other => panic!("{other:?}"),
    });
}

/// A schedule of another kind, real ones of torch, and what the arguments say of it.
fn after_schedule_of(kind: &str, argument: &str, change: impl FnOnce(&mut Schedule)) -> Vec<String> {
    let bytes = &golden::files(|path| path == format!("5.23.0/schedulers/{kind}/scheduler.pt"))[0].1;
    let mut other = SchedulerState::parse("scheduler.pt", bytes).unwrap().schedule;
    change(&mut other);
    after("5.23.0/run_epochs/checkpoint-3", |directory| {
        change_torch(directory, "training_args.bin", |content| match content {
            TorchContent::TrainingArguments(arguments) => {
                arguments.settings.iter_mut().find(|(name, _)| *name == "lr_scheduler_type").unwrap().1 =
                    Setting::Choice(argument.to_owned());
            }
            other => panic!("{other:?}"),
        });
        change_schedule(directory, |schedule| *schedule = other);
    })
}

#[test]
fn optimizers() {
    const RUN: &str = "5.23.0/run_epochs/checkpoint-3";
    let swapped = after_optimizer(RUN, |state| {
        let (first, rest) = state.parameters.split_at_mut(1);
        std::mem::swap(&mut first[0].1, &mut rest[0].1);
    });
    assert_eq!(swapped, ["optimizer-parameters optimizer.pt, at /state/0/exp_avg"]);
    let frozen = after_optimizer("5.23.0/run_token_classification/checkpoint-3", |state| {
        let (first, rest) = state.parameters.split_at_mut(1);
        std::mem::swap(&mut first[0].1, &mut rest[2].1);
    });
    assert_eq!(frozen, ["optimizer-parameters optimizer.pt, at /state/1/exp_avg"]);
    let renumbered = after_optimizer(RUN, |state| state.groups[1].parameters[0] = 99);
    assert_eq!(renumbered, ["optimizer-parameters optimizer.pt, at /param_groups/1/params/0"]);
    let of_none = after_optimizer(RUN, |state| state.parameters[24].0 = 99);
    assert_eq!(of_none, ["optimizer-parameters optimizer.pt, at /state/99"]);
    let moved = after_optimizer(RUN, |state| {
        let last = state.groups[1].parameters.remove(0);
        state.groups[0].parameters.push(last);
    });
    assert_eq!(moved[0], "optimizer-parameters optimizer.pt, at /param_groups/0/params");
    let together = after_optimizer(RUN, |state| {
        let rest = state.groups.remove(1).parameters;
        state.groups[0].parameters.extend(rest);
    });
    assert_eq!(together[0], "optimizer-parameters optimizer.pt, at /state/3/exp_avg", "in the order of the model");
    let decayed = after_optimizer("5.23.0/run_pairs/checkpoint-5", |state| state.groups[1].settings[0].1 = Entry::Value(0.01.into()));
    assert_eq!(decayed, ["optimizer-group optimizer.pt, at /param_groups/1/weight_decay"]);
    let ahead = after_optimizer(RUN, |state| {
        let step = Tensor::contiguous(Dtype::F32, vec![], 9_f32.to_le_bytes().to_vec());
        state.parameters[7].1[0].1 = step.into();
    });
    assert_eq!(ahead, ["optimizer-step optimizer.pt, at /state/7/step"]);
    let faster = after_optimizer(RUN, |state| state.groups[0].settings[1].1 = Entry::Value(0.5.into()));
    assert_eq!(faster, ["scheduler-rate scheduler.pt, at /_last_lr/0"]);
    let adapter = after_optimizer("5.23.0/run_adapter/checkpoint-2", |state| state.groups[1].parameters.truncate(0));
    assert_eq!(adapter, ["optimizer-parameters optimizer.pt, at /state/5"]);
    let group = after_optimizer("5.23.0/run_adapter/checkpoint-2", |state| {
        state.groups[1].parameters.pop();
        state.parameters.pop();
    });
    assert_eq!(group, ["optimizer-parameters optimizer.pt, at /param_groups"]);
}

/// Learning rates of the golden run, without its schedule and with it.
const INITIAL_RATE: Number = Number::Float(1e-3);
const RATE: Number = Number::Float(0.0006666666666666666);

#[test]
fn schedules_of_every_kind() {
    let set_rates = |schedule: &mut Schedule| match schedule {
        Schedule::Lambda(schedule) => (schedule.base_lrs, schedule.last_lr) = (vec![INITIAL_RATE; 2], vec![RATE; 2]),
        Schedule::Plateau(schedule) => schedule.last_lr = vec![RATE; 2],
        Schedule::Greedy(schedule) => (schedule.init_lrs, schedule.last_lr) = (vec![INITIAL_RATE; 2], vec![RATE; 2]),
        Schedule::Other(_) => {}
    };
    for kind in ["reduce_lr_on_plateau", "greedy", "constant", "polynomial"] {
        assert_eq!(after_schedule_of(kind, kind, set_rates), [""; 0], "{kind}");
        for other in ["reduce_lr_on_plateau", "greedy", "constant", "linear"].into_iter().filter(|other| *other != kind) {
            let expected: &[&str] = if (kind, other) == ("polynomial", "linear") { &[] } else { &["scheduler-type scheduler.pt, at "] };
            assert_eq!(after_schedule_of(kind, other, set_rates), expected, "{kind} {other}");
        }
    }
    for kind in ["reduce_lr_on_plateau", "greedy"] {
        let found = after_schedule_of(kind, kind, |schedule| match schedule {
            Schedule::Plateau(schedule) => (schedule.last_epoch, schedule.last_lr) = (4, vec![RATE, Number::Integer(1)]),
            Schedule::Greedy(schedule) => {
                (schedule.last_epoch, schedule.last_lr, schedule.init_lrs) = (-1, vec![RATE, Number::Integer(1)], vec![INITIAL_RATE; 2]);
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(found, ["scheduler-step scheduler.pt, at /last_epoch", "scheduler-rate scheduler.pt, at /_last_lr/1"], "{kind}");
    }
    let base = after_schedule_of("greedy", "greedy", |schedule| {
        set_rates(schedule);
        if let Schedule::Greedy(schedule) = schedule {
            schedule.init_lrs[1] = Number::Float(0.1);
        }
    });
    assert_eq!(base, ["scheduler-rate scheduler.pt, at /_init_lrs/1"]);
}

#[test]
fn schedules_and_arguments() {
    assert_eq!(after_schedule(|schedule| schedule.last_epoch = 2), ["scheduler-step scheduler.pt, at /last_epoch"]);
    assert_eq!(after_schedule(|schedule| schedule.last_lr[1] = Number::Float(0.1)), ["scheduler-rate scheduler.pt, at /_last_lr/1"]);
    assert_eq!(after_schedule(|schedule| schedule.last_lr.truncate(1)), ["scheduler-rate scheduler.pt, at /_last_lr"]);
    let base = after_schedule(|schedule| schedule.base_lrs[0] = Number::Float(0.1));
    assert_eq!(base, ["scheduler-rate scheduler.pt, at /base_lrs/0"; 2]);
    let arguments = after("5.23.0/run_pairs/checkpoint-5", |directory| {
        change_torch(directory, "training_args.bin", |content| match content {
            TorchContent::TrainingArguments(arguments) => {
                arguments.settings.iter_mut().find(|(name, _)| *name == "max_steps").unwrap().1 = Setting::Plain(9_i64.into());
            }
            other => panic!("{other:?}"),
        });
    });
    assert_eq!(arguments, ["run-arguments trainer_state.json, at /max_steps"]);
    let of_release_4 = super::golden("4.57.6/run_pairs/checkpoint-5").files.remove("training_args.bin").unwrap();
    let release = after("5.23.0/run_pairs/checkpoint-5", |directory| {
        directory.files.insert("training_args.bin".to_owned(), of_release_4);
    });
    assert_eq!(release, ["run-arguments training_args.bin"]);
    let ranks = after("5.23.0/run_two_processes/checkpoint-2", |directory| {
        let (first, second) = (directory.files["rng_state_0.pth"].clone(), directory.files["rng_state_1.pth"].clone());
        directory.files.extend([("rng_state_0.pth".to_owned(), second), ("rng_state_1.pth".to_owned(), first)]);
    });
    assert_eq!(ranks, ["torch-stem rng_state_0.pth", "torch-stem rng_state_1.pth"]);
}

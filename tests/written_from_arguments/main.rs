//! Files of golden runs, written from what the runs were given: their arguments, and what was measured in them.

mod run;

use rtrain::format::json::Json;
use rtrain::format::json::number::Number;
use rtrain::format::run::trainer_state::TrainerState;
use rtrain::format::torch::optimizer_state::{Algorithm, GroupSettings, OptimizerState, Remembered, TrainedParameter};
use rtrain::format::torch::pickle::Value;
use rtrain::format::torch::rng_state::RngState;
use rtrain::format::torch::scheduler_state::SchedulerState;
use rtrain::format::torch::tensor::Entry;
use run::{Run, number, runs, text};
use std::borrow::Cow;
use std::fs;
use std::path::Path;

/// Runs of a BERT classifier that AdamW trains: both releases, schedules and strategies of several kinds.
const CLASSIFIERS: [&str; 6] = ["run_epochs", "run_pairs", "run_best", "run_resumed", "run_diverged", "run_scaler"];

#[test]
fn training_args_of_every_run() {
    let mut count = 0;
    for run in runs() {
        for (step, folder) in run.checkpoints().into_iter().chain([(u32::MAX, run.directory())]) {
            let Ok(bytes) = fs::read(folder.join("training_args.bin")) else { continue };
            let arguments = if step == u32::MAX { run.arguments.last().unwrap() } else { run.arguments_of(step) };
            assert!(arguments.to_bytes() == bytes, "{} {}", run.release, folder.display());
            count += 1;
        }
    }
    println!("{count} files of arguments");
    assert_eq!(count, 69);
}

#[test]
fn schedulers_of_every_run() {
    let mut count = 0;
    for run in runs() {
        for (step, folder) in run.checkpoints() {
            let Ok(bytes) = fs::read(folder.join("scheduler.pt")) else { continue };
            assert!(scheduler(&run, step) == bytes, "{}", folder.display());
            count += 1;
        }
    }
    println!("{count} schedules");
    assert_eq!(count, 38);
}

#[test]
fn checkpoints_of_classifiers() {
    let mut count = 0;
    for run in runs().into_iter().filter(|run| CLASSIFIERS.contains(&run.name.as_str())) {
        for (step, folder) in run.checkpoints() {
            let same = |name: &str, bytes: Vec<u8>| {
                assert!(bytes == fs::read(folder.join(name)).unwrap(), "{}", folder.join(name).display());
            };
            let measured = TrainerState::parse("f", &fs::read(folder.join("trainer_state.json")).unwrap()).unwrap();
            let state = trainer_state(&run, step, &folder, &measured.log_history);
            assert_eq!(String::from_utf8(state).unwrap(), fs::read_to_string(folder.join("trainer_state.json")).unwrap());
            same("optimizer.pt", optimizer(&run, step, &folder));
            let arguments = run.arguments_of(step);
            let generator = run.generator_after(step, &run.model(&folder).0);
            same("rng_state.pth", RngState::after(number(arguments, "seed") as u64, &generator).to_bytes());
            count += 1;
        }
    }
    println!("{count} checkpoints");
    assert_eq!(count, 20);
}

fn scheduler(run: &Run, step: u32) -> Vec<u8> {
    let (learning_rate, factor) = run.learning_rate_after(step);
    SchedulerState::after(text(run.arguments_of(step), "lr_scheduler_type"), learning_rate, factor, step, 2).to_bytes()
}

/// The optimizer of a checkpoint; the elements of the moments alone are those of the golden file.
fn optimizer(run: &Run, step: u32, folder: &Path) -> Vec<u8> {
    let arguments = run.arguments_of(step);
    let bytes = fs::read(folder.join("optimizer.pt")).unwrap();
    let trained = OptimizerState::parse("optimizer.pt", &bytes).unwrap();
    let moment = |index: usize, name: &str| match trained.parameters[index].1.iter().find(|(known, _)| known == name) {
        Some((_, Entry::Tensor(tensor))) => Cow::Owned(tensor.contiguous_data().unwrap().to_vec()),
        other => panic!("{other:?}"),
    };
    let (_, table) = run.model(folder);
    let decaying = table.parameters.iter().filter(|parameter| parameter.weight_decay).count();
    let mut next = [0, decaying];
    let parameters = table.parameters.iter().map(|parameter| {
        let index = next[usize::from(!parameter.weight_decay)];
        next[usize::from(!parameter.weight_decay)] += 1;
        let moments = ["exp_avg", "exp_avg_sq"].map(|name| moment(index, name)).into();
        TrainedParameter {
            shape: parameter.shape.iter().map(|&size| size as u64).collect(),
            weight_decay: parameter.weight_decay,
            remembered: Some(Remembered { step: step.into(), moments, root_mean_square: 0.0 }),
        }
    });
    let (initial_lr, factor) = run.learning_rate_after(step);
    let algorithm = Algorithm::AdamW {
        beta1: number(arguments, "adam_beta1"),
        beta2: number(arguments, "adam_beta2"),
        eps: number(arguments, "adam_epsilon"),
        fused: text(arguments, "optim") == "adamw_torch_fused",
    };
    let weight_decay = number(arguments, "weight_decay");
    let settings = GroupSettings { weight_decay, lr: initial_lr * factor, initial_lr: Some(initial_lr) };
    OptimizerState::new(&algorithm, &settings, parameters).to_bytes()
}

/// What a log holds that no argument decides.
fn measured<'a>(entry: &'a Json) -> impl Iterator<Item = (String, Json)> + 'a {
    let derived = ["epoch", "step", "learning_rate", "num_input_tokens_seen"];
    entry.entries().unwrap().iter().filter(move |(key, _)| !derived.contains(&key.as_str())).cloned()
}

fn trainer_state(run: &Run, steps: u32, folder: &Path, log: &[Json]) -> Vec<u8> {
    let arguments = run.arguments_of(steps);
    let interval = |strategy: &str, name: &str| match text(arguments, strategy) {
        "steps" => Number::Whole(number(arguments, name) as i128),
        _ => Number::Whole(500),
    };
    let counts_tokens = text(arguments, "include_num_input_tokens_seen") == "all";
    let seen = |steps| if counts_tokens { run.tokens_until(steps) } else { 0 };
    let mut state = TrainerState {
        epoch: Some(Number::Float(run.epochs_after(steps))),
        global_step: steps.into(),
        eval_steps: interval("eval_strategy", "eval_steps"),
        logging_steps: interval("logging_strategy", "logging_steps"),
        save_steps: interval("save_strategy", "save_steps"),
        max_steps: run.max_steps(arguments).into(),
        num_train_epochs: run.max_steps(arguments).div_ceil(run.steps_an_epoch(arguments)).into(),
        train_batch_size: Some(number(arguments, "per_device_train_batch_size") as u64),
        num_input_tokens_seen: Number::Whole(seen(steps).into()),
        total_flos: Number::Float((6 * run.tokens_until(steps) * parameters_without_embeddings(run, folder)) as f64),
        should_training_stop: steps == run.max_steps(arguments),
        in_checkpoint: true,
        ..TrainerState::default()
    };
    if run.name == "run_best" {
        let counter = r#"{"args": {"early_stopping_patience": 2, "early_stopping_threshold": 0.0}, "attributes": {"early_stopping_patience_counter": 0}}"#;
        state.callbacks.push(("EarlyStoppingCallback".to_owned(), Json::parse("callback", counter.as_bytes()).unwrap()));
    }
    let mut log = log.iter();
    for step in 1..=steps {
        let mut entry = |learning_rate: Option<f64>| {
            let mut entry: Vec<(String, Json)> = measured(log.next().unwrap()).collect();
            entry.push(("epoch".to_owned(), run.epochs_after(step).into()));
            entry.push(("step".to_owned(), u64::from(step).into()));
            entry.extend(learning_rate.map(|rate| ("learning_rate".to_owned(), rate.into())));
            entry.extend(counts_tokens.then(|| ("num_input_tokens_seen".to_owned(), seen(step).into())));
            state.log_history.push(Json::Object(entry.clone()));
            Json::Object(entry)
        };
        if step.is_multiple_of(number(run.arguments_of(step), "logging_steps") as u32) {
            let (learning_rate, factor) = run.learning_rate_after(step - 1);
            entry(Some(learning_rate * factor));
        }
        if run.evaluates_after(step) {
            let metrics = entry(None);
            note_best(run, step, &metrics, &mut state);
        }
    }
    assert_eq!(log.count(), 0, "more was logged than the strategies say: {}", folder.display());
    state.to_bytes()
}

fn note_best(run: &Run, step: u32, metrics: &Json, state: &mut TrainerState) {
    let arguments = run.arguments_of(step);
    let Some(metric) = arguments.get("metric_for_best_model").and_then(|setting| setting.as_str()) else { return };
    let greater = arguments.get("greater_is_better").and_then(|setting| setting.as_plain()) == Some(&Value::Bool(true));
    let value = metrics.get(&format!("eval_{metric}")).unwrap().as_f64().unwrap();
    let is_better = state.best_metric.is_none_or(|best| if greater { value > best.to_f64() } else { value < best.to_f64() });
    if is_better {
        state.best_metric = Some(value.into());
        // Releases before 5 do not remember the step where only the best is saved.
        if text(arguments, "save_strategy") != "best" || !run.release.starts_with("4.") {
            state.best_global_step = Some(step.into());
            state.best_model_checkpoint = Some(format!("{}/checkpoint-{step}", text(arguments, "output_dir")));
        }
    }
}

fn parameters_without_embeddings(run: &Run, folder: &Path) -> u64 {
    let (_, table) = run.model(folder);
    let counted = table.parameters.iter().filter(|parameter| !parameter.name.ends_with("_embeddings.weight"));
    counted.map(|parameter| parameter.numel() as u64).sum()
}

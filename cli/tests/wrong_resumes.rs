//! Checkpoints that a run cannot go on from, or not without saying something: what the user is told.
#![cfg(feature = "train")]

mod common;

use common::{Workplace, settings};
use std::fs;
use std::path::Path;

const TABLE: &str = "\
text,label
a gripping and funny film,positive
\"dull, long and empty\",negative
it has a beginning and an end,neutral
one of the best of the year,positive
the plot makes no sense,negative
two hours of people who talk,neutral
";

const RUN: [&str; 10] = [
    "train",
    "--model_name_or_path=model",
    "--train_file=train.csv",
    "--output_dir=out",
    "--max_steps=6",
    "--per_device_train_batch_size=2",
    "--save_steps=2",
    "--pad_to_max_length=false",
    "--seed=1",
    "--threads=1",
];

/// A run that was stopped after step 4: it has the checkpoints of steps 2 and 4.
fn stopped(more: &[&str]) -> Workplace {
    let workplace = Workplace::new();
    fs::write(workplace.path("train.csv"), TABLE).unwrap();
    let transcript = workplace.run(&[&RUN, more].concat());
    assert!(transcript.starts_with("exit code: 0"), "{transcript}");
    for path in ["out/checkpoint-6", "out/model.safetensors"] {
        let path = workplace.path(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    workplace
}

/// What a run says that is to go on, without its figures: the exit code, and the standard error but for the log.
fn told(workplace: &Workplace, more: &[&str]) -> String {
    let output = workplace.command(&[&RUN, more].concat()).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines = errors.lines().filter(|line| !line.starts_with("train_runtime ")).map(|line| format!("{line}\n"));
    format!("exit code: {}\n{}", output.status.code().unwrap(), lines.collect::<String>())
}

macro_rules! assert_told {
    ($workplace:expr, $more:expr) => {{
        let told = told(&$workplace, &$more);
        settings().bind(|| insta::assert_snapshot!(told));
    }};
}

fn truncate(workplace: &Workplace, file: &str) {
    let path = workplace.path(file);
    let bytes = fs::read(&path).unwrap();
    fs::write(path, &bytes[..1000]).unwrap();
}

fn replace(workplace: &Workplace, file: &str, old: &str, new: &str) {
    let text = fs::read_to_string(workplace.path(file)).unwrap();
    assert!(text.contains(old), "{file} has no {old:?}");
    fs::write(workplace.path(file), text.replace(old, new)).unwrap();
}

const NEWEST: &str = "--resume_from_checkpoint";

#[test]
fn resume_without_a_checkpoint() {
    let workplace = Workplace::new();
    fs::write(workplace.path("train.csv"), TABLE).unwrap();
    assert_told!(workplace, [NEWEST]);
    assert!(!workplace.path("out").exists());
}

#[test]
fn resume_from_a_directory_that_is_not_there() {
    assert_told!(stopped(&[]), ["--resume_from_checkpoint=out/checkpoint-3"]);
}

#[test]
fn resume_from_a_directory_that_is_no_checkpoint() {
    assert_told!(stopped(&[]), ["--resume_from_checkpoint=model"]);
}

#[test]
fn resume_with_the_newest_checkpoint_truncated() {
    let workplace = stopped(&[]);
    truncate(&workplace, "out/checkpoint-4/optimizer.pt");
    assert_told!(workplace, [NEWEST]);
    assert!(workplace.path("out/model.safetensors").exists());
}

#[test]
fn resume_from_a_named_checkpoint_that_is_truncated() {
    let workplace = stopped(&[]);
    truncate(&workplace, "out/checkpoint-4/model.safetensors");
    assert_told!(workplace, ["--resume_from_checkpoint=out/checkpoint-4"]);
}

#[test]
fn resume_with_all_checkpoints_damaged() {
    let workplace = stopped(&[]);
    truncate(&workplace, "out/checkpoint-2/model.safetensors");
    fs::remove_file(workplace.path("out/checkpoint-4/scheduler.pt")).unwrap();
    assert_told!(workplace, [NEWEST]);
}

#[test]
fn resume_with_a_record_that_is_damaged() {
    let workplace = stopped(&[]);
    truncate(&workplace, "out/.rtrain/checkpoint-4.json");
    assert_told!(workplace, [NEWEST]);
}

#[test]
fn resume_from_a_checkpoint_with_an_edited_state() {
    let workplace = stopped(&[]);
    replace(&workplace, "out/checkpoint-4/trainer_state.json", "\"global_step\": 4", "\"global_step\": 3");
    assert_told!(workplace, [NEWEST]);
}

#[test]
fn resume_from_a_checkpoint_with_a_state_that_cannot_be_read() {
    let workplace = stopped(&[]);
    fs::remove_dir_all(workplace.path("out/.rtrain")).unwrap();
    replace(&workplace, "out/checkpoint-4/trainer_state.json", "\"global_step\": 4", "\"global_step\": \"four\"");
    assert_told!(workplace, ["--resume_from_checkpoint=out/checkpoint-4"]);
}

#[test]
fn resume_with_another_number_of_labels() {
    let workplace = stopped(&[]);
    replace(&workplace, "train.csv", "neutral", "positive");
    assert_told!(workplace, [NEWEST]);
}

#[test]
fn resume_with_other_labels() {
    let workplace = stopped(&[]);
    replace(&workplace, "train.csv", "neutral", "so so");
    assert_told!(workplace, [NEWEST]);
}

#[test]
fn resume_with_another_hidden_size() {
    let sizes = "--config_overrides=hidden_size=16,intermediate_size=64,num_attention_heads=2";
    assert_told!(stopped(&[]), [NEWEST, sizes]);
}

#[test]
fn resume_with_fewer_layers() {
    let workplace = stopped(&[]);
    workplace.replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    assert_told!(workplace, [NEWEST]);
}

#[test]
fn resume_with_another_optimizer() {
    assert_told!(stopped(&[]), [NEWEST, "--optim=adafactor"]);
}

#[test]
fn resume_with_an_optimizer_that_remembers_nothing() {
    assert_told!(stopped(&[]), [NEWEST, "--optim=sgd"]);
}

#[test]
fn resume_with_a_schedule_of_another_kind() {
    let workplace = stopped(&[]);
    fs::write(workplace.path("validation.csv"), TABLE).unwrap();
    let more = [NEWEST, "--lr_scheduler_type=reduce_lr_on_plateau", "--eval_strategy=steps", "--validation_file=validation.csv"];
    assert_told!(workplace, more);
}

#[test]
fn resume_with_another_function_of_the_step() {
    assert_told!(stopped(&[]), [NEWEST, "--lr_scheduler_type=cosine"]);
}

#[test]
fn resume_with_other_steps_and_batches() {
    assert_told!(stopped(&[]), [NEWEST, "--save_steps=3", "--logging_steps=1", "--per_device_train_batch_size=3"]);
}

#[test]
fn resume_from_a_checkpoint_of_the_model_alone() {
    let workplace = stopped(&["--save_only_model=true"]);
    assert_told!(workplace, [NEWEST, "--save_only_model=true"]);
}

#[test]
fn resume_takes_the_weights_of_the_checkpoint() {
    let workplace = stopped(&[]);
    workplace.replace_in_header("\"classifier.weight\"", "\"classifiez.weight\"");
    assert_told!(workplace, [NEWEST]);
}

/// A run of the real Trainer, without its last checkpoint.
#[test]
fn checkpoints_of_the_trainer_go_on() {
    for release in ["5.23.0", "4.57.6"] {
        let workplace = Workplace::new();
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/directories").join(release).join("run_epochs");
        for folder in ["", "checkpoint-3"] {
            copy(&run.join(folder), &workplace.path("run_epochs").join(folder));
        }
        let labels = ["n\u{e9}gatif", "\u{4e2d}\u{7acb}", "\"\u{1f600} \"\"gut\"\"\\\t\""];
        let rows: String = (0..12).map(|row| format!("a film of {row} hours,{}\n", labels[row % 3])).collect();
        for table in ["train.csv", "validation.csv"] {
            fs::write(workplace.path(table), format!("text,label\n{rows}")).unwrap();
        }
        let by_epochs = ["--eval_strategy=epoch", "--save_strategy=epoch", "--load_best_model_at_end", "--metric_for_best_model=accuracy"];
        let more = ["--model_name_or_path=run_epochs", "--output_dir=run_epochs", "--validation_file=validation.csv", "--max_steps=-1"];
        let rest =
            ["--per_device_train_batch_size=4", "--logging_steps=2", "--learning_rate=1e-3", "--save_total_limit=2", "--save_steps=500"];
        let told = told(&workplace, &[&more[..], &by_epochs, &rest, &["--release", release, NEWEST]].concat());
        let told: Vec<&str> = told.lines().filter(|line| !line.contains("loss ")).collect();
        assert_eq!(told, ["exit code: 0", "going on from run_epochs/checkpoint-3, after step 3"], "{release}");
        let state = fs::read_to_string(workplace.path("run_epochs/trainer_state.json")).unwrap();
        assert!(state.contains("\"global_step\": 9,"), "{state}");
        assert!(workplace.command(&["verify", "run_epochs"]).output().unwrap().status.success(), "{release}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

//! Whole runs of the real Trainer, as tests/interop/trainer_runs.py has recorded them, and the same runs of `rtrain train`.
#![cfg(all(feature = "train", unix))]

mod recorded;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use recorded::{differences, read, reduced};
use serde_json::Value;
use tempfile::TempDir;

/// How far losses may differ, relative to them.
const LOSS: f64 = 1e-3;
/// How far the norms of gradients may differ, relative to them.
const GRADIENT: f64 = 1e-2;

/// A row of trainer_runs.json, in a folder of its own.
struct Run {
    release: &'static str,
    arguments: Vec<String>,
    /// What the Trainer left.
    reference: PathBuf,
    workplace: TempDir,
}

impl Run {
    fn new(release: &'static str, name: &str) -> Run {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let table = read(&root.join("tests/interop/trainer_runs.json"));
        let row = table["runs"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap();
        let parts = [&table["common"], &table[row["model"].as_str().unwrap()], &row["arguments"]];
        let words = parts.into_iter().flat_map(|part| part.as_str().unwrap().split(' ')).map(str::to_owned);
        let reference = variable("RTRAIN_REFERENCE");
        let run = Run {
            release,
            arguments: words.collect(),
            reference: reference.join("trainer").join(release).join(name),
            workplace: TempDir::new().unwrap(),
        };
        run.link("minilm", &reference.join("minilm_classifier"));
        run.link("semantics", &root.join("tests/golden/semantics"));
        for table in ["train.csv", "validation.csv"] {
            run.link(table, &root.join("examples/reviews").join(table));
        }
        run
    }

    fn link(&self, name: &str, target: &Path) {
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.workplace.path().join(name)
    }

    fn rtrain(&self, more: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtrain"));
        command.args(["train", "--quiet", "--release", self.release]).args(&self.arguments).args(["--threads=2"]).args(more);
        execute(command.current_dir(self.workplace.path()));
    }

    /// The real Trainer of the release.
    fn python(&self, script: &str) -> Command {
        let environment = if self.release == "5.23.0" { "reference" } else { "reference_4_57_6" };
        let mut python = Command::new(variable("RTRAIN_PYTHON").ancestors().nth(3).unwrap().join(environment).join("bin/python"));
        python.current_dir(self.workplace.path()).env("HF_HUB_OFFLINE", "1");
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop").join(script));
        python
    }
}

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run tests/run, which makes the reference environment")).into()
}

fn execute(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The training entries of a log, without those of evaluations and of the end.
fn steps(state: &Value) -> Vec<&Value> {
    state["log_history"].as_array().unwrap().iter().filter(|entry| entry.get("loss").is_some()).collect()
}

/// Holds the loss, the norm of the gradient and the learning rate of each step against the Trainer's, and prints the largest deviations.
fn compare_steps(name: &str, expected: &Value, found: &Value) {
    let (expected, found) = (steps(expected), steps(found));
    assert_eq!(expected.len(), found.len(), "{name}: steps");
    let deviation = |key: &str| {
        let pairs = expected.iter().zip(&found).map(|(left, right)| (left[key].as_f64().unwrap(), right[key].as_f64().unwrap()));
        pairs.map(|(left, right)| ((left - right) / left).abs()).fold(0.0, f64::max)
    };
    let (loss, gradient) = (deviation("loss"), deviation("grad_norm"));
    println!(
        "{name}: {} steps; relative to the Trainer's the loss deviates by {loss:.1e} at most, grad_norm by {gradient:.1e}",
        found.len()
    );
    for (left, right) in expected.iter().zip(&found) {
        let (left, right) = (&left["learning_rate"], &right["learning_rate"]);
        assert_eq!(left.as_f64().unwrap().to_bits(), right.as_f64().unwrap().to_bits(), "{name}: learning rate");
    }
    assert!(loss <= LOSS && gradient <= GRADIENT, "{name}: loss or grad_norm deviate");
}

/// 25 steps of the real model: losses, gradients and learning rates, and then the files of the last checkpoint.
fn check(release: &'static str, name: &str) {
    let run = Run::new(release, name);
    run.rtrain(&[]);
    let name = &format!("{release} {name}");
    let files = |file: &str| [run.reference.join(file), run.path("out").join(file)];
    let [expected, found] = files("trainer_state.json").map(|path| read(&path));
    compare_steps(name, &expected, &found);
    let mut others = Vec::new();
    for file in ["rng_state.pth", "scheduler.pt", "config.json", "tokenizer.json"] {
        let [expected, found] = files(&format!("checkpoint-25/{file}")).map(|path| fs::read(path).unwrap());
        if expected != found {
            others.push(format!("checkpoint-25/{file}: other bytes"));
        }
    }
    for file in ["trainer_state.json", "checkpoint-25/trainer_state.json", "train_results.json", "eval_results.json", "all_results.json"] {
        let [expected, found] = files(file).map(|path| reduced(&read(&path)));
        others.extend(differences(file, &expected, &found, LOSS));
    }
    let output = run.python("same_arguments.py").args(files("training_args.bin")).output().unwrap();
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        others.extend(text.lines().map(|line| format!("training_args.bin: {line}")));
    }
    assert!(others.is_empty(), "{name}: files differ in more than what a clock says, and in sums by more than {LOSS}: {others:#?}");
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn steps_without_dropout() {
    check("5.23.0", "plain");
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn steps_with_dropout_and_evaluations() {
    check("5.23.0", "dropout");
}

#[test]
#[ignore = "needs the reference environments: tests/run"]
fn steps_with_dropout_and_evaluations_of_the_older_release() {
    check("4.57.6", "dropout");
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn steps_with_cosine_warmup_weight_decay_and_another_seed() {
    check("5.23.0", "cosine");
}

#[test]
#[ignore = "needs the reference environments: tests/run"]
fn steps_with_accumulation_of_the_older_release() {
    check("4.57.6", "accumulation");
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn an_epoch_ends_in_the_same_accuracy() {
    let run = Run::new("5.23.0", "epoch");
    run.rtrain(&[]);
    let accuracy = |path: PathBuf| read(&path.join("eval_results.json"))["eval_accuracy"].as_f64().unwrap();
    let (expected, found) = (accuracy(run.reference.clone()), accuracy(run.path("out")));
    println!("accuracy after an epoch: {found}, the Trainer's is {expected}");
    assert!((expected - found).abs() <= 0.005);
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn runs_cross_over() {
    cross("5.23.0");
}

#[test]
#[ignore = "needs the reference environments: tests/run"]
fn runs_cross_over_with_the_older_release() {
    cross("4.57.6");
}

const RESUME: &str = "--resume_from_checkpoint=true";

/// 10 steps of the Trainer, 10 of rtrain and 10 of the Trainer against 30 of the Trainer, and the other way about.
fn cross(release: &'static str) {
    let (from_trainer, from_rtrain, straight) = (Run::new(release, "small"), Run::new(release, "small"), Run::new(release, "small"));
    straight.rtrain(&[]);
    compare_ends(release, "rtrain alone", &straight.reference, &straight.path("out"));
    copy(&from_trainer.reference.join("checkpoint-10"), &from_trainer.path("out/checkpoint-10"));
    copy(&straight.path("out/checkpoint-10"), &from_rtrain.path("out/checkpoint-10"));
    from_trainer.rtrain(&[RESUME]);
    fs::remove_dir_all(from_trainer.path("out/checkpoint-30")).unwrap();

    let mut both = from_trainer.python("trainer_run.py");
    both.args(&from_trainer.arguments).arg(RESUME).arg("--").args(&from_rtrain.arguments).arg(RESUME);
    execute(both.arg("--output_dir").arg(from_rtrain.path("out")));
    fs::remove_dir_all(from_rtrain.path("out/checkpoint-30")).unwrap();
    from_rtrain.rtrain(&[RESUME]);

    check_resumed_loss(&from_rtrain, &read(&straight.path("out/trainer_state.json")));
    let [trainer, rtrain] = [&straight.reference, &straight.path("out")];
    compare_ends(release, "Trainer, rtrain, Trainer", trainer, &from_trainer.path("out"));
    compare_ends(release, "rtrain, Trainer, rtrain", rtrain, &from_rtrain.path("out"));
}

/// The loss of a run that went on from the Trainer's step 20 is that of the steps since then, in both releases.
fn check_resumed_loss(run: &Run, straight: &Value) {
    let sum: f64 = steps(straight)[20..].iter().map(|entry| entry["loss"].as_f64().unwrap()).sum();
    let expected = sum / 10.0;
    let found = read(&run.path("out/train_results.json"))["train_loss"].as_f64().unwrap();
    assert!((found / expected - 1.0).abs() <= LOSS, "{}: train_loss {expected} became {found}", run.release);
}

/// Holds the last checkpoint of a run of 30 steps against that of an uninterrupted one.
fn compare_ends(release: &str, name: &str, expected: &Path, found: &Path) {
    let checkpoints = [expected, found].map(|run| run.join("checkpoint-30"));
    let [expected, found] = checkpoints.clone().map(|checkpoint| read(&checkpoint.join("trainer_state.json")));
    compare_steps(&format!("{release} {name}"), &expected, &found);
    let others = differences(name, &reduced(&expected), &reduced(&found), LOSS);
    assert!(others.is_empty(), "{release}: {others:#?}");
    let [expected, found] = checkpoints.map(|checkpoint| fs::read(checkpoint.join("rng_state.pth")).unwrap());
    assert!(expected == found, "{release} {name}: rng_state.pth has other bytes");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

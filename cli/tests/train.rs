//! `rtrain train`, `evaluate` and `predict` as their user meets them: what they leave, and what they say about wrong input.
#![cfg(feature = "train")]

mod common;

use common::{Workplace, transcript};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Reviews with the labels of the golden directory.
const REVIEWS: &str = "\
text,label
a gripping and funny film,positive
\"dull, long and empty\",negative
it has a beginning and an end,neutral
one of the best of the year,positive
the plot makes no sense,negative
two hours of people who talk,neutral
a pleasant surprise,positive
not worth the ticket,negative
";

/// The quickest training there is, on the files of [`workplace`].
const TRAIN: [&str; 16] = [
    "train",
    "--model_name_or_path=model",
    "--train_file=train.csv",
    "--validation_file=validation.csv",
    "--output_dir=out",
    "--max_steps=3",
    "--per_device_train_batch_size=4",
    "--learning_rate=1e-3",
    "--logging_steps=1",
    "--save_strategy=no",
    "--max_seq_length=32",
    "--pad-to-max-length=false",
    "--seed=1",
    "--threads=2",
    "--warmup_steps=1",
    "--weight_decay=0.01",
];
const FILES: [&str; 4] = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    for table in ["train.csv", "validation.csv"] {
        fs::write(workplace.path(table), REVIEWS).unwrap();
    }
    workplace
}

fn train_with(arguments: &[&'static str]) -> Vec<&'static str> {
    TRAIN.iter().copied().chain(arguments.iter().copied()).collect()
}

/// The transcript of a training, without figures that depend on machine and moment.
fn without_figures(transcript: &str) -> String {
    let figure = |word: &str| word.contains('.') && word.parse::<f64>().is_ok();
    let line = |line: &str| {
        let words = line.split(' ').map(|word| if figure(word) { "#" } else { word });
        // Shorter figures are padded with spaces.
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    transcript.lines().map(|text| line(text) + "\n").collect()
}

/// Checks that a failed training has left nothing behind.
fn assert_nothing_written(workplace: &Workplace) {
    let names = fs::read_dir(workplace.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let unexpected: Vec<String> =
        names.filter(|name| !["model", "reference", "train.csv", "validation.csv", "arguments.yaml"].contains(&name.as_str())).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

macro_rules! assert_refused {
    ($workplace:expr, $arguments:expr) => {{
        let workplace = $workplace;
        assert_transcript!(workplace, $arguments);
        assert_nothing_written(&workplace);
    }};
}

fn files_of(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// Nothing is wrong with a directory; arguments and states that a run goes on from are not written yet.
fn assert_verifies(workplace: &Workplace, directory: &str) {
    let output = workplace.command(&["verify", directory]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
}

#[test]
fn training() {
    let workplace = workplace();
    assert_transcript!(without_figures(&workplace.run(&TRAIN)));
    let results = ["all_results.json", "eval_results.json", "train_results.json", "trainer_state.json"];
    assert_eq!(names(&workplace, "out"), sorted(&[&MODEL[..], &results].concat()));
    assert_verifies(&workplace, "out");
}

/// Files of a model directory that the Trainer of 5.23.0 writes.
const MODEL: [&str; 5] = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "training_args.bin"];

fn names(workplace: &Workplace, directory: &str) -> Vec<String> {
    files_of(&workplace.path(directory)).into_iter().map(|(name, _)| name).collect()
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn checkpoints_of_each_release() {
    for (release, more) in [("5.23.0", &[][..]), ("4.57.6", &["special_tokens_map.json", "vocab.txt"])] {
        let workplace = workplace();
        let arguments = train_with(&["--save_strategy=steps", "--save_steps=2", "--release", release]);
        assert!(workplace.command(&arguments).status().unwrap().success());
        let state = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"];
        assert_eq!(names(&workplace, "out/checkpoint-2"), sorted(&[&MODEL[..], &state, more].concat()), "{release}");
        let config = fs::read_to_string(workplace.path("out/checkpoint-2/config.json")).unwrap();
        assert!(config.contains(&format!("\"transformers_version\": \"{release}\"")), "{config}");
        assert_verifies(&workplace, "out");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let workplace = workplace();
    for output_dir in ["--output_dir=first", "--output_dir=second"] {
        assert!(workplace.command(&train_with(&[output_dir])).status().unwrap().success());
    }
    for file in FILES {
        assert_eq!(fs::read(workplace.path("first").join(file)).unwrap(), fs::read(workplace.path("second").join(file)).unwrap(), "{file}");
    }
}

#[test]
fn arguments_in_a_file() {
    let workplace = workplace();
    let arguments = "model_name_or_path: model\ntrain_file: train.csv\noutput_dir: out\nmax_steps: 100\nsave_strategy: \"no\"\n";
    fs::write(workplace.path("arguments.yaml"), arguments).unwrap();
    let output = workplace.command(&["train", "arguments.yaml", "--max-steps", "2"]).output().unwrap();
    assert!(output.status.success(), "{}", transcript(&output));
    let state = fs::read_to_string(workplace.path("out/trainer_state.json")).unwrap();
    assert!(state.contains("\"global_step\": 2,"), "the command line goes before the file");
}

#[test]
fn checkpoints_and_their_limit() {
    let workplace = workplace();
    let arguments = train_with(&["--save_strategy=steps", "--save_steps=1", "--save_total_limit=2"]);
    assert!(workplace.command(&arguments).status().unwrap().success());
    assert!(!workplace.path("out/checkpoint-1").exists());
    for directory in ["out/checkpoint-2", "out/checkpoint-3", "out"] {
        assert_verifies(&workplace, directory);
    }
}

#[test]
fn what_else_is_in_the_output_directory_stays() {
    let workplace = workplace();
    fs::create_dir(workplace.path("out")).unwrap();
    fs::write(workplace.path("out/notes.txt"), "mine").unwrap();
    assert!(workplace.command(&TRAIN).status().unwrap().success());
    assert_eq!(fs::read_to_string(workplace.path("out/notes.txt")).unwrap(), "mine");
}

#[test]
fn prediction() {
    let workplace = workplace();
    assert_transcript!(workplace, ["predict", "model", "--text", "a gripping film", "--text", "not worth it"]);
}

#[test]
fn prediction_of_a_table_as_json() {
    let workplace = workplace();
    let output = workplace.command(&["predict", "model", "--test_file", "validation.csv", "--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", transcript(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("\"label\": ").count(), 8);
    assert!(text.contains("\"text\": \"dull, long and empty\""));
}

#[test]
fn evaluation_as_json() {
    let transcript = workplace().run(&["evaluate", "model", "--validation_file", "validation.csv", "--format", "json"]);
    assert_transcript!(without_figures(&transcript.replace(',', " ,")));
}

#[test]
fn train_without_arguments() {
    assert_refused!(workplace(), ["train"]);
}

#[test]
fn train_on_a_missing_model() {
    assert_refused!(workplace(), train_with(&["--model_name_or_path=modle"]));
}

#[test]
fn train_on_a_missing_file() {
    assert_refused!(workplace(), train_with(&["--train_file=trian.csv"]));
}

#[test]
fn train_on_an_unknown_format() {
    assert_refused!(workplace(), train_with(&["--train_file=train.xlsx"]));
}

#[test]
fn train_on_truncated_weights() {
    let workplace = workplace();
    workplace.change("model.safetensors", |bytes| bytes.truncate(100_000));
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_on_a_header_of_100_gb() {
    let workplace = workplace();
    workplace.change("model.safetensors", |bytes| bytes[..8].copy_from_slice(&100_000_000_000_u64.to_le_bytes()));
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_with_a_wrong_hidden_size() {
    let workplace = workplace();
    workplace.replace("config.json", "\"hidden_size\": 32", "\"hidden_size\": 64");
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_on_another_architecture() {
    let workplace = workplace();
    workplace.replace("config.json", "\"model_type\": \"bert\"", "\"model_type\": \"gpt2\"");
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_without_the_tokenizer() {
    let workplace = workplace();
    fs::remove_file(workplace.path("model/tokenizer.json")).unwrap();
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_without_the_label_column() {
    assert_refused!(workplace(), train_with(&["--label_column_name=lable"]));
}

#[test]
fn train_without_the_text_column() {
    assert_refused!(workplace(), train_with(&["--text_column_names=sentense"]));
}

#[test]
fn train_on_a_row_with_too_few_columns() {
    let workplace = workplace();
    fs::write(workplace.path("train.csv"), "text,label\nfine,positive\nno label\n").unwrap();
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_on_a_table_without_rows() {
    let workplace = workplace();
    fs::write(workplace.path("train.csv"), "text,label\n").unwrap();
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_on_a_file_that_is_not_text() {
    let workplace = workplace();
    fs::write(workplace.path("train.csv"), b"text,label\nfine,positive\n\xff\xfe\x00,negative\n").unwrap();
    assert_refused!(workplace, TRAIN);
}

#[test]
fn train_with_an_unknown_flag() {
    assert_refused!(workplace(), train_with(&["--learning-rat=1e-5"]));
}

#[test]
fn train_with_a_flag_of_transformers_that_is_not_there_yet() {
    assert_refused!(workplace(), train_with(&["--fp16=true"]));
}

#[test]
fn train_with_a_value_out_of_range() {
    assert_refused!(workplace(), train_with(&["--learning_rate=fast"]));
}

#[test]
fn train_with_an_unknown_name_in_a_file() {
    let workplace = workplace();
    fs::write(workplace.path("arguments.yaml"), "output_dir: out\nlearnin_rate: 1e-5\n").unwrap();
    assert_refused!(workplace, ["train", "arguments.yaml"]);
}

#[test]
fn train_with_a_file_that_is_not_yaml() {
    let workplace = workplace();
    fs::write(workplace.path("arguments.yaml"), "output_dir: [out\n").unwrap();
    assert_refused!(workplace, ["train", "arguments.yaml"]);
}

#[test]
fn train_into_a_file() {
    let workplace = workplace();
    assert_refused!(&workplace, train_with(&["--output_dir=train.csv"]));
    assert_eq!(fs::read_to_string(workplace.path("train.csv")).unwrap(), REVIEWS);
}

#[test]
fn predict_without_a_text() {
    assert_transcript!(workplace(), ["predict", "model"]);
}

#[test]
fn predict_with_a_missing_directory() {
    assert_transcript!(workplace(), ["predict", "modle", "--text", "fine"]);
}

#[test]
fn predict_with_a_model_that_has_no_classifier() {
    let workplace = workplace();
    workplace.replace_in_header("\"classifier.weight\"", "\"classifiez.weight\"");
    assert_transcript!(workplace, ["predict", "model", "--text", "fine"]);
}

#[test]
fn evaluate_with_a_label_that_the_model_does_not_have() {
    let workplace = workplace();
    fs::write(workplace.path("validation.csv"), "text,label\nfine,positive\nso so,mixed\n").unwrap();
    assert_transcript!(workplace, ["evaluate", "model", "--validation_file", "validation.csv"]);
}

/// A run that may write files of 64 KiB at most, where the model needs more: the disk refuses in the middle of a file.
#[cfg(unix)]
#[test]
fn the_disk_refuses_while_the_model_is_written() {
    let workplace = workplace();
    assert!(workplace.command(&TRAIN).status().unwrap().success());
    let before = files_of(&workplace.path("out"));
    let mut shell = Command::new("bash");
    // Without the trap the first write beyond the limit would end the process.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_rtrain")]);
    shell.args(train_with(&["--seed=2", "--quiet"])).current_dir(workplace.path("")).env("NO_COLOR", "1");
    assert_transcript!(transcript(&shell.output().unwrap()));
    assert_eq!(files_of(&workplace.path("out")), before, "the model of the first run stays");
    assert_eq!(left_over(&workplace), [""; 0], "nothing half-written stays");
}

/// A disk of 128 KiB, mounted for the test alone: training does not even start.
#[cfg(target_os = "linux")]
#[test]
fn full_disk() {
    let workplace = workplace();
    let unshare = |script: &str, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_rtrain")]);
        command.args(arguments).current_dir(workplace.path("")).env("NO_COLOR", "1");
        command.output()
    };
    if !unshare("mount -t tmpfs tmpfs /tmp", &[]).is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: this system lets no user mount a file system of his own");
        return;
    }
    fs::create_dir(workplace.path("disk")).unwrap();
    let script = "mount -t tmpfs -o size=128k tmpfs disk && \"$@\"; code=$?; ls -A disk; exit $code";
    let output = unshare(script, &train_with(&["--output_dir=disk/out"])).unwrap();
    assert_transcript!(transcript(&output));
}

/// Killed in the middle of saving: whatever is there is whole, and the next run cleans up.
#[test]
fn killed_while_saving() {
    let workplace = workplace();
    assert!(workplace.command(&TRAIN).status().unwrap().success());
    let before = files_of(&workplace.path("out"));
    for moment in 1..=5 {
        let endless = train_with(&["--max_steps=1000000", "--save_strategy=steps", "--save_steps=1", "--save_total_limit=3", "--quiet"]);
        let mut child = workplace.command(&endless).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let newest = || checkpoints(&workplace).into_iter().max().unwrap_or(0);
        let started = std::time::Instant::now();
        while newest() < 7 * moment {
            assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
            assert!(started.elapsed().as_secs() < 60, "no checkpoint in a minute");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(files_of(&workplace.path("out")), before);
        for step in checkpoints(&workplace) {
            assert_verifies(&workplace, &format!("out/checkpoint-{step}"));
        }
    }
    assert!(workplace.command(&train_with(&["--save_strategy=steps", "--save_steps=1"])).status().unwrap().success());
    assert_verifies(&workplace, "out");
    assert_eq!(left_over(&workplace), [""; 0]);
}

fn checkpoints(workplace: &Workplace) -> Vec<u64> {
    let names = fs::read_dir(workplace.path("out")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_prefix("checkpoint-")?.parse().ok()).collect()
}

/// Staging files and folders, here and in the output directory.
fn left_over(workplace: &Workplace) -> Vec<String> {
    let names = |directory: &str| fs::read_dir(workplace.path(directory)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names("").chain(names("out")).map(|name| name.into_string().unwrap());
    names.filter(|name| name.contains("staging")).collect()
}

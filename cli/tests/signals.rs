//! A run that is asked to end saves what it has, says how to go on, and then ends as if it had been left alone.
#![cfg(all(feature = "train", unix))]

mod small_run;

use small_run::{assert_same, command, content, train, workplace};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const SIGNALS: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];
const ANNOUNCED: &str = "finishing this step, then saving; press Ctrl-C again to quit at once\n";

/// How a process ended, and what it said.
struct Ended {
    code: Option<i32>,
    told: String,
}

/// Starts the run, and sends it signals as soon as it says something that begins with `at`.
fn signalled(workplace: &TempDir, more: &[&str], at: &str, pause: Duration, signals: &[&str]) -> Ended {
    let mut child = command(workplace, more).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.lines().last().is_some_and(|line| line.contains(at)) {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "the run never said {at:?}: {told}");
    }
    // What was said came before the step that is meant.
    thread::sleep(pause);
    for signal in signals {
        send(&child, signal);
        // Two signals at once would arrive as one.
        thread::sleep(Duration::from_millis(20));
    }
    stderr.read_to_string(&mut told).unwrap();
    Ended { code: child.wait().unwrap().code(), told }
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Rows of tables that steps or evaluations take long over.
#[derive(Clone, Copy)]
struct Rows {
    train: usize,
    validation: usize,
}

/// Signals a run at a place, lets it go on, and holds its end against that of one which was left alone. Returns what was said.
fn assert_goes_on(rows: Rows, more: &[&str], at: &str) -> Vec<String> {
    let alone = long_workplace(rows);
    train(&alone, more);
    let whole = content(&alone.path().join("out"));
    let end = |(signal, code): (&str, i32)| {
        let workplace = long_workplace(rows);
        let ended = signalled(&workplace, more, at, Duration::ZERO, &[signal]);
        assert_eq!(ended.code, Some(code), "{signal}: {}", ended.told);
        let step = saved_step(&ended.told);
        assert!(workplace.path().join(format!("out/checkpoint-{step}")).is_dir());
        train(&workplace, &[more, &["--resume_from_checkpoint"]].concat());
        assert_same(&whole, &content(&workplace.path().join("out")), &format!("SIG{signal}, stopped after step {step}"));
        ended.told
    };
    SIGNALS.map(end).to_vec()
}

/// A workplace whose tables have the same rows again and again.
fn long_workplace(rows: Rows) -> TempDir {
    let workplace = workplace();
    for (table, count) in [("train.csv", rows.train), ("validation.csv", rows.validation)] {
        let path = workplace.path().join(table);
        let text = fs::read_to_string(&path).unwrap();
        let (head, rows) = text.split_once('\n').unwrap();
        let rows: Vec<&str> = rows.lines().cycle().take(count).collect();
        fs::write(path, format!("{head}\n{}\n", rows.join("\n"))).unwrap();
    }
    workplace
}

/// The step that the last line names; every line is one of the run's, or one of the two that a signal leads to.
fn saved_step(told: &str) -> u64 {
    let saved = |line: &str| -> Option<u64> {
        let rest = line.strip_prefix("interrupted; out/checkpoint-")?;
        rest.strip_suffix(" is saved, and --resume_from_checkpoint goes on from there")?.parse().ok()
    };
    let (before, last) = told.trim_end().rsplit_once('\n').unwrap();
    for line in before.lines() {
        let is_log = ["loss ", "eval_loss ", "going on from "].iter().any(|start| line.starts_with(start));
        assert!(is_log || line == ANNOUNCED.trim_end(), "garbled: {told}");
    }
    assert!(before.contains(ANNOUNCED.trim_end()), "{told}");
    saved(last).unwrap_or_else(|| panic!("{told}"))
}

/// Four steps an epoch, each of which takes much longer than a signal.
const SLOW: Rows = Rows { train: 1000, validation: 7 };
const STEPS: [&str; 3] = ["--logging_steps=1", "--gradient_accumulation_steps=4", "--per_device_train_batch_size=64"];

#[test]
fn a_run_that_saves_nothing_saves_when_it_is_asked_to_end() {
    assert_goes_on(SLOW, &[&STEPS[..], &["--save_strategy=no"]].concat(), "step 3");
}

#[test]
fn a_checkpoint_that_only_a_signal_has_made_goes() {
    assert_goes_on(SLOW, &[&STEPS[..], &["--save_steps=3", "--save_total_limit=2"]].concat(), "step 4");
}

#[test]
fn the_only_checkpoint_to_keep_stays() {
    let more = ["--save_steps=3", "--eval_strategy=steps", "--eval_steps=3", "--save_total_limit=1", "--load_best_model_at_end"];
    assert_goes_on(SLOW, &[&STEPS[..], &more].concat(), "step 7");
}

#[test]
fn an_evaluation_is_finished_first() {
    let more = ["--eval_strategy=steps", "--eval_steps=2", "--save_strategy=no", "--logging_steps=2"];
    let told = assert_goes_on(Rows { train: 22, validation: 5000 }, &more, "loss ");
    for told in told {
        let (_, after) = told.split_once(ANNOUNCED).unwrap();
        assert!(after.starts_with("eval_loss ") && after.contains("interrupted; out/checkpoint-2 is saved"), "{told}");
    }
}

fn is_empty(workplace: &TempDir) -> bool {
    fs::read_dir(workplace.path().join("out")).map_or(true, |mut entries| entries.next().is_none())
}

#[test]
fn the_second_signal_quits_at_once() {
    let workplace = long_workplace(Rows { train: 20_000, validation: 7 });
    let more = ["--eval_on_start", "--save_strategy=no", "--gradient_accumulation_steps=100000", "--per_device_train_batch_size=1"];
    for (signals, code) in [(["INT", "INT"], 130), (["TERM", "TERM"], 143), (["TERM", "INT"], 130)] {
        let ended = signalled(&workplace, &more, "eval_loss", Duration::from_millis(300), &signals);
        assert_eq!(ended.code, Some(code), "{}", ended.told);
        assert!(ended.told.ends_with(ANNOUNCED), "{}", ended.told);
        assert!(is_empty(&workplace), "nothing was saved");
    }
}

#[test]
fn the_evaluation_after_the_training_ends_at_once() {
    let workplace = long_workplace(Rows { train: 22, validation: 20_000 });
    let more = ["--eval_strategy=no", "--save_strategy=no", "--max_steps=1", "--per_device_eval_batch_size=1"];
    for (signal, code) in SIGNALS {
        let mut child = command(&workplace, &more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut printed = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        while !printed.contains("train_steps_per_second") {
            assert!(stdout.read_line(&mut printed).unwrap() > 0, "{printed}");
        }
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(told.starts_with("train_runtime") && told.lines().count() == 1, "{told}");
        let out = workplace.path().join("out");
        assert!(out.join("model.safetensors").exists() && !out.join("eval_results.json").exists());
        fs::remove_dir_all(out).unwrap();
    }
}

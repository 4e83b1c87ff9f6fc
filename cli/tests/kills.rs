//! A run that is killed at any moment, again and again, ends in the bytes of one that was left alone.
#![cfg(all(feature = "train", unix))]

mod small_run;

use small_run::{assert_same, command, content, train, workplace};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Most of the time goes into waiting for the disk.
const WORKERS: u64 = 6;

/// Runs that are ended again and again.
struct Plan {
    arguments: &'static [&'static str],
    /// What ends a process: one of these.
    signals: &'static [&'static str],
    /// The most checkpoints that are there when none is to be removed.
    checkpoints: usize,
    /// How often a process is to be ended.
    kills: usize,
    /// Where one kill at least has to fall.
    moments: &'static [&'static str],
}

/// Where kills fell, and what became of the runs.
#[derive(Debug, Default)]
struct Counts {
    kills: BTreeMap<&'static str, usize>,
    restarts: usize,
    ends: usize,
    passed_over: usize,
}

impl Counts {
    fn total_kills(&self) -> usize {
        self.kills.values().sum()
    }

    fn add(&mut self, other: Counts) {
        for (moment, kills) in other.kills {
            *self.kills.entry(moment).or_default() += kills;
        }
        self.restarts += other.restarts;
        self.ends += other.ends;
        self.passed_over += other.passed_over;
    }
}

/// Every step is evaluated and saved, old checkpoints go, and the best one is loaded at the end.
#[test]
fn a_run_that_is_killed_at_any_moment_ends_as_if_it_had_not_been() {
    check(&Plan {
        arguments: &["--eval_strategy=steps", "--eval_steps=1", "--save_total_limit=2", "--load_best_model_at_end", "--threads=1"],
        signals: &["KILL"],
        checkpoints: 2,
        kills: 1000,
        moments: &[STARTING, TRAINING, SAVING],
    });
}

/// Whoever asks leaves checkpoints that have to go again, and whoever kills does so while they go.
#[test]
fn a_run_that_is_killed_or_asked_to_end_at_any_moment_ends_as_if_it_had_not_been() {
    check(&Plan {
        arguments: &["--eval_strategy=steps", "--eval_steps=4", "--save_steps=4", "--load_best_model_at_end", "--threads=1"],
        signals: &["KILL", "TERM", "TERM", "INT"],
        checkpoints: 3,
        kills: 400,
        moments: &[STARTING, TRAINING],
    });
}

/// Plans wait for each other: moments are chosen by how long a run takes.
static TURN: Mutex<()> = Mutex::new(());

fn check(plan: &Plan) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = std::env::var("RTRAIN_KILLS_SEED").map_or(1, |seed| seed.parse().unwrap());
    let reference = workplace();
    let started = Instant::now();
    train(&reference, plan.arguments);
    let alone = started.elapsed();
    println!("seed {seed}; ended by {}; alone a run takes {alone:.0?}", plan.signals.join(", "));
    let expected = content(&reference.path().join("out"));
    let mut counts = Counts::default();
    thread::scope(|scope| {
        let workers = (0..WORKERS).map(|worker| {
            let (mut random, expected) = (Random(seed * WORKERS + worker), &expected);
            scope.spawn(move || end_runs(plan, alone, &mut random, expected))
        });
        for worker in workers.collect::<Vec<_>>() {
            counts.add(worker.join().unwrap());
        }
    });
    println!("{} kills in {:.0?}, of processes that were", counts.total_kills(), started.elapsed());
    for (moment, kills) in &counts.kills {
        println!("  {kills:4} {moment}");
    }
    println!("{} restarts, {} runs ended, {} checkpoints passed over", counts.restarts, counts.ends, counts.passed_over);
    assert!(counts.total_kills() >= plan.kills && counts.ends > 0);
    assert_eq!(counts.passed_over, 0, "a kill leaves no checkpoint in part");
    for moment in plan.moments {
        assert!(counts.kills.contains_key(moment), "no kill fell on a process that was {moment}");
    }
}

/// Starts runs and ends them, until a worker's share of kills is done and the last run has ended by itself.
fn end_runs(plan: &Plan, alone: Duration, random: &mut Random, expected: &BTreeMap<String, Vec<u8>>) -> Counts {
    let kills = plan.kills.div_ceil(WORKERS as usize);
    let mut counts = Counts::default();
    while counts.total_kills() < kills {
        let workplace = workplace();
        let mut is_started = false;
        loop {
            // Half of them early, and half anywhere in a run that shares the processors with the other workers.
            let longest = alone.mul_f64(if random.fraction() < 0.5 { 0.3 } else { 3.0 });
            let delay = if counts.total_kills() < kills { longest.mul_f64(random.fraction()) } else { Duration::from_secs(600) };
            let signal = plan.signals[(random.fraction() * plan.signals.len() as f64) as usize];
            let (status, told) = live(&workplace, plan.arguments, delay, signal);
            counts.restarts += usize::from(is_started);
            counts.passed_over += told.matches("passed over").count();
            is_started = true;
            if status.signal().is_some() || status.code().is_some_and(|code| code > 128) {
                *counts.kills.entry(moment(plan, &workplace, &told)).or_default() += 1;
                continue;
            }
            assert!(status.success(), "after {counts:?}: {status}\n{told}");
            counts.ends += 1;
            assert_same(expected, &content(&workplace.path().join("out")), &format!("run {}", counts.ends));
            assert_eq!(left_over(workplace.path()), [""; 0], "nothing half-written stays");
            break;
        }
    }
    counts
}

/// Starts or resumes the run and sends it a signal after a while, unless it has ended by then; also what it said.
fn live(workplace: &TempDir, arguments: &[&str], delay: Duration, signal: &str) -> (ExitStatus, String) {
    let told = workplace.path().join("told");
    let resume: &[&str] = if has_checkpoint(workplace) { &["--resume_from_checkpoint"] } else { &[] };
    let mut command = command(workplace, &[arguments, resume].concat());
    let mut child = command.stdout(Stdio::null()).stderr(File::create(&told).unwrap()).spawn().unwrap();
    let started = Instant::now();
    while let Some(rest) = delay.checked_sub(started.elapsed()).filter(|_| child.try_wait().unwrap().is_none()) {
        thread::sleep(rest.min(Duration::from_millis(5)));
    }
    if signal == "KILL" {
        child.kill().unwrap();
    } else if child.try_wait().unwrap().is_none() {
        // It may be gone by now.
        let _ = Command::new("kill").args(["-s", signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    }
    (child.wait().unwrap(), fs::read_to_string(told).unwrap())
}

/// Whether there is a checkpoint, here or where it stands while the directory of the run is replaced.
fn has_checkpoint(workplace: &TempDir) -> bool {
    ["out", ".out.rtrain-staging"].iter().any(|folder| names(&workplace.path().join(folder)).iter().any(|name| step(name).is_some()))
}

const STARTING: &str = "starting";
const TRAINING: &str = "training, or evaluating";
const RECORDING: &str = "writing the record of a checkpoint";
const SAVING: &str = "writing a checkpoint";
const ROTATING: &str = "about to remove an old checkpoint";
const REMOVING: &str = "removing an old checkpoint";
const REPLACING: &str = "writing the model";
const ENDING: &str = "evaluating the model and writing results";

/// What a killed process was doing, by what it has said and left.
fn moment(plan: &Plan, workplace: &TempDir, told: &str) -> &'static str {
    let out = workplace.path().join("out");
    let names = names(&out);
    let newest = names.iter().filter_map(|name| step(name)).max();
    let staged = names.iter().find_map(|name| step(name.strip_suffix(".rtrain-staging")?.strip_prefix('.')?));
    match staged {
        _ if told.is_empty() => STARTING,
        _ if !left_over(workplace.path()).is_empty() && staged.is_none() => REPLACING,
        _ if names.iter().any(|name| name == "config.json") && told.contains("train_runtime") => ENDING,
        Some(staged) if Some(staged) < newest => REMOVING,
        Some(_) => SAVING,
        None if self::names(&out.join(".rtrain")).iter().any(|name| name.ends_with(".rtrain-staging")) => RECORDING,
        None if names.iter().filter(|name| step(name).is_some()).count() > plan.checkpoints => ROTATING,
        None => TRAINING,
    }
}

fn step(name: &str) -> Option<u64> {
    name.strip_prefix("checkpoint-")?.parse().ok()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Names of what is not in its place yet, here and in the output directory.
fn left_over(workplace: &Path) -> Vec<String> {
    let names = names(workplace).into_iter().chain(names(&workplace.join("out")));
    names.filter(|name| name.contains("staging")).collect()
}

/// Numbers that follow from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

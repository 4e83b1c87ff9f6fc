//! Logs, evaluations, checkpoints and the best model of `rtrain train` against those of the real Trainer, for each set of arguments of
//! tests/golden/semantics.
#![cfg(feature = "train")]

mod recorded;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use recorded::{differences, read, reduced};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// How far losses may differ.
const TOLERANCE: f64 = 1e-4;

/// A difference that is meant.
struct Known {
    release: &'static str,
    /// How the names of the cases start.
    cases: &'static str,
    /// How the place ends.
    places: &'static [&'static str],
}

/// The differences that are meant; docs/differences.md has the reasons.
const KNOWN: &[Known] = &[
    // The sum over the micro batches in the place of their mean.
    Known { release: "5.23.0", cases: "accumulate_", places: &["loss", "grad_norm", "accuracy"] },
    // The best checkpoint, which 4.57.6 saves and then forgets.
    Known { release: "4.57.6", cases: "best_only", places: &["best_global_step", "best_model_checkpoint"] },
    Known { release: "4.57.6", cases: "best_only_is_loaded", places: &["results/eval/eval_loss", "results/eval/eval_accuracy"] },
    Known { release: "4.57.6", cases: "stop_with_the_best_only", places: &["best_global_step", "best_model_checkpoint"] },
];

#[test]
fn as_release_5_23_0() {
    check("5.23.0");
}

#[test]
fn as_release_4_57_6() {
    check("4.57.6");
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/semantics")
}

fn check(release: &str) {
    let golden = read(&golden().join(format!("{release}.json")));
    let cases = golden["cases"].as_array().unwrap();
    let known: Vec<&Known> = KNOWN.iter().filter(|known| known.release == release).collect();
    let mut used = BTreeSet::new();
    let mut wrong = 0;
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let mut found = compare(&golden, case, release);
        found.retain(|difference| {
            let place = difference.split(": ").next().unwrap();
            let is_meant = |known: &&Known| name.starts_with(known.cases) && known.places.iter().any(|end| place.ends_with(end));
            let meant: Vec<usize> = known.iter().enumerate().filter(|(_, known)| is_meant(known)).map(|(index, _)| index).collect();
            used.extend(meant.iter().copied());
            meant.is_empty()
        });
        wrong += usize::from(!found.is_empty());
        for difference in found {
            println!("{release} {name}: {difference}");
        }
    }
    println!("{release}: {} of {} runs are the Trainer's", cases.len() - wrong, cases.len());
    assert_eq!(wrong, 0, "runs that differ from the Trainer's");
    assert_eq!(used.len(), known.len(), "a difference that is meant is not there");
}

/// Runs a case and lists what is otherwise than in the golden.
fn compare(golden: &Value, case: &Value, release: &str) -> Vec<String> {
    let workplace = workplace();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtrain"));
    command.current_dir(workplace.path()).env("NO_COLOR", "1").args(["train", "--quiet", "--release", release]);
    let output = command.args(words(&golden["common"])).args(words(&case["arguments"])).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let first = errors.lines().next().unwrap_or_default();
    if let Some(error) = case.get("refused") {
        let is_unknown = ["not supported", "does not support", "unexpected argument"].iter().any(|words| errors.contains(words));
        let is_refused = !output.status.success() && !is_unknown;
        return if is_refused { Vec::new() } else { vec![format!("refused: {error} became {first:?}")] };
    }
    if !output.status.success() {
        return vec![format!("accepted: {first}")];
    }
    let out = workplace.path().join("out");
    let end = overlaid(&golden["state"], &case["state"]);
    let mut found = differences("state", &end, &reduced(&read(&out.join("trainer_state.json"))), TOLERANCE);
    let checkpoints = case["checkpoints"].as_object().unwrap();
    let names: Vec<&String> = checkpoints.keys().collect();
    if names == checkpoints_of(&out).iter().collect::<Vec<_>>() {
        let each = checkpoints.iter().flat_map(|(name, checkpoint)| compare_checkpoint(&out.join(name), name, &end, checkpoint));
        // What is otherwise at the end is not told again for each checkpoint before it.
        let tail = |difference: &str| difference.split_once('/').map(|(_, tail)| tail.to_owned());
        let told: BTreeSet<_> = found.iter().map(|difference| tail(difference)).collect();
        found.extend(each.filter(|difference| !told.contains(&tail(difference))));
    } else {
        found.push(format!("checkpoints: {names:?} became {:?}", checkpoints_of(&out)));
    }
    for (split, expected) in case["results"].as_object().unwrap() {
        let results = reduced(&read(&out.join(format!("{split}_results.json"))));
        found.extend(differences(&format!("results/{split}"), expected, &results, TOLERANCE));
    }
    found
}

fn compare_checkpoint(directory: &Path, name: &str, end: &Value, expected: &Value) -> Vec<String> {
    let mut state = overlaid(end, &expected["state"]);
    let entries = expected["log_entries"].as_u64().unwrap() as usize;
    state["log_history"].as_array_mut().unwrap().truncate(entries);
    let mut found = differences(name, &state, &reduced(&read(&directory.join("trainer_state.json"))), TOLERANCE);
    let missing = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "model.safetensors"];
    let missing: Vec<&str> = missing.into_iter().filter(|file| !directory.join(file).exists()).collect();
    let expected = expected.get("missing").map(words).unwrap_or_default();
    if missing != expected {
        found.push(format!("{name}/missing: {expected:?} became {missing:?}"));
    }
    found
}

/// `base` with the values of `over` in the place of its own.
fn overlaid(base: &Value, over: &Value) -> Value {
    let entries = [base, over].into_iter().flat_map(|part| part.as_object().unwrap().clone());
    Value::Object(entries.collect::<Map<_, _>>())
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

fn checkpoints_of(out: &Path) -> Vec<String> {
    let names = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("checkpoint-") && out.join(name).is_dir()).collect();
    names.sort_by_key(|name| name.trim_start_matches("checkpoint-").parse::<u64>().unwrap());
    names
}

/// A folder with the model and the tables.
fn workplace() -> TempDir {
    let workplace = TempDir::new().unwrap();
    fs::create_dir(workplace.path().join("model")).unwrap();
    for folder in ["", "model"] {
        let files = fs::read_dir(golden().join(folder)).unwrap().map(|entry| entry.unwrap());
        for file in files.filter(|entry| entry.path().is_file()) {
            fs::copy(file.path(), workplace.path().join(folder).join(file.file_name())).unwrap();
        }
    }
    workplace
}

//! A run of a few steps on the golden classifier, and what it leaves.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A table of so many rows, with the labels of the golden model, whose texts differ in length.
fn table(rows: usize) -> String {
    let words = ["a", "funny", "film", "and", "a", "long", "end", "of", "the", "year", "dull", "half", "too", "slow"];
    let labels = ["positive", "negative", "neutral"];
    let row = |row: usize| {
        let text: Vec<&str> = (0..3 + row * 5 % 9).map(|place| words[(row * 7 + place * 3) % words.len()]).collect();
        format!("{},{}\n", text.join(" "), labels[row % 3])
    };
    "text,label\n".to_owned() + &(0..rows).map(row).collect::<String>()
}

/// A folder with a model and tables.
pub fn workplace() -> TempDir {
    let workplace = TempDir::new().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/bert/classifier"), &workplace.path().join("model"));
    fs::write(workplace.path().join("train.csv"), table(22)).unwrap();
    fs::write(workplace.path().join("validation.csv"), table(7)).unwrap();
    workplace
}

/// Three epochs of 4 steps, the last of each of one batch alone; logs that do not fall on the ends of epochs; every step saved.
pub const RUN: [&str; 17] = [
    "train",
    "--model_name_or_path=model",
    "--train_file=train.csv",
    "--validation_file=validation.csv",
    "--output_dir=out",
    "--num_train_epochs=3",
    "--per_device_train_batch_size=3",
    "--gradient_accumulation_steps=2",
    "--logging_steps=5",
    "--eval_strategy=epoch",
    "--save_steps=1",
    "--learning_rate=1e-3",
    "--lr_scheduler_type=cosine",
    "--warmup_steps=2",
    "--seed=7",
    "--threads=2",
    "--pad_to_max_length=false",
];

/// The run with more arguments, to be started in a workplace.
pub fn command(workplace: &TempDir, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtrain"));
    command.args(RUN).args(more).current_dir(workplace.path()).env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
    command
}

/// Runs it to its end.
pub fn train(workplace: &TempDir, more: &[&str]) {
    let output = command(workplace, more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The files of a directory and of its checkpoints by their paths, without what tells of the clock.
pub fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut content = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() && name != ".rtrain" {
            content.extend(self::content(&path).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let is_timed = name.ends_with("results.json") || name == "trainer_state.json";
            // Release 4 names its folder of logs by the time, in the arguments.
            let bytes = if name == "training_args.bin" { Vec::new() } else { bytes };
            content.insert(name, if is_timed { without_times(&bytes) } else { bytes });
        }
    }
    content
}

fn without_times(json: &[u8]) -> Vec<u8> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(entries) => {
                entries.retain(|name, _| !name.ends_with("_runtime") && !name.ends_with("_per_second"));
                entries.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_slice(json).unwrap();
    strip(&mut value);
    value.to_string().into_bytes()
}

/// Two directories have the same files with the same bytes.
pub fn assert_same(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in left {
        let text = |bytes: &[u8]| if name.ends_with(".json") { String::from_utf8_lossy(bytes).into_owned() } else { String::new() };
        assert!(bytes == &right[name], "{what}: {name} differs\n{}\n{}", text(bytes), text(&right[name]));
    }
}

/// Copies a file, or a directory with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

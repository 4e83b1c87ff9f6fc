//! A model that rtrain trained, in the hands of real transformers.
#![cfg(feature = "train")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run tests/run, which makes the reference environment")).into()
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.env("HF_HUB_OFFLINE", "1").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{}\n{errors}", String::from_utf8_lossy(&output.stdout));
    output.stdout
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn transformers_predicts_the_same_and_saves_the_same_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (python, base) = (variable("RTRAIN_PYTHON"), variable("RTRAIN_REFERENCE").join("minilm_classifier"));
    let workplace = tempfile::tempdir().unwrap();
    let path = |name: &str| workplace.path().join(name);
    let reviews = |name: &str| root.join("examples/reviews").join(name);
    let rtrain = || Command::new(env!("CARGO_BIN_EXE_rtrain"));

    let mut train = rtrain();
    train.arg("train").arg("--model_name_or_path").arg(base).arg("--train_file").arg(reviews("train.csv"));
    train.arg("--output_dir").arg(path("model")).args(["--max_steps=3", "--save_strategy=no", "--pad_to_max_length=false", "--quiet"]);
    run(&mut train);
    let mut predict = rtrain();
    predict.arg("predict").arg(path("model")).arg("--test_file").arg(reviews("validation.csv"));
    predict.args(["--max_predict_samples=64", "--format=json", "--output_file"]).arg(path("predictions.json"));
    run(&mut predict);
    let mut check = Command::new(&python);
    check.arg(root.join("tests/interop/check.py")).arg(path("model")).arg("--texts").arg(reviews("validation.csv"));
    print!("{}", String::from_utf8_lossy(&run(check.arg("--predictions").arg(path("predictions.json")))));
    let mut resave = Command::new(&python);
    let resave = resave.arg(root.join("tests/interop/resave.py")).args([path("model"), path("again")]);
    print!("{}", String::from_utf8_lossy(&run(resave)));
}

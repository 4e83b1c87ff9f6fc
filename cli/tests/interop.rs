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

/// Arguments of runs as both programs take them, and what the Trainer needs beside them.
const RUNS: [(&str, &str); 4] = [
    ("--weight_decay=0.01 --warmup_steps=3 --adam_beta2=0.98 --seed=7 --eval_strategy=steps --eval_steps=5", ""),
    ("--lr_scheduler_type=constant --optim=adamw_torch --save_total_limit=2", ""),
    ("--lr_scheduler_type=cosine --label_smoothing_factor=0.1 --gradient_accumulation_steps=2 --logging_first_step=true", ""),
    ("--lr_scheduler_type=constant_with_warmup --warmup_steps=2 --max_grad_norm=0 --bf16=true --data_seed=3", "--use_cpu"),
];

#[test]
#[ignore = "needs the reference environments: tests/run"]
fn the_trainer_saves_the_same_state_of_a_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let environments = variable("RTRAIN_PYTHON").ancestors().nth(3).unwrap().to_owned();
    let reviews = |name: &str| root.join("examples/reviews").join(name);
    for (release, environment) in [("5.23.0", "reference"), ("4.57.6", "reference_4_57_6")] {
        for (arguments, more) in RUNS {
            let workplace = tempfile::tempdir().unwrap();
            let given: Vec<&str> = "--output_dir=run --save_steps=4 --max_steps=10 --logging_steps=2 --learning_rate=1e-3"
                .split(' ')
                .chain(arguments.split(' '))
                .collect();
            let mut train = Command::new(env!("CARGO_BIN_EXE_rtrain"));
            train.current_dir(workplace.path()).args(["train", "--release", release, "--quiet", "--max_seq_length=64"]).args(&given);
            train.arg("--config_name").arg(reviews("model")).arg("--tokenizer_name").arg(reviews("model"));
            run(train.arg("--train_file").arg(reviews("train.csv")).arg("--validation_file").arg(reviews("validation.csv")));
            let mut check = Command::new(environments.join(environment).join("bin/python"));
            check.current_dir(workplace.path()).arg(root.join("tests/interop/checkpoint.py"));
            check.args(["run", "run/checkpoint-8", "--total_steps=10", "--", "--do_train", "--do_eval"]).args(&given);
            let found = run(check.args(more.split_whitespace()));
            assert_eq!(String::from_utf8_lossy(&found).matches("same bytes").count(), 4, "{release}: {arguments}");
        }
    }
}

//! What `rtrain convert` writes, against real transformers.

#[expect(dead_code, reason = "the other test programs use the rest")]
mod common;

use common::Workplace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Releases, each with the environment that has it, beside that of `RTRAIN_PYTHON`.
const ENVIRONMENTS: [(&str, &str); 2] = [("4.57.6", "reference_4_57_6"), ("5.23.0", "reference")];

/// What transformers 4.57.6 does not load: it wants `extra_special_tokens` to be an object, and release 5 writes a list.
const NOT_LOADED: [&str; 2] = ["added_tokens", "added_tokens_again"];

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn transformers_converts_to_the_same_bytes() {
    let python = std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run, which makes the reference environment");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/convert.py");
    let workplace = Workplace::new();
    let cases: [&[&str]; 5] = [
        &["--max_shard_size", "30kB"],
        &["--max_shard_size", "0.1MB"],
        &["--dtype", "bfloat16"],
        &["--dtype", "float16", "--max_shard_size", "5KB"],
        &[],
    ];
    for (number, options) in cases.into_iter().enumerate() {
        let name = format!("converted-{number}");
        let transcript = workplace.run(&[&["convert", "--quiet", "model", &name], options].concat());
        assert!(transcript.starts_with("exit code: 0"), "{transcript}");
        let mut check = Command::new(&python);
        check.arg(&script).args([workplace.path("model"), workplace.path(&name)]).args(options).env("HF_HUB_OFFLINE", "1");
        let output = check.output().unwrap();
        assert!(output.status.success(), "{options:?}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Every golden directory that can be converted, as each release loads and saves it.
#[test]
#[ignore = "needs the reference environments: tests/run"]
fn each_release_converts_to_the_same_bytes() {
    let python = std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run, which makes the reference environment");
    let environments = Path::new(&python).ancestors().nth(3).unwrap().to_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/convert.py");
    let workplace = Workplace::new();
    for (release, environment) in ENVIRONMENTS {
        let mut check = Command::new(environments.join(environment).join("bin/python"));
        check.arg(&script).arg("--release").arg(release).arg("--list").arg(workplace.path("list"));
        let mut list = String::new();
        for directory in golden_directories(release) {
            let name = format!("{release}-{}", directory.display().to_string().replace(['/', '\\'], "-"));
            let input = directory.to_str().unwrap();
            let config = fs::read_to_string(directory.join("config.json")).unwrap();
            // Of other classes the order of the state dict is known from pickles alone.
            let has_order = config.contains("BertForSequenceClassification") || name.contains("bin_");
            for safe in if release == "4.57.6" && has_order { &["true", "false"][..] } else { &["true"] } {
                let target = format!("{name}-{safe}");
                let mut convert = workplace.command(&["convert", "--quiet", input, &target, "--release", release]);
                let output = convert.args(["--safe_serialization", safe]).env("HF_HUB_OFFLINE", "1").output().unwrap();
                assert!(output.status.success(), "{input}: {}", String::from_utf8_lossy(&output.stderr));
                list += &format!("{input}\t{}\t{safe}\n", workplace.path(&target).display());
            }
        }
        assert!(list.lines().count() >= 30, "{list}");
        fs::write(workplace.path("list"), list).unwrap();
        let output = check.envs([("HF_HUB_OFFLINE", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]).output().unwrap();
        assert!(output.status.success(), "{release}\n{}", String::from_utf8_lossy(&output.stderr));
        println!("{release}: {}", String::from_utf8_lossy(&output.stdout).lines().last().unwrap());
    }
}

/// Directories of models of BERT that a release loads, saved by either release.
fn golden_directories(release: &str) -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/directories");
    let mut directories = Vec::new();
    for (saved_by, _) in ENVIRONMENTS {
        for entry in fs::read_dir(golden.join(saved_by)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let tokenizer = fs::read_to_string(path.join("tokenizer_config.json")).unwrap_or_default();
            let is_model = path.join("config.json").exists() && tokenizer.contains("\"BertTokenizer\"");
            // Keys that are numbers in a config are texts once it is loaded, and sorted otherwise.
            let is_other = name.starts_with("run_") || name == "custom_config";
            let is_loaded = !(release == "4.57.6" && saved_by == "5.23.0" && NOT_LOADED.contains(&name));
            if is_model && !is_other && is_loaded {
                directories.push(path);
            }
        }
    }
    directories.sort();
    directories
}

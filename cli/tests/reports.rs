//! How `rtrain verify` speaks: every format and exit code, several directories, runs, and what is left out of a report.

#[expect(dead_code, reason = "the other test programs use the rest")]
mod common;

use common::Workplace;
use std::fs;
use std::path::Path;

const FORMATS: [&str; 5] = ["text", "json", "sarif", "junit", "github"];

/// A model with something wrong at each kind of place.
fn broken() -> Workplace {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| bytes.truncate(100));
    workplace.replace("config.json", "\"neutral\": 1", "\"neutral\": 2");
    workplace.replace("tokenizer.json", "\"version\": \"1.0\",", "\"version\":  \"1.0\",");
    fs::remove_file(workplace.path("model/tokenizer_config.json")).unwrap();
    fs::write(workplace.path("model/notes, 100%.md"), "mine").unwrap();
    workplace
}

/// A run with two checkpoints; its reference has the first of them and a third.
fn run() -> Workplace {
    let workplace = Workplace::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/directories/5.23.0/run_weights_only");
    for (from, to) in [(1, "run/checkpoint-1"), (2, "run/checkpoint-2"), (1, "other/checkpoint-1"), (2, "other/checkpoint-3")] {
        copy(&golden.join(format!("checkpoint-{from}")), &workplace.path(to));
    }
    workplace
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn exit_code(workplace: &Workplace, arguments: &[&str]) -> i32 {
    workplace.command(arguments).output().unwrap().status.code().unwrap()
}

#[test]
fn good() {
    let workplace = Workplace::new();
    for format in FORMATS {
        assert_transcript!(workplace, ["verify", "model", "--format", format] => format!("good_{format}"));
    }
}

#[test]
fn broken_in_many_ways() {
    let workplace = broken();
    for format in FORMATS {
        let arguments = ["verify", "model", "--reference", "reference", "--format", format];
        assert_transcript!(workplace, arguments => format!("broken_{format}"));
    }
}

#[test]
fn wrong_path() {
    let workplace = Workplace::new();
    for format in FORMATS {
        assert_transcript!(workplace, ["verify", "modle", "--format", format] => format!("wrong_path_{format}"));
    }
}

#[test]
fn every_wrong_path_is_2_in_every_format() {
    let workplace = run();
    for mark in ["config.json", "trainer_state.json"] {
        fs::remove_file(workplace.path("run/checkpoint-1").join(mark)).unwrap();
    }
    for format in FORMATS {
        for paths in [
            &["modle"][..],
            &["model", "modle"],
            &["modle", "model"],
            &["model/config.json"],
            &["model", "--reference", "refrence"],
            &["run", "--reference", "refrence"],
            &["run"],
            &["modle", "--ignore", "*"],
            &["modle", "--ignore", "io"],
        ] {
            let arguments = [&["verify", "--format", format], paths].concat();
            assert_eq!(exit_code(&workplace, &arguments), 2, "{arguments:?}");
        }
    }
}

#[test]
fn documents_can_be_read_whatever_happened() {
    let workplace = broken();
    for directories in [&["reference"][..], &["model"], &["modle"], &["reference", "model", "modle"]] {
        let output = |format| workplace.command(&[&["verify", "--format", format], directories].concat()).output().unwrap().stdout;
        for format in ["json", "sarif"] {
            assert!(serde_json::from_slice::<serde_json::Value>(&output(format)).unwrap().is_object());
        }
        let junit = String::from_utf8(output("junit")).unwrap();
        assert!(roxmltree::Document::parse(&junit).unwrap().root_element().has_tag_name("testsuites"));
    }
}

#[test]
fn several_directories() {
    let workplace = broken();
    assert_transcript!(workplace, ["verify", "reference", "model", "modle"]);
}

#[test]
fn several_directories_and_quiet() {
    let workplace = broken();
    assert_transcript!(workplace, ["verify", "--quiet", "reference", "model", "modle"]);
}

#[test]
fn run_with_checkpoints() {
    assert_transcript!(run(), ["verify", "run"]);
}

#[test]
fn run_against_another_run() {
    assert_transcript!(run(), ["verify", "run", "--reference", "other"]);
}

#[test]
fn ignored_checkpoints() {
    let arguments = ["verify", "run", "--reference", "other", "--ignore", "checkpoint-2", "--ignore", "reference-missing:checkpoint-*"];
    assert_transcript!(run(), arguments);
}

#[test]
fn ignored_files_and_codes() {
    let workplace = broken();
    let ignored = ["--ignore", "*.md", "--ignore", "tokenizer*", "--ignore", "label-maps", "--ignore", "reference-value:config.json"];
    assert_transcript!(workplace, [&["verify", "model", "--reference", "reference"][..], &ignored].concat());
}

#[test]
fn all_findings_ignored() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "  \"hidden_size\": 32", "  \"hidden_size\":  32");
    assert_transcript!(workplace, ["verify", "model", "--ignore", "not-identical"]);
}

#[test]
fn misspelt_code() {
    assert_transcript!(Workplace::new(), ["verify", "model", "--ignore", "not-identicl"]);
}

#[test]
fn few_findings_shown() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000");
    workplace.replace("config.json", "\"neutral\": 1", "\"neutral\": 2");
    assert_transcript!(workplace, ["verify", "model", "--max-findings", "3"]);
}

#[test]
fn tensors_within_the_tolerance() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| {
        let end = bytes.len() - 4;
        let value = f32::from_le_bytes(bytes[end - 4..end].try_into().unwrap());
        bytes[end - 4..end].copy_from_slice(&(value + 1e-4).to_le_bytes());
    });
    let compare = |more: &[&str]| exit_code(&workplace, &[&["verify", "model", "--reference", "reference"], more].concat());
    assert_eq!(compare(&[]), 1);
    assert_eq!(compare(&["--atol", "1e-5"]), 1);
    assert_eq!(compare(&["--rtol", "0.01"]), 0);
    assert_transcript!(workplace, ["verify", "model", "--reference", "reference", "--atol", "1e-3"]);
}

#[test]
fn tolerances_are_not_negative_and_need_a_reference() {
    let workplace = Workplace::new();
    for arguments in [&["--rtol", "-1", "--reference", "reference"][..], &["--atol", "nan", "--reference", "reference"], &["--rtol", "1"]] {
        assert_eq!(exit_code(&workplace, &[&["verify", "model"], arguments].concat()), 2, "{arguments:?}");
    }
}

//! `rtrain verify` as its user meets it: the golden directory, made wrong in one way a test, and what the command prints and returns.

mod common;

use common::Workplace;
use std::fs;
use std::io::Read;
use std::process::Stdio;

#[test]
fn fine() {
    assert_transcript!(Workplace::new(), ["verify", "model"]);
}

#[test]
fn fine_by_absolute_path() {
    let workplace = Workplace::new();
    assert_transcript!(workplace, ["verify", workplace.path("model").to_str().unwrap()]);
}

#[test]
fn fine_and_quiet() {
    assert_transcript!(Workplace::new(), ["verify", "--quiet", "model"]);
}

#[test]
fn fine_by_another_release() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "5.23.0", "4.57.1");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn another_release_is_asked_for() {
    assert_transcript!(Workplace::new(), ["verify", "model", "--release", "4.57.6"]);
}

#[test]
fn unknown_file() {
    let workplace = Workplace::new();
    fs::write(workplace.path("model/notes.txt"), "mine").unwrap();
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn missing_directory() {
    assert_transcript!(Workplace::new(), ["verify", "modle"]);
}

#[test]
fn missing_reference() {
    assert_transcript!(Workplace::new(), ["verify", "model", "--reference", "refrence"]);
}

#[test]
fn file_instead_of_directory() {
    assert_transcript!(Workplace::new(), ["verify", "model/config.json"]);
}

#[test]
fn directory_without_config() {
    let workplace = Workplace::new();
    fs::remove_file(workplace.path("model/config.json")).unwrap();
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn directory_without_weights() {
    let workplace = Workplace::new();
    fs::remove_file(workplace.path("model/model.safetensors")).unwrap();
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn directory_without_tokenizer() {
    let workplace = Workplace::new();
    fs::remove_file(workplace.path("model/tokenizer.json")).unwrap();
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn truncated_weights() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| bytes.truncate(100_000));
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn weights_cut_inside_the_header() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| bytes.truncate(100));
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn header_of_100_gb() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| bytes[..8].copy_from_slice(&100_000_000_000_u64.to_le_bytes()));
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn wrong_hidden_size() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"hidden_size\": 32", "\"hidden_size\": 64");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn heads_that_do_not_divide() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 5");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn config_that_is_not_json() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"dtype\": \"float32\",", "\"dtype\": float32,");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn nan_in_a_tensor() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn missing_and_extra_tensor() {
    let workplace = Workplace::new();
    workplace.replace_in_header("\"classifier.weight\"", "\"classifiez.weight\"");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn extra_tensors() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn missing_tensors() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn edited_whitespace() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "  \"hidden_size\": 32", "  \"hidden_size\":  32");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn tokenizer_with_more_ids_than_embeddings() {
    let workplace = Workplace::new();
    workplace.replace("tokenizer.json", ": 499", ": 500");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn label_maps_that_disagree() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"neutral\": 1", "\"neutral\": 2");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn label_ids_with_a_hole() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"2\": \"positive\"", "\"3\": \"positive\"");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn class_without_parameter_table() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "BertForSequenceClassification", "BertForNothing");
    assert_transcript!(workplace, ["verify", "model"]);
}

#[test]
fn reference_identical() {
    assert_transcript!(Workplace::new(), ["verify", "model", "--reference", "reference"]);
}

#[test]
fn reference_with_other_values() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| {
        let end = bytes.len();
        bytes[end - 8..end - 4].copy_from_slice(&0.25_f32.to_le_bytes());
    });
    workplace.replace("config.json", "\"hidden_dropout_prob\": 0.1", "\"hidden_dropout_prob\": 0.2");
    assert_transcript!(workplace, ["verify", "model", "--reference", "reference"]);
}

#[test]
fn reference_with_other_bytes() {
    let workplace = Workplace::new();
    workplace.change("config.json", |bytes| bytes.truncate(bytes.len() - 1));
    assert_transcript!(workplace, ["verify", "model", "--reference", "reference"]);
}

#[test]
fn reference_with_other_files() {
    let workplace = Workplace::new();
    fs::remove_file(workplace.path("model/tokenizer_config.json")).unwrap();
    fs::write(workplace.path("model/train_results.json"), "{}").unwrap();
    assert_transcript!(workplace, ["verify", "model", "--reference", "reference"]);
}

#[test]
fn json_fine() {
    assert_transcript!(Workplace::new(), ["verify", "model", "--format", "json"]);
}

#[test]
fn json_findings() {
    let workplace = Workplace::new();
    workplace.change("model.safetensors", |bytes| bytes.truncate(100));
    workplace.replace("config.json", "\"neutral\": 1", "\"neutral\": 2");
    fs::remove_file(workplace.path("model/tokenizer_config.json")).unwrap();
    assert_transcript!(workplace, ["verify", "model", "--reference", "reference", "--format", "json"]);
}

#[test]
fn unknown_flag() {
    assert_transcript!(Workplace::new(), ["verify", "model", "--referense", "reference"]);
}

/// The engine's commands say what is missing rather than that an argument is unknown.
#[cfg(not(feature = "train"))]
#[test]
fn without_engine() {
    assert_transcript!(Workplace::new(), ["train", "--learning_rate", "1e-5"]);
}

/// `/dev/full` takes nothing: the report must not be lost in silence.
#[cfg(target_os = "linux")]
#[test]
fn full_standard_output() {
    let workplace = Workplace::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = workplace.command(&["verify", "model"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error[io]: could not write: "));
}

#[test]
fn colours_are_there_on_request_only() {
    let workplace = Workplace::new();
    let coloured = workplace.command(&["verify", "model", "--color", "always"]).output().unwrap().stdout;
    assert!(coloured.contains(&0x1b));
    for when in ["auto", "never"] {
        let plain = workplace.command(&["verify", "model", "--color", when]).output().unwrap().stdout;
        assert!(!plain.contains(&0x1b), "--color {when}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let workplace = Workplace::new();
    workplace.replace("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4096");
    let mut child =
        workplace.command(&["verify", "model", "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((child.wait().unwrap().code(), errors.as_str()), (Some(1), ""));
}

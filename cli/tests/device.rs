//! `--device`: a GPU computes what the CPU does, goes on from its own checkpoints, and says where it is not there.
#![cfg(feature = "train")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

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

const TRAIN: [&str; 12] = [
    "train",
    "--model_name_or_path=model",
    "--train_file=train.csv",
    "--validation_file=train.csv",
    "--max_steps=4",
    "--per_device_train_batch_size=2",
    "--learning_rate=1e-3",
    "--logging_steps=1",
    "--save_steps=2",
    "--max_seq_length=32",
    "--seed=1",
    "--quiet",
];

/// A folder with a model and a table.
struct Workplace(TempDir);

impl Workplace {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtrain"));
        command.args(arguments).current_dir(self.0.path()).env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
        command
    }
}

fn workplace() -> Workplace {
    let workplace = Workplace(TempDir::new().unwrap());
    fs::create_dir(workplace.path("model")).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/bert/classifier")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), workplace.path("model").join(entry.file_name())).unwrap();
    }
    fs::write(workplace.path("train.csv"), REVIEWS).unwrap();
    workplace
}

fn output(workplace: &Workplace, arguments: &[&str]) -> Output {
    workplace.command(arguments).output().unwrap()
}

fn run(workplace: &Workplace, arguments: &[&str]) -> String {
    let output = output(workplace, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn train(workplace: &Workplace, device: &str, out: &str, more: &[&str]) {
    let (device, out) = (format!("--device={device}"), format!("--output_dir={out}"));
    let arguments = TRAIN.iter().chain(more).copied().chain([device.as_str(), out.as_str()]);
    run(workplace, &arguments.collect::<Vec<_>>());
}

/// Every loss and norm that a run has logged.
fn logged(workplace: &Workplace, out: &str) -> Vec<f64> {
    let state = fs::read(workplace.path(out).join("trainer_state.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    let entries = state["log_history"].as_array().unwrap();
    let values = entries.iter().flat_map(|entry| ["loss", "grad_norm", "eval_loss", "train_loss"].map(|name| entry[name].as_f64()));
    values.flatten().collect()
}

#[test]
#[ignore = "needs a GPU, or SwiftShader as tests/run finds it"]
fn a_gpu_trains_as_the_cpu_does() {
    let workplace = workplace();
    let cases: [&[&str]; 5] = [
        &["--eval_strategy=steps", "--eval_steps=2", "--weight_decay=0.1"],
        &["--gradient_accumulation_steps=3", "--gradient_checkpointing=true", "--pad_to_max_length=true"],
        &["--optim=adafactor", "--label_smoothing_factor=0.1"],
        &["--optim=sgd", "--optim_args=momentum=0.9", "--neftune_noise_alpha=5"],
        &["--optim=lion_32bit", "--max_grad_norm=0.01", "--dropout_rng=fast"],
    ];
    for (index, more) in cases.iter().enumerate() {
        let [cpu, gpu] = ["cpu", "webgpu"].map(|device| {
            let out = format!("{device}-{index}");
            train(&workplace, device, &out, more);
            out
        });
        let (expected, found) = (logged(&workplace, &cpu), logged(&workplace, &gpu));
        assert!(expected.len() >= 8 && expected.len() == found.len(), "{more:?}: {expected:?}, {found:?}");
        for (expected, found) in expected.iter().zip(&found) {
            assert!((expected - found).abs() <= 1e-4 * expected.abs().max(1.0), "{more:?}: {expected}, not {found}");
        }
        for file in ["config.json", "tokenizer.json", "checkpoint-4/scheduler.pt", "checkpoint-4/rng_state.pth"] {
            let [cpu, gpu] = [&cpu, &gpu].map(|out| fs::read(workplace.path(out).join(file)).unwrap());
            assert!(cpu == gpu, "{more:?}: {file}");
        }
        run(&workplace, &["verify", &gpu]);
    }
}

#[test]
#[ignore = "needs a GPU, or SwiftShader as tests/run finds it"]
fn a_gpu_goes_on_from_its_checkpoint_to_the_same_weights() {
    let workplace = workplace();
    for (optimizer, out) in [("--optim=adamw_torch", "adamw"), ("--optim=adagrad", "adagrad")] {
        train(&workplace, "webgpu", out, &[optimizer]);
        let resumed = format!("{out}-resumed");
        let resume = format!("--resume_from_checkpoint={out}/checkpoint-2");
        train(&workplace, "webgpu", &resumed, &[optimizer, &resume]);
        for file in ["model.safetensors", "checkpoint-4/optimizer.pt"] {
            let [whole, resumed] = [out, &resumed].map(|out| fs::read(workplace.path(out).join(file)).unwrap());
            assert!(whole == resumed, "{optimizer}: {file}");
        }
    }
}

#[test]
#[ignore = "needs a GPU, or SwiftShader as tests/run finds it"]
fn a_gpu_predicts_and_evaluates_as_the_cpu_does() {
    let workplace = workplace();
    let text = |device: &str| run(&workplace, &["predict", "model", "--text=a gripping film", "--quiet", "--device", device]);
    assert_eq!(text("cpu"), text("webgpu"));
    let loss = |device: &str| {
        let table = ["evaluate", "model", "--validation_file=train.csv", "--quiet", "--format=json", "--device", device];
        serde_json::from_str::<Value>(&run(&workplace, &table)).unwrap()["loss"].as_f64().unwrap()
    };
    assert!((loss("cpu") - loss("webgpu")).abs() < 1e-5);
}

#[test]
fn a_gpu_that_is_not_there_is_missed() {
    let workplace = workplace();
    let train = [&TRAIN[..], &["--output_dir=out"]].concat();
    for arguments in [&train[..], &["predict", "model", "--text=a"], &["evaluate", "model", "--validation_file=train.csv"]] {
        let arguments = [arguments, &["--device=vulkan"]].concat();
        let output = workplace.command(&arguments).env("VK_DRIVER_FILES", "/none").env("VK_ICD_FILENAMES", "/none").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("no-device") && told.contains("--device cpu"), "{told}");
    }
}

#[test]
fn what_does_not_fit_a_gpu_is_refused() {
    let workplace = workplace();
    let output = output(&workplace, &[&TRAIN[..], &["--output_dir=out", "--bf16=true", "--device=webgpu"]].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("argument-conflict") && told.contains("bf16"), "{told}");
}

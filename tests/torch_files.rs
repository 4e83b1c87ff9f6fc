//! Files that rtrain wrote, in the hands of real torch.
//!
//! This needs the reference environment, which `tests/run` sets up; `RTRAIN_PYTHON` is its interpreter.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rtrain::format::safetensors::{Dtype, from_f32};
use rtrain::format::torch::optimizer_state::{Algorithm, GroupSettings, OptimizerState, Remembered, TrainedParameter};
use rtrain::format::torch::rng_state::{
    CpuGenerator, DeviceGenerator, DeviceGenerators, Numpy, NumpyGenerator, PythonGenerator, RngState, Twister,
};
use rtrain::format::torch::scaler_state::{ScalerState, Scaling};
use rtrain::format::torch::scheduler_state::{LambdaLr, Number, Schedule, SchedulerState};
use rtrain::format::torch::state_dict::{Mapping, TorchStateDict};
use rtrain::format::torch::tensor::{Entry, Tensor};
use rtrain::format::torch::training_args::{Surroundings, TrainingArguments};

fn optimizer() -> Vec<u8> {
    let values: Vec<f32> = (0..6).map(|index| index as f32 / 7.0).collect();
    let parameter = |shape: &[u64], length: usize| {
        let moments = [(); 2].map(|()| from_f32(&values[..length])).into();
        TrainedParameter {
            shape: shape.into(),
            weight_decay: true,
            remembered: Some(Remembered { step: 3, moments, root_mean_square: 0.0 }),
        }
    };
    let settings = GroupSettings { weight_decay: 0.01, lr: 1e-5, initial_lr: Some(3e-5) };
    let mut state = OptimizerState::new(&Algorithm::default(), &settings, [parameter(&[2, 3], 6), parameter(&[3], 3)]);
    state.groups.truncate(1);
    state.to_bytes()
}

fn scheduler() -> Vec<u8> {
    let schedule = LambdaLr {
        base_lrs: vec![Number::Float(3e-5)],
        last_epoch: 3,
        step_count: 4,
        is_initial: false,
        get_lr_called_within_step: false,
        last_lr: vec![Number::Float(1e-5)],
        lr_lambdas: vec![Some(Vec::new())],
    };
    SchedulerState { stem: "scheduler".to_owned(), schedule: Schedule::Lambda(schedule) }.to_bytes()
}

fn random() -> Vec<u8> {
    let twister = Twister { words: std::array::from_fn(|index| (index as u32).wrapping_mul(2_654_435_761)), position: 7 };
    let next_normal = Some(0.25);
    let device = DeviceGenerator { seed: 42, offset: 8 };
    let state = RngState {
        stem: "rng_state".to_owned(),
        python: PythonGenerator { twister: twister.clone(), gauss_next: None },
        numpy: NumpyGenerator { generation: Numpy::Two, twister: twister.clone(), has_gauss: false, cached_gaussian: 0.0 },
        cpu: CpuGenerator { seed: 42, left: 617, seeded: true, twister, next_normal, next_float_normal: None },
        devices: vec![("cuda".to_owned(), DeviceGenerators::All(vec![device, device]))],
    };
    state.to_bytes()
}

fn model() -> Vec<u8> {
    let a = Tensor::contiguous(Dtype::F32, vec![2, 3], (0..24).collect::<Vec<u8>>());
    let transposed = Tensor { shape: vec![3, 2], stride: vec![1, 3], ..a.clone() };
    let tied = a.clone();
    let entries = [("a", a), ("transposed", transposed), ("tied", tied)];
    let entries = entries.map(|(name, tensor)| (name.to_owned(), Entry::Tensor(Arc::new(tensor)))).into();
    TorchStateDict { stem: "pytorch_model".to_owned(), entries, mapping: Mapping::Dict }.to_bytes()
}

fn arguments() -> Vec<u8> {
    let surroundings = Surroundings { gpus: 0, logging_folder: String::new(), reports: Vec::new() };
    let given = [("output_dir", "out".into()), ("learning_rate", 3e-5.into()), ("eval_strategy", "epoch".into())];
    TrainingArguments::new("5.23.0", given, &surroundings).unwrap().to_bytes()
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn torch_loads_what_is_written_and_saves_the_same_bytes() {
    let python = std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run, which makes the reference environment");
    let folder = std::env::temp_dir().join(format!("rtrain-torch-files-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let scaling = Scaling { scale: 65536.0, growth_factor: 2.0, backoff_factor: 0.5, growth_interval: 2000, growth_tracker: 1 };
    let files = [
        ("optimizer.pt", optimizer()),
        ("scheduler.pt", scheduler()),
        ("scaler.pt", ScalerState { stem: "scaler".to_owned(), scaling: Some(scaling) }.to_bytes()),
        ("rng_state.pth", random()),
        ("pytorch_model.bin", model()),
        ("training_args.bin", arguments()),
    ];
    for (name, bytes) in &files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/torch_files.py");
    let output = Command::new(python).arg(script).arg(&folder).env("HF_HUB_OFFLINE", "1").output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("{} files", files.len()));
}

//! `rng_state.pth`: where the random number generators of a run stand.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_save_rng_state`); torch 2.15.0, `ATen/CPUGeneratorImpl.cpp` (`CPUGeneratorImplState`),
//! `ATen/cuda/CUDAGeneratorImpl.cpp` (`get_state`); CPython 3.11, `random.py` (`getstate`); numpy 2.4, `numpy/random/_mt19937.pyx`.

mod host;
mod seeding;
mod torch;

use std::sync::Arc;

use crate::diagnostic::Result;
use crate::format::safetensors::Dtype;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::Value;
use crate::format::torch::tensor::{Tensor, TensorWriter};
use torch::bytes_of;

pub use host::{Numpy, NumpyGenerator, PythonGenerator, Twister, WORDS};
pub use torch::{CpuGenerator, DeviceGenerator, DeviceGenerators};

/// The generators of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RngState {
    /// Name of the file without its extension: `rng_state`, or `rng_state_` and the rank of the process.
    pub stem: String,
    /// Python's `random`.
    pub python: PythonGenerator,
    /// numpy's legacy generator.
    pub numpy: NumpyGenerator,
    /// torch's generator on the CPU.
    pub cpu: CpuGenerator,
    /// torch's generators on devices, by the name of their kind.
    pub devices: Vec<(String, DeviceGenerators)>,
}

const DEVICES: [&str; 5] = ["cuda", "npu", "hpu", "mlu", "musa"];

impl RngState {
    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic for whatever the generators do not write.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let mut file = TorchFile::parse(path, bytes, TorchKind::Rng)?;
        let value = file.value.clone();
        let fields = file.fields("", &value)?;
        let [("python", python), ("numpy", numpy), ("cpu", cpu), devices @ ..] = fields.as_slice() else {
            return Err(file.unexpected("", "a dict with python, numpy and cpu", &value));
        };
        let unexpected =
            |file: &TorchFile<'_>, name: &str, value| file.unexpected(&format!("/{name}"), &format!("the state of {name}"), value);
        let python = PythonGenerator::read(python).ok_or_else(|| unexpected(&file, "python", python))?;
        let numpy = NumpyGenerator::read(numpy).ok_or_else(|| unexpected(&file, "numpy", numpy))?;
        let state = bytes_of(&mut file, "/cpu", cpu)?;
        let cpu = CpuGenerator::read(&state).ok_or_else(|| unexpected(&file, "cpu", cpu))?;
        let devices = devices.iter().map(|(name, value)| {
            let known = DEVICES.contains(name).then_some(()).ok_or_else(|| unexpected(&file, name, value));
            known.and_then(|()| Ok(((*name).to_owned(), DeviceGenerators::read(&mut file, name, value)?)))
        });
        let devices = devices.collect::<Result<_>>()?;
        Ok(RngState { stem: file.stem, python, numpy, cpu, devices })
    }

    /// The whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tensor = |bytes: Vec<u8>| Arc::new(Tensor::contiguous(Dtype::U8, vec![u64::try_from(bytes.len()).unwrap_or(u64::MAX)], bytes));
        let cpu = tensor(self.cpu.to_bytes());
        let tensors = |generators: &DeviceGenerators| -> Vec<Arc<Tensor<'static>>> {
            generators.as_slice().iter().map(|generator| tensor(generator.to_bytes())).collect()
        };
        let devices: Vec<_> = self.devices.iter().map(|(name, generators)| (name, generators, tensors(generators))).collect();
        let mut writer = TensorWriter::default();
        let mut entries = vec![("python", self.python.value()), ("numpy", self.numpy.value()), ("cpu", writer.value(&cpu))];
        for (name, generators, tensors) in &devices {
            let mut values = tensors.iter().map(|tensor| writer.value(tensor));
            let value = match generators {
                DeviceGenerators::Current(_) => values.next().unwrap_or(Value::None),
                DeviceGenerators::All(_) => Value::list(values),
            };
            entries.push((name.as_str(), value));
        }
        writer.archive(&self.stem, &Value::dict(entries)).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::golden;
    use proptest::prelude::*;

    #[test]
    fn files_of_torch_survive() {
        let files = golden::files(|path| path.ends_with(".pth"));
        assert_eq!(files.len(), 4);
        for (path, bytes) in files {
            let state = RngState::parse(&path, &bytes).unwrap();
            assert!(state.to_bytes() == bytes, "{path}");
            let seed = if path.contains("random") { 7 } else { 42 };
            assert_eq!((state.cpu.seed, state.cpu.seeded), (seed, true), "{path}");
        }
    }

    #[test]
    fn samples_that_are_kept_and_devices_are_told() {
        let bytes = &golden::files(|path| path == "5.23.0/random/rng_state_1.pth")[0].1;
        let state = RngState::parse("rng_state_1.pth", bytes).unwrap();
        assert!(state.python.gauss_next.is_some() && state.numpy.has_gauss && state.cpu.next_normal.is_some());
        let device = |seed, offset| DeviceGenerator { seed, offset };
        let (first, second) = (device(0x0807_0605_0403_0201, 0x100f_0e0d_0c0b_0a09), device(0x0908_0706_0504_0302, 0x1110_0f0e_0d0c_0b0a));
        assert_eq!(state.devices, [("cuda".to_owned(), DeviceGenerators::All(vec![first, second]))]);
    }

    fn twister() -> impl Strategy<Value = Twister> {
        (any::<u32>(), 0_u32..625).prop_map(|(start, position)| {
            let mut word = start;
            let words = std::array::from_fn(|_| {
                word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                word
            });
            Twister { words, position }
        })
    }

    fn device() -> impl Strategy<Value = DeviceGenerator> {
        any::<(u64, u64)>().prop_map(|(seed, offset)| DeviceGenerator { seed, offset })
    }

    fn devices() -> impl Strategy<Value = DeviceGenerators> {
        prop_oneof![device().prop_map(DeviceGenerators::Current), prop::collection::vec(device(), 0..3).prop_map(DeviceGenerators::All)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn states_survive(
            twister in twister(),
            normal in prop::option::of(-9.0..9.0),
            (seed, left, has_gauss, two) in any::<(u64, u32, bool, bool)>(),
            devices in prop::option::of(devices()),
        ) {
            let generation = if two { Numpy::Two } else { Numpy::One };
            let next_float_normal = normal.map(|sample: f64| sample as f32);
            let state = RngState {
                stem: "rng_state".to_owned(),
                python: PythonGenerator { twister: twister.clone(), gauss_next: normal },
                numpy: NumpyGenerator { generation, twister: twister.clone(), has_gauss, cached_gaussian: normal.unwrap_or(0.0) },
                cpu: CpuGenerator { seed, left, seeded: has_gauss, twister, next_normal: normal, next_float_normal },
                devices: devices.map(|states| ("cuda".to_owned(), states)).into_iter().collect(),
            };
            let bytes = state.to_bytes();
            let read = RngState::parse("f", &bytes).unwrap();
            prop_assert_eq!(&read, &state);
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

//! `rng_state.pth`: where the random number generators of a run stand.
//!
//! # Source
//! transformers 5.23.0, `trainer.py` (`_save_rng_state`); torch 2.15.0, `ATen/CPUGeneratorImpl.cpp` (`CPUGeneratorImplState`),
//! `ATen/cuda/CUDAGeneratorImpl.cpp` (`get_state`); CPython 3.11, `random.py` (`getstate`); numpy 2.4, `numpy/random/_mt19937.pyx`.

use std::sync::Arc;

use super::pickle::{Construction, Object, Value};
use super::safetensors::Dtype;
use super::torch_file::TorchFile;
use super::torch_kind::TorchKind;
use super::torch_tensor::{Tensor, TensorWriter};
use crate::diagnostic::Result;

/// Words of a Mersenne Twister.
pub const WORDS: usize = 624;

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

/// A Mersenne Twister.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twister {
    /// The words.
    pub words: [u32; WORDS],
    /// How many of them have been drawn.
    pub position: u32,
}

/// Python's `random`.
#[derive(Debug, Clone, PartialEq)]
pub struct PythonGenerator {
    /// The generator.
    pub twister: Twister,
    /// The normal sample that `gauss` keeps for the next call.
    pub gauss_next: Option<f64>,
}

/// numpy's legacy generator.
#[derive(Debug, Clone, PartialEq)]
pub struct NumpyGenerator {
    /// Which numpy wrote it.
    pub generation: Numpy,
    /// The generator.
    pub twister: Twister,
    /// Whether a normal sample is kept for the next call.
    pub has_gauss: bool,
    /// That sample, or 0.
    pub cached_gaussian: f64,
}

/// Generations of numpy, whose arrays are pickled by different names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numpy {
    /// numpy 1: `numpy.core`.
    One,
    /// numpy 2: `numpy._core`.
    Two,
}

/// torch's generator on the CPU.
#[derive(Debug, Clone, PartialEq)]
pub struct CpuGenerator {
    /// The seed it was started with.
    pub seed: u64,
    /// Words left before the next twist, plus 1 for a generator just seeded.
    pub left: u32,
    /// Whether it was seeded.
    pub seeded: bool,
    /// The generator.
    pub twister: Twister,
    /// The normal sample that is kept for the next call.
    pub next_normal: Option<f64>,
    /// The same for samples in single precision.
    pub next_float_normal: Option<f32>,
}

/// torch's generators on the devices of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceGenerators {
    /// That of the current device: a run in one process.
    Current(DeviceGenerator),
    /// Those of all devices: a run in several processes.
    All(Vec<DeviceGenerator>),
}

/// torch's generator on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceGenerator {
    /// The seed it was started with.
    pub seed: u64,
    /// Numbers drawn.
    pub offset: u64,
}

const RECONSTRUCT_1: (&str, &str) = ("numpy.core.multiarray", "_reconstruct");
const RECONSTRUCT_2: (&str, &str) = ("numpy._core.multiarray", "_reconstruct");
const DTYPE: (&str, &str) = ("numpy", "dtype");
const ALGORITHM: &str = "MT19937";
/// The version of the state of Python's `random`.
const PYTHON_VERSION: u64 = 3;
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

impl PythonGenerator {
    fn read(value: &Value) -> Option<Self> {
        let [version, words, gauss_next] = value.as_tuple()? else { return None };
        let (position, words) = words.as_tuple()?.split_last()?;
        let words: Vec<u32> = words.iter().map(Value::as_integer).collect::<Option<_>>()?;
        let twister = Twister { words: words.try_into().ok()?, position: position.as_integer()? };
        let gauss_next = match gauss_next {
            Value::None => None,
            number => Some(number.as_float()?),
        };
        (version.as_integer() == Some(PYTHON_VERSION)).then_some(PythonGenerator { twister, gauss_next })
    }

    fn value(&self) -> Value {
        let words = self.twister.words.into_iter().chain([self.twister.position]).map(|word| u64::from(word).into());
        Value::tuple([PYTHON_VERSION.into(), Value::tuple(words), self.gauss_next.into()])
    }
}

impl NumpyGenerator {
    fn read(value: &Value) -> Option<Self> {
        let [algorithm, array, position, has_gauss, cached_gaussian] = value.as_tuple()? else { return None };
        let generation = match array.as_object()?.class {
            RECONSTRUCT_1 => Numpy::One,
            RECONSTRUCT_2 => Numpy::Two,
            _ => return None,
        };
        let [_, _, _, _, bytes] = array.as_object()?.state.as_ref()?.as_tuple()? else { return None };
        let bytes = bytes.as_bytes()?;
        let (chunks, []) = bytes.as_chunks::<4>() else { return None };
        let words: Vec<u32> = chunks.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let twister = Twister { words: words.try_into().ok()?, position: position.as_integer()? };
        let has_gauss = match has_gauss.as_integer::<u8>()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let generator = NumpyGenerator { generation, twister, has_gauss, cached_gaussian: cached_gaussian.as_float()? };
        (algorithm.as_str() == Some(ALGORITHM) && *array == generator.array()).then_some(generator)
    }

    fn value(&self) -> Value {
        let (position, has_gauss) = (u64::from(self.twister.position), u64::from(self.has_gauss));
        Value::tuple([ALGORITHM.into(), self.array(), position.into(), has_gauss.into(), self.cached_gaussian.into()])
    }

    /// An array of the words.
    fn array(&self) -> Value {
        let class = match self.generation {
            Numpy::One => RECONSTRUCT_1,
            Numpy::Two => RECONSTRUCT_2,
        };
        let byte_order = ["<".into(), Value::None, Value::None, Value::None, (-1_i64).into(), (-1_i64).into(), 0_u64.into()];
        let dtype = Object::new(Construction::Call, DTYPE, ["u4".into(), false.into(), true.into()]);
        let dtype = Object { state: Some(Value::tuple([3_u64.into()].into_iter().chain(byte_order))), ..dtype };
        let bytes: Vec<u8> = self.twister.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let shape = Value::tuple([u64::try_from(WORDS).unwrap_or(u64::MAX).into()]);
        let state = [1_u64.into(), shape, Value::Object(Arc::new(dtype)), false.into(), Value::bytes(&bytes)];
        let empty = [Value::Global("numpy", "ndarray"), Value::tuple([0_u64.into()]), Value::bytes(b"b")];
        Value::Object(Arc::new(Object { state: Some(Value::tuple(state)), ..Object::new(Construction::Call, class, empty) }))
    }
}

impl CpuGenerator {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<24>()?;
        let (words, tail) = rest.split_at_checked(WORDS.checked_mul(8)?)?;
        let words: Vec<u32> =
            words.as_chunks::<8>().0.iter().map(|word| u32::try_from(u64::from_le_bytes(*word)).ok()).collect::<Option<_>>()?;
        let int = |at: usize| head.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
        let next = u64::from_le_bytes(*head.last_chunk()?);
        let twister = Twister { words: words.try_into().ok()?, position: u32::try_from(next).ok()? };
        let normal = f64::from_le_bytes(*tail.get(8..)?.first_chunk()?);
        let float_normal = f32::from_le_bytes(*tail.get(32..)?.first_chunk()?);
        let generator = CpuGenerator {
            seed: u64::from_le_bytes(*head.first_chunk()?),
            left: int(8)?,
            seeded: int(12)? == 1,
            twister,
            next_normal: (*tail.get(24)? == 1).then_some(normal),
            next_float_normal: (*tail.get(36)? == 1).then_some(float_normal),
        };
        (generator.to_bytes() == bytes).then_some(generator)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.seed.to_le_bytes().to_vec();
        bytes.extend(self.left.to_le_bytes());
        bytes.extend(u32::from(self.seeded).to_le_bytes());
        bytes.extend(u64::from(self.twister.position).to_le_bytes());
        bytes.extend(self.twister.words.iter().flat_map(|word| u64::from(*word).to_le_bytes()));
        bytes.extend([0; 8]);
        bytes.extend(self.next_normal.unwrap_or(0.0).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(u64::from(self.next_normal.is_some()).to_le_bytes());
        bytes.extend(self.next_float_normal.unwrap_or(0.0).to_le_bytes());
        bytes.extend(u32::from(self.next_float_normal.is_some()).to_le_bytes());
        bytes
    }
}

impl DeviceGenerators {
    fn read(file: &mut TorchFile<'_>, name: &str, value: &Value) -> Result<Self> {
        let pointer = format!("/{name}");
        let Some(items) = value.as_list() else {
            return Ok(DeviceGenerators::Current(DeviceGenerator::read(file, &pointer, value)?));
        };
        let items = items.iter().enumerate().map(|(index, item)| DeviceGenerator::read(file, &format!("{pointer}/{index}"), item));
        Ok(DeviceGenerators::All(items.collect::<Result<_>>()?))
    }

    fn as_slice(&self) -> &[DeviceGenerator] {
        match self {
            DeviceGenerators::Current(generator) => std::slice::from_ref(generator),
            DeviceGenerators::All(generators) => generators,
        }
    }
}

impl DeviceGenerator {
    fn read(file: &mut TorchFile<'_>, pointer: &str, value: &Value) -> Result<Self> {
        let bytes = bytes_of(file, pointer, value)?;
        match bytes.as_chunks::<8>() {
            ([seed, offset], []) => Ok(DeviceGenerator { seed: u64::from_le_bytes(*seed), offset: u64::from_le_bytes(*offset) }),
            _ => Err(file.unexpected(pointer, "a state of 16 bytes", value)),
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.seed.to_le_bytes(), self.offset.to_le_bytes()].concat()
    }
}

/// The bytes of a tensor of bytes that has its storage for itself.
fn bytes_of(file: &mut TorchFile<'_>, pointer: &str, value: &Value) -> Result<Vec<u8>> {
    let tensor = file.tensor(pointer, value)?.ok_or_else(|| file.unexpected(pointer, "a tensor", value))?;
    match tensor.storage.data.held() {
        Some(bytes) if *tensor == Tensor::contiguous(Dtype::U8, vec![tensor.storage.data.length()], bytes) => Ok(bytes.to_vec()),
        _ => Err(file.unexpected(pointer, "a tensor of bytes on the CPU with a storage of its own", value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch_golden;
    use proptest::prelude::*;

    #[test]
    fn files_of_torch_survive() {
        let files = torch_golden::files(|path| path.ends_with(".pth"));
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
        let bytes = &torch_golden::files(|path| path == "5.23.0/random/rng_state_1.pth")[0].1;
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

//! The generators of torch.

use super::host::{Twister, WORDS};
use crate::diagnostic::Result;
use crate::format::safetensors::Dtype;
use crate::format::torch::file::TorchFile;
use crate::format::torch::pickle::Value;
use crate::format::torch::tensor::Tensor;

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

impl CpuGenerator {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
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

    pub(super) fn to_bytes(&self) -> Vec<u8> {
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
    pub(super) fn read(file: &mut TorchFile<'_>, name: &str, value: &Value) -> Result<Self> {
        let pointer = format!("/{name}");
        let Some(items) = value.as_list() else {
            return Ok(DeviceGenerators::Current(DeviceGenerator::read(file, &pointer, value)?));
        };
        let items = items.iter().enumerate().map(|(index, item)| DeviceGenerator::read(file, &format!("{pointer}/{index}"), item));
        Ok(DeviceGenerators::All(items.collect::<Result<_>>()?))
    }

    pub(super) fn as_slice(&self) -> &[DeviceGenerator] {
        match self {
            DeviceGenerators::Current(generator) => std::slice::from_ref(generator),
            DeviceGenerators::All(generators) => generators,
        }
    }
}

impl DeviceGenerator {
    pub(super) fn read(file: &mut TorchFile<'_>, pointer: &str, value: &Value) -> Result<Self> {
        let bytes = bytes_of(file, pointer, value)?;
        match bytes.as_chunks::<8>() {
            ([seed, offset], []) => Ok(DeviceGenerator { seed: u64::from_le_bytes(*seed), offset: u64::from_le_bytes(*offset) }),
            _ => Err(file.unexpected(pointer, "a state of 16 bytes", value)),
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.seed.to_le_bytes(), self.offset.to_le_bytes()].concat()
    }
}

/// The bytes of a tensor of bytes that has its storage for itself.
pub(super) fn bytes_of(file: &mut TorchFile<'_>, pointer: &str, value: &Value) -> Result<Vec<u8>> {
    let tensor = file.tensor(pointer, value)?.ok_or_else(|| file.unexpected(pointer, "a tensor", value))?;
    match tensor.storage.data.held() {
        Some(bytes) if *tensor == Tensor::contiguous(Dtype::U8, vec![tensor.storage.data.length()], bytes) => Ok(bytes.to_vec()),
        _ => Err(file.unexpected(pointer, "a tensor of bytes on the CPU with a storage of its own", value)),
    }
}

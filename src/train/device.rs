//! Which device computes.

use std::rc::Rc;

use super::arguments::Device;
use super::engine::Engine;
use crate::architecture::{BertConfig, ParameterTable};
use crate::diagnostic::Result;
use crate::gpu::{Api, Gpu};

/// Opens the GPU that is asked for; nothing for the CPU.
///
/// `auto` takes a GPU in a browser only, never a processor that plays a GPU, and not where bfloat16 is asked for, which a GPU does not have
/// here.
///
/// # Errors
/// `no-device` where there is no such GPU.
pub async fn open(device: Device, bf16: bool) -> Result<Option<Rc<Gpu>>> {
    let api = match device {
        Device::Cpu => return Ok(None),
        Device::Auto if cfg!(target_family = "wasm") && !bf16 => {
            let gpu = Gpu::open(Api::WebGpu).await.ok();
            return Ok(gpu.filter(|gpu| !gpu.description().is_software).map(Rc::new));
        }
        Device::Auto => return Ok(None),
        Device::Webgpu => Api::WebGpu,
        Device::Vulkan => Api::Vulkan,
    };
    Ok(Some(Rc::new(Gpu::open(api).await?)))
}

/// What people are told of the device.
pub fn name(gpu: Option<&Gpu>) -> String {
    let Some(gpu) = gpu else { return "CPU".to_owned() };
    let description = gpu.description();
    let kind = if description.is_software { ", in software" } else { "" };
    format!("{} ({}{kind})", description.name, description.backend)
}

/// An engine on the device, or, where there is none, on the CPU.
///
/// # Errors
/// Those of [`Engine::on`].
///
/// # Panics
/// Where the weights do not fit the table.
pub async fn engine(gpu: Option<Rc<Gpu>>, config: BertConfig, table: ParameterTable, weights: Vec<Vec<f32>>) -> Result<Engine> {
    match gpu {
        Some(gpu) => Engine::on(gpu, config, table, weights).await,
        None => Ok(Engine::new(config, table, weights)),
    }
}

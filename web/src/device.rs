//! What a model is computed on.

use rtrain::diagnostic::Result;
use rtrain::gpu::{Api, Gpu};
use rtrain::train::device;
use rtrain::train::engine::Engine;
use rtrain::train::preparation::LoadedModel;
use serde_json::{Value, json};
use std::rc::Rc;

/// The GPU of the page, or nothing where the processor computes.
pub type Device = Option<Rc<Gpu>>;

/// Opens a device: `cpu`; `webgpu`; or `auto`, a GPU if there is one that is not the processor itself.
///
/// # Errors
/// `no-device` where a GPU is asked for and there is none.
pub async fn open(choice: &str) -> Result<Device> {
    match choice {
        "webgpu" => Ok(Some(Rc::new(Gpu::open(Api::WebGpu).await?))),
        "auto" => Ok(Gpu::open(Api::WebGpu).await.ok().filter(|gpu| !gpu.description().is_software).map(Rc::new)),
        _ => Ok(None),
    }
}

/// What the page shows of a device.
pub fn describe(device: &Device) -> Value {
    match device {
        Some(gpu) => json!({"kind": "webgpu", "name": gpu.description().name, "isSoftware": gpu.description().is_software}),
        None => json!({"kind": "cpu", "name": "WebAssembly with SIMD, one thread", "isSoftware": false}),
    }
}

/// The engine of a model, with its weights.
///
/// # Errors
/// The device is too small for the model, or was lost.
pub async fn engine(device: Device, model: &LoadedModel, weights: Vec<Vec<f32>>) -> Result<Engine> {
    device::engine(device, model.bert.clone(), model.table.clone(), weights).await
}

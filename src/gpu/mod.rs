//! Training on a GPU by WebGPU: in a browser, and natively over Vulkan, Metal or Direct3D 12, with the same shaders.
//!
//! A training step is one list of kernel launches that the host writes without waiting: nothing is read back but losses and the gradient's
//! norm, once a step. Weights, gradients and what the optimizer remembers stay on the device; batches are packed, as on the CPU, and no
//! kernel needs atomics, so every result is the same in every run on the same device.
//!
//! # Numerics
//! All is `f32`. Sums over rows, keys and tokens go in an order that the shapes alone decide; `exp`, `log` and `tanh` are the device's.

mod activations;
mod attention;
mod backward;
mod device;
mod forward;
mod inputs;
mod kernel;
mod matmul;
mod memory;
mod model;
mod optimizer;
mod parameters;
mod stream;
#[cfg(test)]
mod tests;

pub use device::{Api, Description, Gpu, Style};
pub use inputs::{Mask, Masks, Packed, Targets};
pub use model::{Model, Pass, Sizes};
pub use optimizer::AdamW;

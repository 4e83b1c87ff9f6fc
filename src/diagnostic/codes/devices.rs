//! Codes of devices that compute.

use super::{Code, error};

pub(super) const CODES: &[Code] = &[
    error(
        "no-device",
        "there is no GPU that can be used",
        "The device that was asked for was not found, or did not open.",
        "No driver for Vulkan, Metal or Direct3D 12 is installed, or the browser has no WebGPU, or has it switched off.",
        "Train on the CPU (device cpu), install a driver, or use a browser with WebGPU.",
    ),
    error(
        "device-limit",
        "a tensor is too large for the device",
        "A kernel sees no more of a tensor than the device's largest binding.",
        "A model with a large vocabulary on a device with small limits.",
        "Train on the CPU, or on a device with a larger limit.",
    ),
    error(
        "device-refused",
        "the device refused its work",
        "It ran out of memory, or did not take a command; what it computed since cannot be trusted.",
        "Batches that are too large for the memory of the GPU.",
        "Use smaller batches, gradient_checkpointing, or the CPU.",
    ),
    error(
        "device-lost",
        "the GPU was lost",
        "What was on it is gone; what was saved before is not.",
        "The driver crashed or was updated, another program took the GPU down, or the computer went to sleep.",
        "Go on from the last checkpoint: resume_from_checkpoint.",
    ),
    error(
        "device-wrong",
        "the device computes wrong results",
        "A self-check found gradients that differ from those of the CPU by more than rounding.",
        "A fault of the driver or of the GPU.",
        "Update the driver, or train on the CPU; please report it.",
    ),
];

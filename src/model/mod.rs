//! The networks: parameters as tensors, the forward pass of every architecture, and the losses.
//!
//! Everything here is written against burn's device-independent tensors and runs alike on every device; nothing starts threads, reads a
//! clock or opens a file. Batches are packed: the token-wise layers see N rows instead of B·T, so padding costs nothing but in attention.

pub mod bert;
mod dropout;
pub mod loss;
pub mod neftune;
mod parameters;

pub use dropout::Dropout;
pub use parameters::Parameters;

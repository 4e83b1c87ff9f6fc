//! The training run: arguments, preparation, engine, optimizer, schedule, loop, metrics.

pub mod arguments;
pub mod checkpoint;
pub mod engine;
pub mod evaluation;
pub mod gradient;
pub mod metrics;
pub mod optimizer;
pub mod preparation;
pub mod sampler;
pub mod schedule;
mod trainer;

pub use trainer::{Host, Progress, Trainer};

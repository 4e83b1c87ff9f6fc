//! The training run: arguments, preparation, engine, optimizer, schedule, loop, metrics.

pub mod arguments;
pub mod best;
pub mod callback;
pub mod checkpoint;
pub mod device;
pub mod early_stopping;
pub mod engine;
pub mod evaluation;
pub mod gradient;
pub mod metrics;
pub mod optimizer;
pub mod preparation;
pub mod resumption;
pub mod run_directory;
pub mod sampler;
pub mod schedule;
pub mod self_check;
pub mod tables;
pub mod tally;
mod trainer;

pub use trainer::{EvalSet, Host, Outcome, Progress, Run, Trainer};

//! The training run: arguments, engine, optimizer, schedule, loop, metrics.

pub mod arguments;
mod engine;
pub mod metrics;
mod optimizer;
mod schedule;

pub use engine::{Engine, StepOutcome, StepSettings};
pub use schedule::{Schedule, ScheduleKind};

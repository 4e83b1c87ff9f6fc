//! One module a command: what it was asked for, what it does, and its exit code.

pub mod convert;
#[cfg(feature = "train")]
pub mod evaluate;
pub mod explain;
pub mod inspect;
#[cfg(feature = "train")]
pub mod model;
#[cfg(feature = "train")]
pub mod predict;
#[cfg(feature = "train")]
pub mod train;
pub mod verify;

//! rtrain in a browser tab: one [session](session::Session) in a worker trains a model on what a page hands over. Nothing leaves the tab.
//!
//! What goes in and out is text of JSON, and bytes. Errors are thrown as text of JSON too: `{code, severity, message, file, place, expected,
//! found, hint}`. The TypeScript in `ts/` makes of it what a page sees.

pub mod arguments;
pub mod classifier;
pub mod device;
pub mod diagnostic;
pub mod durable;
pub mod failure;
pub mod inference;
pub mod model;
pub mod page;
pub mod requests;
pub mod session;
pub mod surroundings;
pub mod table;
pub mod training;
#[cfg(target_family = "wasm")]
mod worker;

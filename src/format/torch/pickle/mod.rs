//! Pickles of protocol 2 as data: a reader that executes nothing, and a writer of CPython's own bytes.
//!
//! A pickle is a program for a stack machine that builds objects. The reader follows the program and keeps classes, calls and states as
//! [`Value`]s; which classes a file may name is a table of the caller, and no class is ever looked up. The writer produces what CPython's
//! pickler produces for the same objects, so that reading and writing gives the same bytes for every file that CPython wrote.
//!
//! # Source
//! CPython 3.11, `Modules/_pickle.c`.

mod freeze;
mod input;
mod limits;
mod opcode;
mod reader;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use input::Source;
pub use limits::Limits;
pub use reader::{Allowed, Pickle, read};
pub use value::{Construction, Object, Text, Value};
pub use writer::write;

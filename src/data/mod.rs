//! From the bytes of a table to batches of token ids.
//!
//! A [`Table`] is read from bytes and a display name (nothing here opens a file), its label column becomes a [`Task`] and [`Labels`] as
//! transformers' `run_classification.py` would make them, its text column becomes [`Example`]s by a [`Tokenizer`], and both together a
//! [`Dataset`] that cuts unpadded [`Batch`]es.

mod batch;
mod csv;
#[cfg(test)]
mod golden;
mod json;
mod label_column;
mod label_inference;
mod labels;

mod position;
#[cfg(test)]
mod round_trip;
mod table;
mod task;
mod tokenization;
mod wording;

pub use batch::{Batch, Dataset};
pub use label_column::{LabelColumn, LabelType, LabelValues};
pub use labels::{LabelSet, Labels};
pub use table::{Cell, Table, TableFormat};
pub use task::Task;
pub use tokenization::{Example, Tokenizer};

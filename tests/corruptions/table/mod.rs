//! The list of corruptions, by the kind of file.

mod containers;
mod files_together;
mod index;
mod json;
mod pickles;
mod run;
mod safetensors;
mod tensors;
mod text;
mod tokenizer;

use crate::directory::Directory;

/// What it takes to find a corruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The directory alone.
    Itself,
    /// The undamaged directory: the damaged one could be what somebody has saved.
    Reference,
    /// A check that is not there yet.
    Pending,
}

/// One way to damage a golden directory, and what `verify` must say of it.
pub struct Corruption {
    pub name: &'static str,
    /// The golden directory.
    pub from: &'static str,
    /// How it is damaged, in words.
    pub what: &'static str,
    pub by: By,
    pub code: &'static str,
    pub file: &'static str,
    /// The place in the file as it is printed.
    pub place: &'static str,
    pub damage: fn(&Directory),
}

/// A corruption that the directory alone gives away.
const fn row(
    name: &'static str,
    from: &'static str,
    what: &'static str,
    [code, file, place]: [&'static str; 3],
    damage: fn(&Directory),
) -> Corruption {
    Corruption { name, from, what, by: By::Itself, code, file, place, damage }
}

impl Corruption {
    const fn by(self, by: By) -> Self {
        Corruption { by, ..self }
    }
}

/// All of them.
pub fn all() -> Vec<&'static Corruption> {
    let rooms = [
        safetensors::ROWS,
        index::ROWS,
        json::ROWS,
        tokenizer::ROWS,
        text::ROWS,
        containers::ROWS,
        pickles::ROWS,
        tensors::ROWS,
        run::ROWS,
        files_together::ROWS,
    ];
    rooms.into_iter().flatten().collect()
}

/// A classifier of two labels.
const MODEL: &str = "5.23.0/two_labels";
/// A classifier of three labels, in four files.
const SHARDS: &str = "5.23.0/shards";
/// A classifier as the older release saves it.
const OLDER: &str = "4.57.6/two_labels";
/// A classifier in one file of torch.
const PICKLED: &str = "4.57.6/bin_one_file";
/// A checkpoint after 3 of 9 steps.
const CHECKPOINT: &str = "5.23.0/run_epochs/checkpoint-3";
/// The same run after all steps.
const LATER: &str = "5.23.0/run_epochs/checkpoint-9";

//! `training_args.bin`: the arguments of a run, as `torch.save` pickles a `TrainingArguments`.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `training_args.py`, `trainer.py` (`_save`); accelerate 1.15.0, `state.py`.

mod release_4_57_6;
mod release_5_23_0;
mod resolve;
mod setting;
pub mod table;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::diagnostic::Result;
use crate::format::torch::archive::Archive;
use crate::format::torch::file::TorchFile;
use crate::format::torch::kind::TorchKind;
use crate::format::torch::pickle::write;

pub use resolve::Surroundings;
pub use setting::{Device, Setting, Settings};
pub use table::Class;

/// The arguments of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingArguments {
    /// Name of the file without its extension: `training_args`.
    pub stem: String,
    /// The release whose arguments these are, one of [`RELEASES`].
    pub release: &'static str,
    /// Every argument of that release, and what it computes from them, in its order.
    pub settings: Settings,
}

/// Releases of transformers, the newest first, each with its arguments.
pub const RELEASES: [(&str, &Class); 2] =
    [("5.23.0", &release_5_23_0::TRAINING_ARGUMENTS), ("4.57.6", &release_4_57_6::TRAINING_ARGUMENTS)];

impl TrainingArguments {
    /// Reads a file; the release is the one whose arguments it has.
    ///
    /// # Errors
    /// A diagnostic for whatever is not a `TrainingArguments` of one of the [`RELEASES`].
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let file = TorchFile::parse(path, bytes, TorchKind::TrainingArguments)?;
        let (release, class) = release_of(&file);
        let settings = setting::SettingReader::new(&file).object(class, "", &file.value)?;
        Ok(TrainingArguments { stem: file.stem, release, settings })
    }

    /// The whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let class = class_of(self.release);
        let value = setting::SettingWriter::default().object(class, &self.settings);
        Archive { stem: Cow::Borrowed(&self.stem), pickle: write(&value).into(), storages: Vec::new() }.to_bytes()
    }

    /// An argument by its name.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, setting)| setting)
    }
}

/// Whether `TrainingArguments` of a release takes an argument of this name.
pub fn has_argument(release: &str, name: &str) -> bool {
    class_of(release).fields.iter().any(|(known, _, _)| *known == name)
}

/// The arguments of a release.
fn class_of(release: &str) -> &'static Class {
    RELEASES.iter().find(|(version, _)| *version == release).map_or(&release_5_23_0::TRAINING_ARGUMENTS, |(_, class)| *class)
}

/// The release that has the most of a file's arguments.
fn release_of(file: &TorchFile<'_>) -> (&'static str, &'static Class) {
    let names: Vec<&str> = file
        .value
        .as_object()
        .and_then(|object| object.state.as_ref()?.as_dict())
        .map_or_else(Vec::new, |attributes| attributes.iter().filter_map(|(key, _)| key.as_str()).collect());
    let missing = |class: &Class| class.fields.iter().filter(|(name, _, _)| !names.contains(name)).count();
    let [newest, ..] = RELEASES;
    RELEASES.into_iter().min_by_key(|(_, class)| missing(class)).unwrap_or(newest)
}

//! How transformers splits a state dict into shards, and how it reads the size that they may have.
//!
//! # Source
//! huggingface_hub, `serialization/_base.py` (`split_state_dict_into_shards_factory`, `parse_size_to_int`), which transformers 5.23.0 and
//! 4.57.6 call with the same rule and with other defaults.

use crate::diagnostic::{Diagnostic, Error, Result, Site};

/// Units of `max_shard_size`, in bytes. They are decimal.
const UNITS: [(&str, u64); 4] = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];

/// Reads a size such as `5GB` or `100kB`, as transformers reads it; also bytes without a unit.
///
/// # Errors
/// A unit other than TB, GB, MB and KB, or a number that is none, is negative, or has more than 64 bits.
pub fn parse_max_shard_size(text: &str) -> Result<u64> {
    let wrong = |message: String| {
        let diagnostic = Diagnostic::new("max-shard-size", Site::default(), message).found(format!("{text:?}"));
        Error::misuse(diagnostic.expected("a size such as 5GB, 200MB or 100kB; the units are powers of 1000"))
    };
    let trimmed = text.trim();
    if let Ok(bytes) = trimmed.parse::<u64>() {
        return Ok(bytes);
    }
    let split = trimmed.len().checked_sub(2).and_then(|end| trimmed.split_at_checked(end));
    let unit = split.and_then(|(number, unit)| {
        UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, bytes)| (number.trim(), *bytes))
    });
    let (number, unit) = unit.ok_or_else(|| wrong("the size has no unit that transformers knows".to_owned()))?;
    let number: f64 = number.parse().map_err(|_| wrong("the size is not a number".to_owned()))?;
    #[expect(clippy::as_conversions, reason = "Python multiplies doubles and cuts the fraction off; the range is checked")]
    match number * unit as f64 {
        bytes if bytes >= 0.0 && bytes < u64::MAX as f64 => Ok(bytes as u64),
        _ => Err(wrong("the size is out of range".to_owned())),
    }
}

/// One tensor of a state dict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDictEntry<'a> {
    /// Its name.
    pub name: &'a str,
    /// Bytes of its storage.
    pub bytes: u64,
    /// The earlier tensor whose storage it shares, if any. `save_pretrained` drops such tensors from safetensors and keeps them in `.bin`.
    pub shares: Option<&'a str>,
}

/// The tensors of each shard, for a state dict in its order.
///
/// A tensor larger than the limit becomes a shard of its own at once, before the shard that is being filled. A tensor that shares another's
/// storage follows it.
pub fn split<'a>(entries: &[StateDictEntry<'a>], max_shard_size: u64) -> Vec<Vec<&'a str>> {
    let mut shards: Vec<Vec<&str>> = Vec::new();
    let (mut current, mut current_bytes) = (Vec::new(), 0_u64);
    for entry in entries.iter().filter(|entry| entry.shares.is_none()) {
        if entry.bytes > max_shard_size {
            shards.push(vec![entry.name]);
            continue;
        }
        if current_bytes.saturating_add(entry.bytes) > max_shard_size {
            shards.push(std::mem::take(&mut current));
            current_bytes = 0;
        }
        current.push(entry.name);
        current_bytes = current_bytes.saturating_add(entry.bytes);
    }
    if !current.is_empty() {
        shards.push(current);
    }
    let mut sharing: Vec<&StateDictEntry<'_>> = entries.iter().filter(|entry| entry.shares.is_some()).collect();
    sharing.sort_by_key(|entry| entries.iter().position(|owner| Some(owner.name) == entry.shares));
    for entry in sharing {
        if let Some(shard) = shards.iter_mut().find(|shard| shard.iter().any(|name| Some(*name) == entry.shares)) {
            shard.push(entry.name);
        }
    }
    shards
}

/// The name of shard `number`, counted from 1, of a file such as `model.safetensors`; the file's own name where there is one shard only.
pub fn shard_name(file: &str, number: usize, count: usize) -> String {
    match file.rsplit_once('.') {
        Some((stem, extension)) if count != 1 => format!("{stem}-{number:05}-of-{count:05}.{extension}"),
        _ => file.to_owned(),
    }
}

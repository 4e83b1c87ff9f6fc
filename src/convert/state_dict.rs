//! The order of a state dict, by which transformers splits it into shards.

use crate::architecture::{ParameterTable, bert};
use crate::format::safetensors::TensorInfo;
use crate::format::shards::Shard;
use std::collections::BTreeMap;

/// A tensor of a state dict.
pub(super) struct Entry<'a> {
    /// The name under which it is saved.
    pub name: &'a str,
    /// The number of its shard.
    pub shard: usize,
    /// What that shard's header says of it.
    pub info: &'a TensorInfo,
}

/// The tensors in the order in which `from_pretrained` and `save_pretrained` of that release leave them, under the names that they leave.
///
/// Release 5 sorts whatever was loaded by the natural order of the class's names, and writes the checkpoint's names back, such as
/// `LayerNorm.gamma`. Release 4 keeps the class's order and names. Without a table of the class both get the natural order. Tensors that the
/// class does not have come last.
pub(super) fn order<'a>(shards: &'a [Shard<'_>], table: Option<&'a ParameterTable>, transformers_version: &str) -> Vec<Entry<'a>> {
    let is_release_4 = transformers_version.starts_with("4.");
    let mut rest: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
    for (shard, Shard { header, .. }) in shards.iter().enumerate() {
        rest.extend(header.tensors.iter().map(|info| (info.name.as_str(), Entry { name: info.name.as_str(), shard, info })));
    }
    let mut order = Vec::new();
    for parameter in table.iter().flat_map(|table| &table.parameters) {
        let names = bert::checkpoint_names(&parameter.name);
        let Some(found) = names.iter().find_map(|name| rest.remove(name.as_str())) else { continue };
        order.push((parameter.name.as_str(), if is_release_4 { Entry { name: &parameter.name, ..found } } else { found }));
    }
    let known = order.len();
    order.extend(rest);
    let (known, others) = order.split_at_mut(known);
    if !is_release_4 {
        known.sort_by_cached_key(|(name, _)| natural_key(name));
    }
    others.sort_by_cached_key(|(name, _)| natural_key(name));
    order.into_iter().map(|(_, entry)| entry).collect()
}

/// A part of a name between dots, as `dot_natural_key` compares it: numbers first and by their value, then texts, with a number at their
/// end compared by its value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(Digits),
    Text(String, Option<Digits>),
}

/// A number of any length: without leading zeros, the longer one is the larger one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Digits(usize, String);

impl Digits {
    fn new(text: &str) -> Self {
        let digits = text.trim_start_matches('0');
        Digits(digits.len(), digits.to_owned())
    }
}

fn natural_key(name: &str) -> Vec<Part> {
    let part = |part: &str| {
        let text = part.trim_end_matches(|character: char| character.is_ascii_digit());
        let digits = part.strip_prefix(text).filter(|digits| !digits.is_empty()).map(Digits::new);
        match digits {
            Some(number) if text.is_empty() => Part::Number(number),
            digits => Part::Text(text.to_owned(), digits),
        }
    };
    name.split('.').map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let sorted = ["a", "a.2.b", "a.10.b", "a.b", "a.b2", "a.b11", "a.c", "a1"];
        for (left, right) in sorted.iter().zip(&sorted[1..]) {
            assert!(natural_key(left) < natural_key(right), "{left} {right}");
        }
        assert_eq!(natural_key("x.007"), natural_key("x.7"));
    }
}

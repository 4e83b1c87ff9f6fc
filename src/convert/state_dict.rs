//! The order of a state dict, by which transformers splits it into shards.

use crate::architecture::{ParameterTable, bert};
use crate::convert::weights::{Stored, Weights};
use crate::format::release::Release;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A tensor of a state dict.
pub(super) struct Entry<'a> {
    /// The name under which it is saved.
    pub name: &'a str,
    /// What the files hold of it.
    pub stored: Stored<'a>,
    /// The name under which the tensor is saved that it is tied to, if any.
    pub tied_to: Option<&'a str>,
}

/// The tensors in the order in which `from_pretrained` and `save_pretrained` of that release leave them, under the names that they leave.
///
/// Release 5 sorts whatever was loaded by the natural order of the class's names, and writes the checkpoint's names back, such as
/// `LayerNorm.gamma`. Release 4 keeps the class's order and names. Tensors that the class does not have come last; they, and all of a class
/// without a table, have the natural order, or in release 4 that of the pickles that they come from.
pub(super) fn order<'a>(weights: &'a Weights<'_>, table: Option<&'a ParameterTable>, transformers_version: &str) -> Vec<Entry<'a>> {
    let keeps_class_order = !Release::nearest(transformers_version).restores_legacy_names;
    let stored = weights.tensors();
    let mut rest: BTreeMap<&str, (usize, Stored<'_>)> = (0..).zip(stored).map(|(place, stored)| (stored.name, (place, stored))).collect();
    let mut order: Vec<(&str, Entry<'_>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for parameter in table.iter().flat_map(|table| &table.parameters) {
        let names = bert::checkpoint_names(&parameter.name);
        let found = names.iter().find_map(|name| rest.remove(name.as_str())).map(|(_, stored)| stored);
        let owner = parameter.tied_to.as_deref().and_then(|owner| known.get(owner)).and_then(|place| order.get(*place));
        let tied = owner.map(|(_, owner)| Entry { name: &parameter.name, stored: owner.stored, tied_to: Some(owner.name) });
        let as_found = |stored: Stored<'a>| {
            let name = if keeps_class_order { parameter.name.as_str() } else { stored.name };
            Entry { name, stored, tied_to: None }
        };
        let Some(entry) = tied.or_else(|| found.map(as_found)) else { continue };
        known.insert(&parameter.name, order.len());
        order.push((&parameter.name, entry));
    }
    if !keeps_class_order {
        order.sort_by_cached_key(|(name, _)| natural_key(name));
    }
    let mut rest: Vec<(usize, Stored<'_>)> = rest.into_values().collect();
    if keeps_class_order && matches!(weights, Weights::Pickled(_)) {
        rest.sort_by_key(|(place, _)| *place);
    } else {
        rest.sort_by_cached_key(|(_, stored)| natural_key(stored.name));
    }
    let others: HashSet<&str> = rest.iter().map(|(_, stored)| stored.name).collect();
    let tied_to = |stored: &Stored<'a>| stored.shares.filter(|owner| others.contains(owner));
    let rest = rest.into_iter().map(|(_, stored)| Entry { name: stored.name, tied_to: tied_to(&stored), stored });
    order.into_iter().map(|(_, entry)| entry).chain(rest).collect()
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

//! Objects that a pickle is done with: without cycles, within the limits, keys told apart.

use std::collections::HashSet;
use std::sync::Arc;

use super::limits::Limits;
use super::reader::{Node, ObjectNode};
use super::value::{Object, Value};

/// Why objects cannot be told as values.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An object holds itself.
    Cycle,
    /// Objects inside objects, deeper than the limit.
    Depth,
    /// Shared objects inside shared objects, more than the limit.
    Expanded,
    /// A key of a dict that is neither a text nor a whole number.
    Key,
    /// A key that a dict has twice.
    DuplicateKey(String),
}

/// The values of the objects that `root` reaches, by index; an object that is met twice is one value, shared.
pub(super) fn freeze(nodes: &[Node], root: usize, limits: &Limits) -> Result<Vec<Option<Value>>, Fault> {
    let mut values: Vec<Option<Value>> = vec![None; nodes.len()];
    let mut measures = vec![Measure { depth: 1, expanded: 1 }; nodes.len()];
    let mut open = vec![false; nodes.len()];
    let mut pending = vec![Visit::Enter(root)];
    while let Some(visit) = pending.pop() {
        match visit {
            Visit::Enter(index) if values.get(index).is_none_or(Option::is_some) => {}
            Visit::Enter(index) => {
                let (Some(node), Some(open)) = (nodes.get(index), open.get_mut(index)) else { continue };
                if std::mem::replace(open, true) {
                    return Err(Fault::Cycle);
                }
                pending.push(Visit::Leave(index));
                for_each_part(node, |part| pending.push(Visit::Enter(part)));
            }
            Visit::Leave(index) => {
                let Some(node) = nodes.get(index) else { continue };
                let measure = measure(node, &measures);
                if measure.depth > limits.depth {
                    return Err(Fault::Depth);
                }
                if measure.expanded > limits.expanded_nodes {
                    return Err(Fault::Expanded);
                }
                let value = value(node, &values)?;
                if let (Some(slot), Some(known)) = (values.get_mut(index), measures.get_mut(index)) {
                    (*slot, *known) = (Some(value), measure);
                }
            }
        }
    }
    Ok(values)
}

enum Visit {
    Enter(usize),
    Leave(usize),
}

#[derive(Clone, Copy)]
struct Measure {
    depth: u32,
    expanded: u64,
}

fn measure(node: &Node, measures: &[Measure]) -> Measure {
    let mut total = Measure { depth: 1, expanded: 1 };
    for_each_part(node, |part| {
        if let Some(part) = measures.get(part) {
            total.depth = total.depth.max(part.depth.saturating_add(1));
            total.expanded = total.expanded.saturating_add(part.expanded);
        }
    });
    total
}

fn for_each_part(node: &Node, mut visit: impl FnMut(usize)) {
    match node {
        Node::Leaf(_) => {}
        Node::Tuple(items) | Node::List(items) => items.iter().copied().for_each(visit),
        Node::Dict(entries) => entries.iter().for_each(|(key, value)| [*key, *value].into_iter().for_each(&mut visit)),
        Node::Persistent(identifier) => visit(*identifier),
        Node::Object(object) => {
            visit(object.arguments);
            object.items.iter().copied().for_each(&mut visit);
            object.entries.iter().for_each(|(key, value)| [*key, *value].into_iter().for_each(&mut visit));
            object.state.into_iter().for_each(visit);
        }
    }
}

fn value(node: &Node, values: &[Option<Value>]) -> Result<Value, Fault> {
    let part = |index: &usize| values.get(*index).cloned().flatten().unwrap_or(Value::None);
    let parts = |items: &[usize]| -> Vec<Value> { items.iter().map(part).collect() };
    let pairs = |entries: &[(usize, usize)]| -> Result<Vec<(Value, Value)>, Fault> {
        let entries: Vec<_> = entries.iter().map(|(key, value)| (part(key), part(value))).collect();
        check_keys(&entries)?;
        Ok(entries)
    };
    Ok(match node {
        Node::Leaf(value) => value.clone(),
        Node::Tuple(items) => Value::Tuple(Arc::new(parts(items))),
        Node::List(items) => Value::List(Arc::new(parts(items))),
        Node::Dict(entries) => Value::Dict(Arc::new(pairs(entries)?)),
        Node::Persistent(identifier) => Value::Persistent(Arc::new(part(identifier))),
        Node::Object(object) => {
            let ObjectNode { construction, class, arguments, items, entries, state } = object.as_ref();
            let Value::Tuple(arguments) = part(arguments) else { return Ok(Value::None) };
            let (items, entries, state) = (parts(items), pairs(entries)?, state.as_ref().map(part));
            Value::Object(Arc::new(Object { construction: *construction, class: *class, arguments, items, entries, state }))
        }
    })
}

fn check_keys(entries: &[(Value, Value)]) -> Result<(), Fault> {
    let mut texts = HashSet::with_capacity(entries.len());
    let mut numbers = HashSet::new();
    for (key, _) in entries {
        match key {
            Value::Text(text) if texts.insert(&*text.value) => {}
            Value::Integer(number) if numbers.insert(*number) => {}
            Value::Text(text) => return Err(Fault::DuplicateKey(format!("{:?}", text.value))),
            Value::Integer(number) => return Err(Fault::DuplicateKey(number.to_string())),
            _ => return Err(Fault::Key),
        }
    }
    Ok(())
}

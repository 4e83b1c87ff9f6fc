//! Attention of every token to those of its own sequence, without a matrix of scores: an invocation has one token of one head, keeps its row
//! in registers, and goes through the sequence.
//!
//! # Source
//! The running maximum and sum of Dao and others, "FlashAttention", 2022, without its tiles.

use std::fmt::Write;

/// A kernel of attention for heads of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Attention {
    pub(super) pass: Pass,
    /// Width of a head.
    pub(super) size: u32,
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pass {
    /// The context of each query, and the logarithm of the sum of its scores' exponentials.
    Forward,
    /// Gradients of the queries, and the products of each context with its gradient.
    Queries,
    /// Gradients of the keys and of the values.
    Keys,
}

/// The WGSL of the kernel.
pub(super) fn source(attention: Attention) -> String {
    let text = match attention.pass {
        Pass::Forward => include_str!("shaders/attention_forward.wgsl"),
        Pass::Queries => include_str!("shaders/attention_queries.wgsl"),
        Pass::Keys => include_str!("shaders/attention_keys.wgsl"),
    };
    let (width, element) = if attention.size.is_multiple_of(4) { (4, "vec4f") } else { (1, "f32") };
    let mut source = format!("const VECTORS = {}u;\nalias Element = {element};\n", attention.size / width);
    if width == 1 {
        // Numbers have no inner product of their own.
        source.push_str("fn product(x: f32, y: f32) -> f32 { return x * y; }\n");
    } else {
        source.push_str("fn product(x: vec4f, y: vec4f) -> f32 { return dot(x, y); }\n");
    }
    source.push_str(include_str!("shaders/attention.wgsl"));
    source.push_str(&unrolled(text, attention.size / width));
    source.push_str(super::kernel::MASK);
    source
}

/// Writes each line that mentions `$` once for every vector of a head, with its number in the place of `$`: an array that is indexed in a
/// loop would not stay in registers.
fn unrolled(text: &str, vectors: u32) -> String {
    let mut unrolled = String::new();
    for line in text.lines() {
        let repeats = if line.contains('$') { vectors } else { 1 };
        (0..repeats).for_each(|vector| {
            writeln!(unrolled, "{}", line.replace('$', &vector.to_string())).expect("strings take everything");
        });
    }
    unrolled
}

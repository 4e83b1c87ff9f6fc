//! How much a pickle may ask for.

/// What a pickle may ask for at most; memory is bounded by these and by the length of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the pickle in bytes.
    pub bytes: u64,
    /// Objects that are made, whole numbers and texts included, and references to them.
    pub nodes: u64,
    /// Objects inside objects.
    pub depth: u32,
    /// Objects that a reader meets who follows every reference anew: shared objects inside shared objects multiply.
    pub expanded_nodes: u64,
}

impl Default for Limits {
    /// Enough for a model of 100,000 tensors.
    fn default() -> Self {
        Limits { bytes: 1 << 28, nodes: 4_000_000, depth: 64, expanded_nodes: 16_000_000 }
    }
}

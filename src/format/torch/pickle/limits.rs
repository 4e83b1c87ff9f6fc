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

impl Limits {
    /// Limits for the pickle of a file of this many bytes: an object takes some 100 bytes of memory, however short it is in the pickle,
    /// and files of torch have at least 8 bytes for each. Nor do they hold objects in which so many are shared that four times as many are met.
    pub fn for_file(bytes: u64) -> Self {
        let limits = Limits::default();
        let nodes = limits.nodes.min(bytes.checked_div(8).unwrap_or(0).saturating_add(100_000));
        Limits { nodes, expanded_nodes: nodes.saturating_mul(4), ..limits }
    }
}

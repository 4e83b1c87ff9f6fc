//! Rows of an embedding table that take their steps late.

use super::update::{Update, apply};
use super::values::Values;

/// How far a row of an embedding table is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Row {
    /// How many of the last updates it has taken.
    pub(super) taken: usize,
    /// Whether it ever had a gradient; before that what is remembered of it are zeros that no memory has been spent on.
    pub(super) touched: bool,
}

/// Steps without a gradient, one after another. Where there never was one, often only the decay is left.
pub(super) fn catch_up(mut values: Values<'_>, updates: &[Update], decays: bool, touched: bool) {
    let mut zeros = Vec::new();
    for update in updates {
        match update.at_rest(decays) {
            Some(factor) if !touched => {
                if factor != 1.0 {
                    values.parameter.iter_mut().for_each(|parameter| *parameter *= factor);
                }
            }
            _ => {
                zeros.resize(values.parameter.len(), 0.0);
                apply(values.reborrow(), &zeros, *update, decays);
            }
        }
    }
}

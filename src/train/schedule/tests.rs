//! What the goldens do not say.

//! Random numbers: torch's CPU generator and what it draws, bit for bit, and how Python seeds its own.
//!
//! A new classifier head, the order of the training rows and the masks of dropout equal what PyTorch draws from the same seed.
//!
//! Everything here is a pure function of the seed: no clock, no threads, no system entropy, the same on every target.

#[cfg(feature = "train")]
mod bernoulli;
mod mt19937;
mod normal;
mod permutation;

#[cfg(feature = "train")]
pub use bernoulli::bernoulli_;
pub use mt19937::Mt19937;
pub use normal::{normal_, skip_normal};
pub use permutation::{epoch_order, randperm};

#[cfg(test)]
mod golden {
    use serde_json::Value;

    /// The draws of real torch, made by `tests/golden/torch_random.py`.
    pub fn random() -> Value {
        serde_json::from_str(include_str!("../../tests/golden/random.json")).expect("random.json is JSON")
    }

    /// The array member `name` of a golden object as unsigned integers.
    pub fn integers(case: &Value, name: &str) -> Vec<u64> {
        let array = case[name].as_array().unwrap_or_else(|| panic!("{name} is an array"));
        array.iter().map(|value| value.as_u64().expect("an unsigned integer")).collect()
    }
}

//! Random numbers: torch's CPU generator bit for bit, and a fast generator for dropout masks.
//!
//! Two needs are kept apart. A new classifier head and the order of the training rows must equal what PyTorch would draw from the same
//! seed, so [`Mt19937`], [`normal_`], [`randperm`] and [`epoch_order`] reproduce torch's bits. Dropout masks only need to be well
//! distributed and repeatable, so [`FastGenerator`] is built for speed and does **not** reproduce torch's masks.
//!
//! Everything here is a pure function of the seed: no clock, no threads, no system entropy, the same on every target.

mod fast;
mod mt19937;
mod normal;
mod permutation;

pub use fast::FastGenerator;
pub use mt19937::Mt19937;
pub use normal::normal_;
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

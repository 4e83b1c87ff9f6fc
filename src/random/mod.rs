//! Random numbers: torch's CPU generator and what it draws, bit for bit, and how Python seeds its own.
//!
//! A new classifier head, the order of the training rows and the masks of dropout equal what PyTorch draws from the same seed.
//!
//! Everything here is a pure function of the seed: no clock, no threads, no system entropy, the same on every target.

#[cfg(feature = "train")]
mod bernoulli;
#[cfg(feature = "train")]
mod generators;
mod mt19937;
mod normal;
mod permutation;
#[cfg(feature = "train")]
mod philox;
mod uniform;

#[cfg(feature = "train")]
pub use bernoulli::bernoulli_;
#[cfg(feature = "train")]
pub use generators::Generators;
pub use mt19937::Mt19937;
pub use normal::{normal_, skip_normal};
pub use permutation::{epoch_order, randperm};
#[cfg(feature = "train")]
pub use philox::Philox;
pub use uniform::uniform_;

#[cfg(test)]
pub(crate) mod golden {
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    /// The draws of real torch, made by `tests/golden/torch_random.py`.
    pub fn random() -> Value {
        serde_json::from_str(include_str!("../../tests/golden/random.json")).expect("random.json is JSON")
    }

    /// Calls `check` with each case of a part of `draws.json`, of all releases, made by `tests/golden/draws.py`.
    pub fn draws(part: &str, mut check: impl FnMut(&Value)) {
        let golden = draws_of_releases();
        for (release, parts) in golden.as_object().expect("draws.json has releases") {
            let cases = parts[part].as_array().expect("a part has cases");
            assert!(!cases.is_empty(), "{release} has no {part}");
            cases.iter().for_each(&mut check);
        }
    }

    /// `draws.json`, by release.
    pub fn draws_of_releases() -> Value {
        serde_json::from_str(include_str!("../../tests/golden/draws.json")).expect("draws.json is JSON")
    }

    /// The digest of parts one after the other, as hexadecimal digits.
    pub fn sha256<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
        let digest = parts.into_iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The member `name` of a golden object, an unsigned integer.
    pub fn integer(case: &Value, name: &str) -> u64 {
        case[name].as_u64().unwrap_or_else(|| panic!("{name} is an unsigned integer"))
    }

    /// The array member `name` of a golden object as unsigned integers.
    pub fn integers(case: &Value, name: &str) -> Vec<u64> {
        let array = case[name].as_array().unwrap_or_else(|| panic!("{name} is an array"));
        array.iter().map(|value| value.as_u64().expect("an unsigned integer")).collect()
    }
}

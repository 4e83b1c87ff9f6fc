//! Random orders of rows, as torch and the HF `Trainer` draw them.

use super::Mt19937;

/// From this length on, `u32::MAX / 20`, torch draws 64 bits a step, since 32 would favour the low remainders.
const WIDE_DRAW_LENGTH: usize = (u32::MAX / 20) as usize;

/// Draws a random order of `0..n`, the same as `torch.randperm(n, generator=generator)` on the CPU.
///
/// # Panics
/// When `n` does not fit `u32`.
///
/// # Source
/// torch 2.15.0, `ATen/native/TensorFactories.cpp`, `randperm_cpu`.
///
/// # Examples
/// ```
/// use rtrain::random::{Mt19937, randperm};
/// assert_eq!(randperm(5, &mut Mt19937::new(42)), [2, 4, 3, 0, 1]);
/// ```
pub fn randperm(n: usize, generator: &mut Mt19937) -> Vec<u32> {
    let length = u32::try_from(n).expect("randperm: more indices than fit u32");
    let mut order: Vec<u32> = (0..length).collect();
    if n < WIDE_DRAW_LENGTH {
        for index in 0..n.saturating_sub(1) {
            let offset = generator.next_u32() % (length - index as u32);
            order.swap(index, index + offset as usize);
        }
    } else {
        for index in 0..n {
            let earlier = generator.next_u64() % (index as u64 + 1);
            order.swap(index, earlier as usize);
        }
    }
    order
}

/// The order in which the HF `Trainer` visits `n` training rows in one epoch.
///
/// `seed` is `data_seed` where the training arguments set one, else `seed`; `epoch` counts from zero. Each epoch starts a fresh generator
/// seeded with their sum, so a resumed run finds its order without replaying earlier epochs.
///
/// # Panics
/// As [`randperm`].
///
/// # Source
/// accelerate 1.15.0, `data_loader.py`, line 73, `SeedableRandomSampler`, which transformers 5.23.0 puts in place of `RandomSampler`
/// unless `use_seedable_sampler` is off.
pub fn epoch_order(n: usize, seed: u64, epoch: u64) -> Vec<u32> {
    randperm(n, &mut Mt19937::new(seed.wrapping_add(epoch)))
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use proptest::prelude::*;

    fn widened(order: Vec<u32>) -> Vec<u64> {
        order.into_iter().map(u64::from).collect()
    }

    #[test]
    fn randperm_equals_torch() {
        let cases = golden::random();
        let cases = cases["randperm"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let (n, seed) = (case["n"].as_u64().unwrap() as usize, case["seed"].as_u64().unwrap());
            let order = randperm(n, &mut Mt19937::new(seed));
            assert_eq!(widened(order), golden::integers(case, "order"), "n {n}, seed {seed}");
        }
    }

    #[test]
    fn epoch_order_equals_the_sampler_and_the_trainer() {
        let cases = golden::random();
        let cases = cases["epoch_order"].as_array().unwrap();
        assert!(cases.iter().any(|case| case["made_by"] == "Trainer"));
        for case in cases {
            let (n, seed) = (case["n"].as_u64().unwrap() as usize, case["seed"].as_u64().unwrap());
            let epoch = case["epoch"].as_u64().unwrap();
            let order = epoch_order(n, seed, epoch);
            assert_eq!(widened(order), golden::integers(case, "order"), "n {n}, seed {seed}, epoch {epoch}");
        }
    }

    #[test]
    fn a_seed_sum_past_the_end_wraps() {
        assert_eq!(epoch_order(9, u64::MAX, 8), epoch_order(9, 7, 0));
    }

    #[test]
    #[ignore = "allocates 0.9 GB and swaps 215 million times"]
    fn wide_draws_equal_torch() {
        let golden = golden::random();
        let case = &golden["randperm_wide"];
        let n = case["n"].as_u64().unwrap() as usize;
        let order = randperm(n, &mut Mt19937::new(case["seed"].as_u64().unwrap()));
        assert_eq!(widened(order[..8].to_vec()), golden::integers(case, "first"));
        assert_eq!(widened(order[n - 8..].to_vec()), golden::integers(case, "last"));
    }

    proptest! {
        #[test]
        fn every_index_appears_once(n in 0usize..500, seed: u64) {
            let mut order = randperm(n, &mut Mt19937::new(seed));
            order.sort_unstable();
            prop_assert!(order.iter().copied().eq(0..n as u32));
        }
    }
}

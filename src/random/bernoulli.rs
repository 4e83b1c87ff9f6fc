//! Which elements dropout keeps, with the bits of torch's `Tensor.bernoulli_` on the CPU.

use super::Mt19937;
use super::mt19937::temper;
use crate::simd::vectorized;

/// Bits of each draw that count: those of a double's significand.
const BITS: u32 = 53;

/// Sets each element to 1 with `probability`, else to 0, the same as `tensor.bernoulli_(probability, generator=generator)`.
///
/// # Numerics
/// torch compares a double made of 53 random bits with the probability; comparing the bits with its multiple is the same.
///
/// # Source
/// torch 2.15.0, `ATen/native/cpu/DistributionTemplates.h` (`bernoulli_kernel`), as its builds for x86 and ARM run it.
///
/// # Examples
/// ```
/// use rtrain::random::{Mt19937, bernoulli_};
/// let mut keep = [0; 8];
/// bernoulli_(&mut Mt19937::new(42), &mut keep, 0.5);
/// ```
pub fn bernoulli_(generator: &mut Mt19937, out: &mut [u8], probability: f64) {
    // Below 2^53 as long as the probability is below 1; at 1 every draw is below it.
    let threshold = (probability * (1_u64 << BITS) as f64).ceil() as u64;
    let mut rest = out;
    while !rest.is_empty() {
        let count = generator.ready_pairs().min(rest.len());
        if count == 0 {
            // A pair that lies in two blocks.
            rest[0] = u8::from(generator.next_u64() & ((1 << BITS) - 1) < threshold);
            rest = &mut rest[1..];
            continue;
        }
        let (now, later) = rest.split_at_mut(count);
        generator.take_pairs(count, |pairs| below(now, pairs, (threshold >> 32) as u32, threshold as u32));
        rest = later;
    }
}

vectorized! {
    /// Whether the bits of each pair of words that count are below the threshold.
    fn below<'a>(out: &'a mut [u8], pairs: &'a [[u32; 2]], high_threshold: u32, low_threshold: u32) {
        for (out, [high, low]) in out.iter_mut().zip(pairs) {
            let (high, low) = (temper(*high) & ((1 << (BITS - 32)) - 1), temper(*low));
            *out = u8::from((high < high_threshold) | ((high == high_threshold) & (low < low_threshold)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn draws_equal_torch() {
        let cases = golden::random();
        let cases = cases["bernoulli_"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let (seed, probability) = (case["seed"].as_u64().unwrap(), case["probability"].as_f64().unwrap());
            let expected: Vec<u8> = case["keep"].as_str().unwrap().bytes().map(|digit| digit - b'0').collect();
            let mut generator = Mt19937::new(seed);
            let mut keep = vec![9; expected.len()];
            bernoulli_(&mut generator, &mut keep, probability);
            assert_eq!(keep, expected, "seed {seed}, probability {probability}");
            assert_eq!(vec![generator.random_i64() as u64], golden::integers(case, "then"));
        }
    }

    #[test]
    fn masks_are_those_of_torchs_dropout() {
        golden::draws("masks", |case| {
            let mut generator = Mt19937::new(golden::integer(case, "seed"));
            let mut keep = vec![9; golden::integer(case, "elements") as usize];
            bernoulli_(&mut generator, &mut keep, 1.0 - case["probability"].as_f64().unwrap());
            assert_eq!(golden::sha256([keep]), case["sha256"], "{case}");
            assert_eq!(generator.random_i64() as u64, golden::integer(case, "next"), "{case}");
        });
    }

    #[test]
    fn an_odd_number_of_draws_before_it_changes_nothing_else() {
        let mut odd = Mt19937::new(3);
        odd.next_u32();
        let mut single = odd.clone();
        let mut keep = [9; 1000];
        bernoulli_(&mut odd, &mut keep, 0.3);
        let threshold = (0.3 * (1_u64 << BITS) as f64).ceil() as u64;
        for keep in keep {
            assert_eq!(keep == 1, single.next_u64() & ((1 << BITS) - 1) < threshold);
        }
    }

    #[test]
    fn the_ends_of_the_probability_are_all_or_nothing() {
        for (probability, expected) in [(0.0, 0), (1.0, 1)] {
            let mut keep = [9; 700];
            bernoulli_(&mut Mt19937::new(1), &mut keep, probability);
            assert_eq!(keep, [expected; 700]);
        }
    }
}

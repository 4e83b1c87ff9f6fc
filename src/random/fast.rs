//! A fast generator of dropout masks.

use std::array;

/// Generators that advance side by side, so that the compiler can keep them in vector registers.
const LANES: usize = 8;

/// Mask elements made by one step of all lanes: each 64-bit draw serves two.
const STEP: usize = 2 * LANES;

/// Elements whose bits are drawn before they are compared with `p`, so that both loops stay simple enough to vectorise.
const BLOCK: usize = 16 * STEP;

/// Eight interleaved xoshiro256++ generators that fill dropout masks, 32 random bits an element.
///
/// The masks are repeatable: they depend on `seed`, `stream`, and the lengths asked for so far, on no clock, thread or target. They are
/// **not** the masks that torch draws, whose bits depend on the processor's vendor. A caller that fills one mask from several threads
/// gives every part its own `stream`.
///
/// # Source
/// Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021 (xoshiro256++); Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014 (SplitMix64, for the initial state).
///
/// # Examples
/// ```
/// use rtrain::random::FastGenerator;
/// let mut mask = [0.0f32; 100];
/// FastGenerator::new(42, 0).keep_mask_scaled(&mut mask, 0.5);
/// assert!(mask.iter().all(|&scale| scale == 0.0 || scale == 2.0));
/// ```
#[derive(Clone, Debug)]
pub struct FastGenerator {
    state: [[u64; LANES]; 4],
}

impl FastGenerator {
    /// Makes the generator of one `stream` of a `seed`; distinct pairs give unrelated masks.
    pub fn new(seed: u64, stream: u64) -> Self {
        let base = mix(seed);
        let mut counter = 0u64;
        let mut word = || {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(mix(base.wrapping_add(counter)) ^ stream)
        };
        Self { state: array::from_fn(|_| array::from_fn(|_| word())) }
    }

    /// Fills `out` with the factors of dropout: `0.0` with probability `p`, else `1 / (1 - p)`.
    ///
    /// A `p` of 0 or less keeps every element unscaled and a `p` of 1 or more drops every element; neither draws anything. Otherwise
    /// elements are drawn 16 at a time, and what is left of the last 16 is thrown away.
    ///
    /// # Numerics
    /// `p` is met to within 2⁻³²; the factor is computed in `f32`. A NaN `p` fills `out` with NaN.
    ///
    /// # Source
    /// The definition of `torch.nn.functional.dropout` with `training=True`.
    pub fn keep_mask_scaled(&mut self, out: &mut [f32], p: f32) {
        if p >= 1.0 {
            return out.fill(0.0);
        }
        if p <= 0.0 {
            return out.fill(1.0);
        }
        let threshold = (f64::from(p) * 4_294_967_296.0) as u32;
        let scale = 1.0 / (1.0 - p);
        let mut bits = [0; BLOCK];
        for block in out.chunks_mut(BLOCK) {
            let (steps, _) = bits[..block.len().next_multiple_of(STEP)].as_chunks_mut();
            self.fill(steps);
            for (factor, &bits) in block.iter_mut().zip(&bits) {
                *factor = if bits >= threshold { scale } else { 0.0 };
            }
        }
    }

    fn fill(&mut self, steps: &mut [[u32; STEP]]) {
        let mut state = self.state;
        for step in steps {
            let (pairs, _) = step.as_chunks_mut::<2>();
            for (pair, draw) in pairs.iter_mut().zip(advance(&mut state)) {
                *pair = [draw as u32, (draw >> 32) as u32];
            }
        }
        self.state = state;
    }
}

/// Steps every lane of xoshiro256++ and returns its 64 bits.
#[inline(always)]
fn advance([a, b, c, d]: &mut [[u64; LANES]; 4]) -> [u64; LANES] {
    array::from_fn(|lane| {
        let draw = a[lane].wrapping_add(d[lane]).rotate_left(23).wrapping_add(a[lane]);
        let shifted = b[lane] << 17;
        c[lane] ^= a[lane];
        d[lane] ^= b[lane];
        b[lane] ^= c[lane];
        a[lane] ^= d[lane];
        c[lane] ^= shifted;
        d[lane] = d[lane].rotate_left(45);
        draw
    })
}

/// The output function of SplitMix64, a bijection that spreads every input bit over the word.
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 1 << 20;

    fn dropped(seed: u64, stream: u64, p: f32) -> Vec<bool> {
        let mut mask = vec![f32::NAN; LENGTH];
        FastGenerator::new(seed, stream).keep_mask_scaled(&mut mask, p);
        mask.into_iter().map(|factor| factor == 0.0).collect()
    }

    /// How many standard deviations a count of `LENGTH` trials lies from what the probability promises.
    fn deviation(count: usize, probability: f64) -> f64 {
        let trials = LENGTH as f64;
        (count as f64 - trials * probability).abs() / (trials * probability * (1.0 - probability)).sqrt()
    }

    fn agreement(left: &[bool], right: &[bool]) -> f64 {
        deviation(left.iter().zip(right).filter(|(left, right)| left == right).count(), 0.5)
    }

    #[test]
    fn a_lane_is_xoshiro256_plus_plus() {
        let mut state = [[1; LANES], [2; LANES], [3; LANES], [4; LANES]];
        let expected = [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386];
        for draw in expected {
            assert_eq!(advance(&mut state), [draw; LANES]);
        }
    }

    #[test]
    fn the_share_of_zeros_is_p() {
        for p in [0.001f32, 0.1, 0.25, 0.5, 0.9, 0.999] {
            let zeros = dropped(42, 0, p).into_iter().filter(|&dropped| dropped).count();
            assert!(deviation(zeros, f64::from(p)) < 4.5, "p {p}: {zeros} of {LENGTH}");
        }
    }

    #[test]
    fn the_mean_is_one() {
        let mut mask = vec![0.0; LENGTH];
        FastGenerator::new(7, 3).keep_mask_scaled(&mut mask, 0.1);
        let mean = mask.iter().copied().map(f64::from).sum::<f64>() / LENGTH as f64;
        assert!((mean - 1.0).abs() < 4.5 * (0.1f64 / 0.9 / LENGTH as f64).sqrt(), "mean {mean}");
        assert!(mask.iter().all(|&factor| factor == 0.0 || factor == 1.0 / (1.0 - 0.1)));
    }

    #[test]
    fn near_and_far_elements_are_independent() {
        let mask = dropped(42, 0, 0.5);
        for lag in (1..=2 * STEP).chain([768, 3072]) {
            let shifted = [&mask[lag..], &mask[..lag]].concat();
            assert!(agreement(&mask, &shifted) < 4.5, "lag {lag}");
        }
    }

    #[test]
    fn seeds_and_streams_are_independent() {
        let masks = [(0, 0), (0, 1), (1, 0), (1, 1), (u64::MAX, 0), (0, u64::MAX)].map(|(seed, stream)| dropped(seed, stream, 0.5));
        for (index, left) in masks.iter().enumerate() {
            for right in &masks[index + 1..] {
                assert!(agreement(left, right) < 4.5);
            }
        }
    }

    #[test]
    fn any_length_is_a_prefix_of_the_longer_mask() {
        let mut long = [0.0; 64];
        FastGenerator::new(5, 5).keep_mask_scaled(&mut long, 0.5);
        for length in 0..64 {
            let mut short = vec![0.0; length];
            FastGenerator::new(5, 5).keep_mask_scaled(&mut short, 0.5);
            assert_eq!(short, long[..length]);
        }
    }

    #[test]
    fn the_ends_of_p_keep_all_or_nothing() {
        for (p, factor) in [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (2.0, 0.0)] {
            let mut mask = [0.5; 20];
            FastGenerator::new(1, 1).keep_mask_scaled(&mut mask, p);
            assert_eq!(mask, [factor; 20], "p {p}");
        }
    }

    #[test]
    fn a_nan_p_cannot_go_unseen() {
        let mut mask = [0.5; 20];
        FastGenerator::new(1, 1).keep_mask_scaled(&mut mask, f32::NAN);
        assert!(mask.iter().all(|factor| factor.is_nan()));
    }
}

//! A generator that can be read at any place: each number is a function of its key and its place, so threads share the work.

use rayon::prelude::*;

use crate::simd::vectorized;

/// Calls of the generator that are made at once, for the sake of vector instructions.
const LANES: usize = 16;
/// Words that one call gives, each good for two elements of a mask.
const WORDS: usize = 4;
/// Elements that are filled at once.
const BLOCK: usize = 2 * LANES * WORDS;
/// Elements of a part that one thread fills.
const PART: usize = 512 * BLOCK;

/// Philox 4x32-10, keyed by the seed of a run. The masks of a step are counted, so a run that is resumed finds its own again by the number
/// of the step.
///
/// # Source
/// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
    step: u64,
    masks: u32,
}

impl Philox {
    /// The generator of a run, at its first mask of the first step.
    pub fn new(seed: u64) -> Self {
        Philox { key: [seed as u32, (seed >> 32) as u32], step: 0, masks: 0 }
    }

    /// Goes to the first mask of a step, from wherever it is.
    pub fn begin_step(&mut self, step: u64) {
        (self.step, self.masks) = (step, 0);
    }

    /// Sets each element of the next mask to 1 with `probability`, else to 0.
    ///
    /// # Numerics
    /// The probability is rounded to 16 bits. The bits do not depend on threads.
    pub fn bernoulli_(&mut self, out: &mut [u8], probability: f64) {
        let threshold = (probability * f64::from(1 << 16)).round() as u32;
        let (key, place) = (self.key, [self.masks, self.step as u32, (self.step >> 32) as u32]);
        let parts = out.par_chunks_mut(PART).enumerate();
        parts.for_each(|(part, out)| fill(out, key, (part * PART / BLOCK * LANES) as u32, place, threshold));
        self.masks += 1;
    }
}

vectorized! {
    /// Fills a part of a mask with what the calls from `first` on give: a block has the low halves of the words of 16 calls, then the high ones.
    fn fill<'a>(out: &'a mut [u8], key: [u32; 2], first: u32, place: [u32; 3], threshold: u32) {
        for (out, first) in out.chunks_mut(BLOCK).zip((first..).step_by(LANES)) {
            let mut counters = [[0; LANES], [place[0]; LANES], [place[1]; LANES], [place[2]; LANES]];
            counters[0].iter_mut().zip(first..).for_each(|(counter, call)| *counter = call);
            philox(&mut counters, key);
            let mut kept = [0; BLOCK];
            let (low, high) = kept.split_at_mut(BLOCK / 2);
            for ((low, high), word) in low.iter_mut().zip(high).zip(counters.as_flattened()) {
                *low = u8::from(word & 0xffff < threshold);
                *high = u8::from(word >> 16 < threshold);
            }
            out.copy_from_slice(&kept[..out.len()]);
        }
    }
}

/// Ten rounds over some counters, word by word.
#[inline(always)]
fn philox<const N: usize>(counters: &mut [[u32; N]; WORDS], mut key: [u32; 2]) {
    for _ in 0..10 {
        let [a, b, c, d] = &mut *counters;
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            let (first, second) = (u64::from(*a) * 0xD251_1F53, u64::from(*c) * 0xCD9E_8D57);
            *a = (second >> 32) as u32 ^ *b ^ key[0];
            *b = second as u32;
            *c = (first >> 32) as u32 ^ *d ^ key[1];
            *d = first as u32;
        }
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that the authors publish with Random123.
    #[test]
    fn rounds_are_those_of_the_paper() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            let mut counters = counter.map(|word| [word]);
            philox(&mut counters, key);
            assert_eq!(counters.as_flattened(), expected);
        }
    }

    #[test]
    fn an_element_depends_on_its_place_only() {
        let mut whole = vec![9; 3 * PART + 7];
        Philox::new(5).bernoulli_(&mut whole, 0.5);
        for (at, kept) in whole.iter().enumerate().step_by(1001) {
            let (block, half, word, lane) = (at / BLOCK, at % BLOCK / (BLOCK / 2), at % (BLOCK / 2) / LANES, at % LANES);
            let mut counters = [[(block * LANES + lane) as u32], [0], [0], [0]];
            philox(&mut counters, [5, 0]);
            assert_eq!(*kept == 1, counters[word][0] >> (16 * half) & 0xffff < 1 << 15, "{at}");
        }
        for count in [1, BLOCK - 1, BLOCK, BLOCK + 1, PART] {
            let mut out = vec![9; count];
            Philox::new(5).bernoulli_(&mut out, 0.5);
            assert_eq!(out, whole[..count]);
        }
    }

    #[test]
    fn a_step_is_found_again_and_no_two_masks_are_alike() {
        let mask = |generator: &mut Philox| {
            let mut out = [9; 256];
            generator.bernoulli_(&mut out, 0.5);
            out
        };
        let mut generator = Philox::new(7);
        let mut masks = Vec::new();
        for step in [0, 1, 1 << 40] {
            generator.begin_step(step);
            masks.extend([mask(&mut generator), mask(&mut generator)]);
        }
        masks.push(mask(&mut Philox::new(8)));
        for (place, one) in masks.iter().enumerate() {
            assert!(masks[..place].iter().all(|other| other != one));
        }
        generator.begin_step(1);
        assert_eq!([mask(&mut generator), mask(&mut generator)], masks[2..4]);
    }

    #[test]
    fn a_share_of_the_elements_is_kept() {
        for probability in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let mut out = vec![9; 1_000_000];
            Philox::new(1).bernoulli_(&mut out, probability);
            let share = out.iter().map(|&kept| f64::from(kept)).sum::<f64>() / out.len() as f64;
            // Five standard deviations, and the rounding of the probability.
            assert!((share - probability).abs() <= 1e-5 + 5.0 * (probability * (1.0 - probability) / out.len() as f64).sqrt(), "{share}");
        }
    }
}

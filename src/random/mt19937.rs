//! The 32-bit Mersenne Twister, seeded and read as torch's `CPUGeneratorImpl` does.

use crate::simd::vectorized;

const STATE_WORDS: usize = 624;
const SHIFT_WORDS: usize = 397;

/// torch's default CPU generator: MT19937 plus the one normal sample that torch keeps between calls.
///
/// # Numerics
/// Integer arithmetic only, so every target yields the same words as `torch.Generator().manual_seed(seed)`.
///
/// # Source
/// torch 2.15.0, `ATen/core/MT19937RNGEngine.h` and `ATen/CPUGeneratorImpl.cpp`; the algorithm is Matsumoto and Nishimura,
/// "Mersenne Twister: a 623-dimensionally equidistributed uniform pseudorandom number generator", 1998.
///
/// # Examples
/// ```
/// use rtrain::random::Mt19937;
/// let mut generator = Mt19937::new(5489);
/// assert_eq!(generator.next_u32(), 3_499_211_612);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mt19937 {
    state: [u32; STATE_WORDS],
    next: usize,
    cached_normal: Option<f64>,
}

impl Mt19937 {
    /// Makes the generator that `torch.manual_seed(seed)` makes.
    ///
    /// Only the low 32 bits of `seed` count, as in torch: `2**32 + 7` and `7` give the same numbers.
    ///
    /// # Source
    /// torch 2.15.0, `ATen/core/MT19937RNGEngine.h`, `init_with_uint32`.
    pub fn new(seed: u64) -> Self {
        let mut state = [0; STATE_WORDS];
        let mut word = (seed & 0xffff_ffff) as u32;
        state[0] = word;
        for (index, slot) in (1u32..).zip(&mut state[1..]) {
            word = (word ^ (word >> 30)).wrapping_mul(1_812_433_253).wrapping_add(index);
            *slot = word;
        }
        Self { state, next: STATE_WORDS, cached_normal: None }
    }

    /// Makes the generator that Python's `random.seed(seed)` makes.
    ///
    /// # Source
    /// CPython 3.11, `Modules/_randommodule.c` (`random_seed`, `init_by_array`).
    pub fn python(seed: u64) -> Self {
        let words = [seed as u32, (seed >> 32) as u32];
        let key = if words[1] == 0 { &words[..1] } else { &words[..] };
        let mut generator = Self::new(19_650_218);
        let places = (1..STATE_WORDS).cycle();
        for (place, (number, word)) in places.clone().zip((0..).zip(key).cycle()).take(STATE_WORDS) {
            mix(&mut generator.state, place, 1_664_525, word.wrapping_add(number));
        }
        for place in places.skip(STATE_WORDS % (STATE_WORDS - 1)).take(STATE_WORDS - 1) {
            mix(&mut generator.state, place, 1_566_083_941, (place as u32).wrapping_neg());
        }
        generator.state[0] = 1 << 31;
        generator
    }

    /// Makes the generator that holds these words, of which so many have been drawn, and this normal sample.
    ///
    /// # Panics
    /// Where more words than there are have been drawn.
    pub fn with_state(words: [u32; STATE_WORDS], drawn: usize, cached_normal: Option<f64>) -> Self {
        assert!(drawn <= STATE_WORDS, "{drawn} words drawn");
        Self { state: words, next: drawn, cached_normal }
    }

    /// The words of the block at hand.
    pub fn words(&self) -> &[u32; STATE_WORDS] {
        &self.state
    }

    /// How many of the words have been drawn: all of them in a generator just seeded, since draws begin with the block after the seed.
    pub fn drawn(&self) -> usize {
        self.next
    }

    /// The normal sample that is kept for the next draw of few.
    pub fn cached_normal(&self) -> Option<f64> {
        self.cached_normal
    }

    /// Draws 32 random bits.
    ///
    /// # Source
    /// torch 2.15.0, `ATen/core/MT19937RNGEngine.h`, `operator()`; torch's `CPUGeneratorImpl::random`.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == STATE_WORDS {
            self.twist();
            self.next = 0;
        }
        let word = self.state[self.next];
        self.next += 1;
        temper(word)
    }

    /// Draws 64 random bits: the first of two words becomes the high half.
    ///
    /// # Source
    /// torch 2.15.0, `CPUGeneratorImpl::random64`.
    pub fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    /// Draws what `torch.empty((), dtype=torch.int64).random_()` draws: uniform over `0..=i64::MAX`.
    ///
    /// torch's `DataLoader` makes this draw from the default generator each time it is iterated.
    ///
    /// # Source
    /// torch 2.15.0, `ATen/core/DistributionsHelper.h`, `uniform_int_distribution`.
    pub fn random_i64(&mut self) -> i64 {
        (self.next_u64() & i64::MAX as u64) as i64
    }

    /// Takes the normal sample left by an earlier draw, if one is waiting.
    pub(super) fn take_cached_normal(&mut self) -> Option<f64> {
        self.cached_normal.take()
    }

    /// Keeps the second sample of a Box-Muller pair for the next draw.
    pub(super) fn cache_normal(&mut self, sample: f64) {
        self.cached_normal = Some(sample);
    }

    /// Goes on as if `words` draws of 32 bits had been made.
    pub fn skip(&mut self, words: usize) {
        let ahead = self.next + words;
        // A full block is left only when the next draw needs it, as in `next_u32`.
        for _ in 0..ahead.saturating_sub(1) / STATE_WORDS {
            self.twist();
        }
        self.next = if ahead == 0 { 0 } else { (ahead - 1) % STATE_WORDS + 1 };
    }

    /// How many pairs of draws the state holds; a new block is begun where it holds none.
    #[cfg(feature = "train")]
    pub(super) fn ready_pairs(&mut self) -> usize {
        if self.next == STATE_WORDS {
            self.twist();
            self.next = 0;
        }
        (STATE_WORDS - self.next) / 2
    }

    /// Draws pairs of words and shows them untempered; no more than [`Mt19937::ready_pairs`].
    #[cfg(feature = "train")]
    pub(super) fn take_pairs(&mut self, count: usize, take: impl FnOnce(&[[u32; 2]])) {
        take(self.state[self.next..self.next + 2 * count].as_chunks().0);
        self.next += 2 * count;
    }

    fn twist(&mut self) {
        twist(&mut self.state);
    }
}

vectorized! {
    /// Makes the next block of words.
    fn twist<'a>(state: &'a mut [u32; STATE_WORDS]) {
        const REST: usize = STATE_WORDS - SHIFT_WORDS;
        let step = |word: u32, following: u32, distant: u32| {
            let joined = (word & 0x8000_0000) | (following & 0x7fff_ffff);
            distant ^ (joined >> 1) ^ ((following & 1) * 0x9908_b0df)
        };
        for index in 0..REST {
            state[index] = step(state[index], state[index + 1], state[index + SHIFT_WORDS]);
        }
        for index in REST..STATE_WORDS - 1 {
            state[index] = step(state[index], state[index + 1], state[index - REST]);
        }
        state[STATE_WORDS - 1] = step(state[STATE_WORDS - 1], state[0], state[SHIFT_WORDS - 1]);
    }
}

/// Mixes the word before a place and what is added into the word of that place; the last word goes round to the first.
fn mix(state: &mut [u32; STATE_WORDS], place: usize, factor: u32, added: u32) {
    let before = state[place - 1];
    state[place] = (state[place] ^ (before ^ (before >> 30)).wrapping_mul(factor)).wrapping_add(added);
    if place == STATE_WORDS - 1 {
        state[0] = state[place];
    }
}

/// Spreads the bits of a word of the state.
#[inline(always)]
pub(super) fn temper(mut word: u32) -> u32 {
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    word ^ (word >> 18)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn random_draws_equal_torch() {
        let cases = golden::random();
        let cases = cases["random_"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let seed = case["seed"].as_u64().unwrap();
            let mut generator = Mt19937::new(seed);
            for expected in golden::integers(case, "first") {
                assert_eq!(generator.random_i64() as u64, expected, "seed {seed}");
            }
            for _ in 0..case["skipped"].as_u64().unwrap() {
                generator.random_i64();
            }
            for expected in golden::integers(case, "later") {
                assert_eq!(generator.random_i64() as u64, expected, "seed {seed}, past the first state block");
            }
        }
    }

    #[test]
    fn ten_thousandth_word_is_that_of_the_cpp_standard() {
        let mut generator = Mt19937::new(5489);
        let last = (0..10_000).map(|_| generator.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn pythons_generator_draws_what_python_draws() {
        let cases = golden::random();
        let cases = cases["python"].as_array().unwrap();
        assert!(cases.iter().any(|case| case["seed"].as_u64().unwrap() >> 32 != 0));
        for case in cases {
            let mut generator = Mt19937::python(case["seed"].as_u64().unwrap());
            let drawn = std::iter::repeat_with(|| u64::from(generator.next_u32())).step_by(50);
            let expected = golden::integers(case, "every_50th");
            assert_eq!(drawn.take(expected.len()).collect::<Vec<_>>(), expected, "{case}");
        }
    }

    #[test]
    fn a_generator_goes_on_from_its_state() {
        let mut generator = Mt19937::new(3);
        for words in [0, 1, 623, 1000] {
            generator.skip(words);
            let mut again = Mt19937::with_state(*generator.words(), generator.drawn(), generator.cached_normal());
            assert_eq!(again.next_u32(), generator.next_u32());
        }
    }

    #[test]
    fn next_u64_puts_the_first_word_high() {
        let mut words = Mt19937::new(3);
        let mut pair = words.clone();
        let (first, second) = (words.next_u32(), words.next_u32());
        assert_eq!(pair.next_u64(), u64::from(first) << 32 | u64::from(second));
    }

    #[test]
    fn skipped_draws_are_as_if_made() {
        for (before, words) in [(0, 0), (0, 1), (1, 622), (1, 623), (1, 624), (0, 624), (624, 0), (624, 1), (5, 10_000), (623, 1248)] {
            let mut made = Mt19937::new(3);
            (0..before).for_each(|_| _ = made.next_u32());
            let mut skipped = made.clone();
            (0..words).for_each(|_| _ = made.next_u32());
            skipped.skip(words);
            assert_eq!(skipped.next_u32(), made.next_u32(), "{words} after {before}");
        }
    }

    #[test]
    fn only_the_low_seed_bits_count() {
        assert_eq!(Mt19937::new((1 << 33) + 5).next_u64(), Mt19937::new(5).next_u64());
    }
}

//! The generators as `set_seed` of transformers leaves them, and torch's as numbers are drawn from it.
//!
//! # Source
//! transformers 5.23.0, `trainer_utils.py` (`set_seed`); numpy 2.4, `numpy/random/src/mt19937/mt19937.c` (`mt19937_seed`); torch 2.15.0,
//! `ATen/core/MT19937RNGEngine.h`.

use super::RngState;
use super::host::{Numpy, NumpyGenerator, PythonGenerator, Twister, WORDS};
use super::torch::CpuGenerator;
use crate::random::Mt19937;

impl RngState {
    /// The generators of a run that called `set_seed(seed)` and has drawn from torch's generator only, which is `generator` now.
    ///
    /// `seed` is below 2^32, as `set_seed` demands.
    pub fn after(seed: u64, generator: &Mt19937) -> Self {
        RngState {
            stem: "rng_state".to_owned(),
            python: PythonGenerator::seeded(seed),
            numpy: NumpyGenerator::seeded(seed),
            cpu: CpuGenerator::of(seed, generator),
            devices: Vec::new(),
        }
    }
}

impl PythonGenerator {
    /// Python's generator after `random.seed(seed)`.
    pub fn seeded(seed: u64) -> Self {
        PythonGenerator { twister: Twister::of(&Mt19937::python(seed)), gauss_next: None }
    }
}

impl NumpyGenerator {
    /// The generator of numpy 2 after `numpy.random.seed(seed)`.
    pub fn seeded(seed: u64) -> Self {
        let twister = Twister::of(&Mt19937::new(seed));
        NumpyGenerator { generation: Numpy::Two, twister, has_gauss: false, cached_gaussian: 0.0 }
    }
}

impl Twister {
    /// The words of a generator.
    fn of(generator: &Mt19937) -> Self {
        Twister { words: *generator.words(), position: u32::try_from(generator.drawn()).unwrap_or(u32::MAX) }
    }
}

impl CpuGenerator {
    /// The state of torch's generator that was started with `seed` and is `generator` now.
    pub fn of(seed: u64, generator: &Mt19937) -> Self {
        let mut twister = Twister::of(generator);
        // torch counts the words of a block that it has made; of the block of the seed it never draws one.
        if twister.words == *Mt19937::new(seed).words() {
            twister.position = 0;
        }
        let left = match twister.position {
            0 => 1,
            drawn => u32::try_from(WORDS).unwrap_or(u32::MAX).saturating_sub(drawn).saturating_add(1),
        };
        CpuGenerator { seed, left, seeded: true, twister, next_normal: generator.cached_normal(), next_float_normal: None }
    }

    /// The generator that goes on from this state.
    pub fn generator(&self) -> Mt19937 {
        let position = usize::try_from(self.twister.position).unwrap_or(WORDS);
        let drawn = if self.left == 1 { WORDS } else { position.min(WORDS) };
        Mt19937::with_state(self.twister.words, drawn, self.next_normal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::torch::golden;
    use crate::random::normal_;
    use proptest::prelude::*;

    #[test]
    fn the_seed_and_the_numbers_drawn_make_the_file() {
        let files = golden::files(|path| path == "5.23.0/adamw/rng_state.pth");
        let (path, bytes) = &files[0];
        let read = RngState::parse(path, bytes).unwrap();
        let mut generator = Mt19937::new(42);
        let drawn = (0..100_000).find(|_| {
            let found = generator.drawn() as u32 == read.cpu.twister.position && generator.words() == &read.cpu.twister.words;
            generator.skip(usize::from(!found));
            found
        });
        assert!(drawn.is_some_and(|drawn| drawn > 0));
        assert!(RngState::after(42, &generator).to_bytes() == *bytes);
    }

    /// Python's, numpy's and torch's generator, of all seeds from 0 to 99, as each release saves them.
    #[test]
    fn seeds_make_the_files_of_the_trainer() {
        let golden = crate::random::golden::draws_of_releases();
        let releases = golden.as_object().unwrap();
        assert_eq!(releases.len(), 2);
        for (release, parts) in releases {
            let files = (0..100).map(|seed| RngState::after(seed, &Mt19937::new(seed)).to_bytes());
            assert_eq!(crate::random::golden::sha256(files), parts["rng_states"], "{release}");
        }
    }

    #[test]
    fn a_generator_goes_on_from_its_state() {
        let mut generator = Mt19937::new(7);
        for (words, position, left) in [(0, 0, 1), (1, 1, 624), (622, 623, 2), (1, 624, 1), (1, 1, 624), (1247, 624, 1)] {
            generator.skip(words);
            let state = CpuGenerator::of(7, &generator);
            assert_eq!((state.twister.position, state.left), (position, left));
            assert_eq!(state.generator().next_u64(), generator.clone().next_u64());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn generators_survive(seed in any::<u64>(), words in 0_usize..2000, normals in 0_usize..4) {
            let mut generator = Mt19937::new(seed);
            normal_(&mut generator, &mut vec![0.0; normals], 0.0, 1.0);
            generator.skip(words);
            let state = RngState::after(seed, &generator);
            let read = RngState::parse("f", &state.to_bytes()).unwrap();
            prop_assert_eq!(&read, &state);
            let mut again = read.cpu.generator();
            prop_assert_eq!(again.cached_normal(), generator.cached_normal());
            for _ in 0..3 {
                prop_assert_eq!(again.next_u32(), generator.next_u32());
            }
        }
    }
}

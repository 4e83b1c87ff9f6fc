//! What the random numbers of a training are drawn from.

use super::{Mt19937, Philox, bernoulli_};

/// The generators of a run.
#[derive(Clone, Debug)]
pub struct Generators {
    /// torch's default generator, as the `Trainer` seeds it.
    pub torch: Mt19937,
    /// What dropout draws from in place of torch's generator.
    fast: Option<Philox>,
}

impl Generators {
    /// As HF `Trainer` has them: dropout draws from torch's generator.
    pub fn new(seed: u64) -> Self {
        Generators { torch: Mt19937::new(seed), fast: None }
    }

    /// As [`Generators::new`], but dropout draws from a faster generator.
    #[must_use]
    pub fn with_fast_dropout(self, seed: u64) -> Self {
        Generators { fast: Some(Philox::new(seed)), ..self }
    }

    /// Gets ready for the masks of a step, counted from 0.
    pub fn begin_step(&mut self, step: u64) {
        if let Some(fast) = &mut self.fast {
            fast.begin_step(step);
        }
    }

    /// Draws a mask: with `keep_probability` an element is 1, else 0.
    ///
    /// `runs` are the elements that torch would draw in turn: so many that are kept in the mask, then so many that are passed over.
    pub fn mask(&mut self, mask: &mut [u8], keep_probability: f64, runs: impl Iterator<Item = (usize, usize)>) {
        if let Some(fast) = &mut self.fast {
            return fast.bernoulli_(mask, keep_probability);
        }
        let mut rest = mask;
        for (count, skipped) in runs {
            let (now, later) = rest.split_at_mut(count);
            bernoulli_(&mut self.torch, now, keep_probability);
            self.torch.skip(2 * skipped);
            rest = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_dropout_leaves_torchs_generator_alone() {
        let runs = || [(5, 2), (5, 0)].into_iter();
        let mut masks = [[9; 10]; 2];
        let mut fast = Generators::new(3).with_fast_dropout(3);
        fast.mask(&mut masks[0], 0.5, runs());
        assert_eq!(fast.torch.next_u32(), Mt19937::new(3).next_u32());
        fast.begin_step(0);
        fast.mask(&mut masks[1], 0.5, runs());
        assert_eq!(masks[0], masks[1]);

        let mut torch = Generators::new(3);
        torch.begin_step(7);
        torch.mask(&mut masks[0], 0.5, runs());
        let mut whole = Mt19937::new(3);
        let mut drawn = [9; 12];
        bernoulli_(&mut whole, &mut drawn, 0.5);
        assert_eq!(masks[0], [&drawn[..5], &drawn[7..]].concat()[..]);
        assert_eq!(torch.torch.next_u32(), whole.next_u32());
    }
}

//! Dropout with the masks that torch draws.

use crate::kernels::{Mask, Sequences};
use crate::random::Generators;
use std::sync::Arc;

/// Where dropout masks come from: the generators of the run in training, nowhere in evaluation.
///
/// torch draws for padded batches. What it draws for places that hold no token is skipped, so the masks of the tokens are the same.
///
/// # Source
/// torch 2.15.0, `ATen/native/Dropout.cpp`: one `bernoulli_(1 - p)` over the whole tensor; nothing is drawn where p is 0.
#[derive(Debug)]
pub struct Dropout<'a> {
    generators: Option<&'a mut Generators>,
    padded_length: Option<usize>,
}

impl<'a> Dropout<'a> {
    /// Dropout that draws from `generators` for batches padded to `padded_length`, or else to their longest sequence.
    pub fn new(generators: &'a mut Generators, padded_length: Option<usize>) -> Self {
        Dropout { generators: Some(generators), padded_length }
    }

    /// No dropout, as in evaluation.
    pub fn off() -> Self {
        Dropout { generators: None, padded_length: None }
    }

    /// Whether anything is drawn at all.
    pub fn is_on(&self) -> bool {
        self.generators.is_some()
    }

    /// A mask for the rows of the tokens that look, (Q, `width`).
    pub fn rows(&mut self, sequences: &Sequences, width: usize, probability: f64) -> Option<Mask> {
        let padded = self.padded_length(sequences);
        let runs = sequences.iter().map(|sequence| {
            let looking = sequence.queries.len();
            (looking * width, (padded - looking) * width)
        });
        self.draw(sequences.queries() * width, probability, runs)
    }

    /// A mask for attention's probabilities, (A, Q, L) of one sequence after another.
    pub fn scores(&mut self, sequences: &Sequences, probability: f64) -> Option<Mask> {
        let padded = self.padded_length(sequences);
        let runs = sequences.iter().flat_map(|sequence| {
            let (length, looking) = (sequence.tokens.len(), sequence.queries.len());
            let rows = std::iter::repeat_n((length, padded - length), looking);
            std::iter::repeat_n(rows.chain([(0, (padded - looking) * padded)]), sequences.heads()).flatten()
        });
        self.draw(sequences.scores(), probability, runs)
    }

    /// A mask for `count` elements without padding among them.
    pub fn elements(&mut self, count: usize, probability: f64) -> Option<Mask> {
        self.draw(count, probability, std::iter::once((count, 0)))
    }

    fn padded_length(&self, sequences: &Sequences) -> usize {
        let longest = sequences.iter().map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
        self.padded_length.unwrap_or(longest).max(longest)
    }

    fn draw(&mut self, count: usize, probability: f64, runs: impl Iterator<Item = (usize, usize)>) -> Option<Mask> {
        let generators = self.generators.as_deref_mut().filter(|_| probability > 0.0)?;
        let keep_probability = 1.0 - probability;
        let mut keep = vec![0; count];
        generators.mask(&mut keep, keep_probability, runs);
        // At probability 1 nothing is kept, and there is nothing to scale.
        let scale = if keep_probability > 0.0 { 1.0 / keep_probability as f32 } else { 0.0 };
        Some(Mask { keep: Arc::new(keep), scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Queries;
    use crate::random::{Mt19937, bernoulli_};

    #[test]
    fn padding_is_drawn_and_skipped() {
        let (width, heads) = (3, 2);
        let all = Sequences::new([0, 4, 5, 7].into_iter(), heads);
        for (padded_length, queries) in [None, Some(6)].into_iter().flat_map(|length| [(length, Queries::All), (length, Queries::First)]) {
            let sequences = all.with_queries(queries);
            let padded = padded_length.unwrap_or(4);
            let mut generators = Generators::new(9);
            let mut dropout = Dropout::new(&mut generators, padded_length);
            let (rows, scores) = (dropout.rows(&sequences, width, 0.25).unwrap(), dropout.scores(&sequences, 0.25).unwrap());

            let mut whole = Mt19937::new(9);
            let mut draw = |count: usize| {
                let mut keep = vec![0; count];
                bernoulli_(&mut whole, &mut keep, 0.75);
                keep
            };
            let (all_rows, all_scores) = (draw(3 * padded * width), draw(3 * heads * padded * padded));
            let (mut row, mut score) = (rows.keep.iter(), scores.keep.iter());
            for (index, sequence) in sequences.iter().enumerate() {
                let (length, looking) = (sequence.tokens.len(), sequence.queries.len());
                for place in 0..looking * width {
                    assert_eq!(row.next(), Some(&all_rows[index * padded * width + place]));
                }
                for head in 0..heads {
                    for place in (0..looking * length).map(|place| place / length * padded + place % length) {
                        assert_eq!(score.next(), Some(&all_scores[(index * heads + head) * padded * padded + place]));
                    }
                }
            }
            assert_eq!((row.next(), score.next()), (None, None));
            assert_eq!(generators.torch.next_u32(), whole.next_u32());
        }
    }

    #[test]
    fn without_a_generator_or_a_probability_nothing_is_drawn() {
        let mut generators = Generators::new(1);
        assert_eq!(Dropout::new(&mut generators, None).elements(5, 0.0), None);
        assert_eq!(generators.torch.next_u32(), Mt19937::new(1).next_u32());
        assert_eq!(Dropout::off().elements(5, 0.5), None);
    }

    #[test]
    fn everything_can_be_dropped() {
        let mask = Dropout::new(&mut Generators::new(1), None).elements(5, 1.0).unwrap();
        assert_eq!((mask.keep.as_slice(), mask.scale), (&[0; 5][..], 0.0));
    }
}

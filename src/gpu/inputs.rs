//! What a batch sends to the device: ids, sequences, masks, targets, all in one upload.

use std::collections::BTreeMap;

use super::stream::Word;

/// A packed batch: rows of tokens that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    /// For words, types and positions, the ids of all tokens, (N) each.
    pub ids: [&'a [i32]; 3],
    /// Where each row begins, and at the end where the last one ends.
    pub offsets: &'a [usize],
}

/// What a batch is to be learnt from, with the loss that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Cross entropy with probabilities, (B, C).
    Probabilities(Vec<f32>),
    /// Binary cross entropy of each logit, (B, C).
    Hot(Vec<f32>),
    /// The squared error of a number, (B).
    Numbers(Vec<f32>),
}

/// Dropout of a training step: 1 for what stays, 0 for what goes, in the order of the tensors; nothing where there is no dropout.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Masks {
    /// Of the embeddings, (N, H).
    pub embeddings: Option<Mask>,
    /// Of each layer: of its attention's probabilities, (A, Q, L) of one sequence after another, of its attention's output and of its feed
    /// forward's output, (Q, H) each.
    pub layers: Vec<[Option<Mask>; 3]>,
    /// Of the pooled rows, (B, H).
    pub pooled: Option<Mask>,
}

/// Which elements dropout keeps, and what they are multiplied with.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// 1 for an element that stays, 0 for one that goes; in the order of the tensor.
    pub keep: std::sync::Arc<Vec<u8>>,
    /// 1 / (1 - p).
    pub scale: f32,
}

/// A mask among the inputs: its first word, and its scale.
pub(super) type Placed = Option<(usize, f32)>;

/// The words of a batch, and where each part begins.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) words: Vec<u32>,
    pub(super) tokens: usize,
    pub(super) rows: usize,
    pub(super) ids: [usize; 3],
    /// The first token of each row.
    pub(super) first_tokens: usize,
    /// Where every token looks, and where the first of each row does.
    pub(super) all: Looks,
    pub(super) first: Looks,
    pub(super) noise: Option<usize>,
    pub(super) embeddings: Placed,
    pub(super) layers: Vec<[Placed; 3]>,
    pub(super) pooled: Placed,
    pub(super) targets: usize,
    pub(super) choices: [Choices; 3],
}

/// Which tokens look, and at what.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Looks {
    /// Q.
    pub(super) queries: usize,
    pub(super) sequence_of_query: usize,
    pub(super) sequence_of_token: usize,
    pub(super) sequences: usize,
}

/// The tokens that chose each row of a table.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Choices {
    /// How many rows were chosen.
    pub(super) count: usize,
    pub(super) rows: usize,
    pub(super) starts: usize,
    pub(super) tokens: usize,
}

impl Inputs {
    /// The ids and sequences of a batch.
    pub(super) fn new(packed: Packed<'_>, heads: usize) -> Self {
        let (tokens, rows) = (packed.ids[0].len(), packed.offsets.len().saturating_sub(1));
        let mut inputs = Inputs { tokens, rows, ..Inputs::default() };
        inputs.ids = packed.ids.map(|ids| inputs.put(ids.iter().map(|id| *id as u32)));
        inputs.first_tokens = inputs.put(packed.offsets[..rows].iter().map(|start| start.word()));
        let lengths: Vec<usize> = packed.offsets.windows(2).map(|bounds| bounds[1] - bounds[0]).collect();
        let each = |(row, length): (usize, &usize)| std::iter::repeat_n(row.word(), *length);
        let sequence_of_token = inputs.put(lengths.iter().enumerate().flat_map(each));
        let sequences = inputs.put_sequences(packed.offsets, heads, |length| length);
        inputs.all = Looks { queries: tokens, sequence_of_query: sequence_of_token, sequence_of_token, sequences };
        let sequence_of_query = inputs.put((0..rows).map(Word::word));
        let sequences = inputs.put_sequences(packed.offsets, heads, |length| length.min(1));
        inputs.first = Looks { queries: rows, sequence_of_query, sequence_of_token, sequences };
        inputs
    }

    fn put_sequences(&mut self, offsets: &[usize], heads: usize, looking: impl Fn(usize) -> usize) -> usize {
        let (mut query, mut score) = (0, 0);
        self.put(offsets.windows(2).flat_map(|bounds| {
            let length = bounds[1] - bounds[0];
            let sequence = [bounds[0], length, query, looking(length), score].map(Word::word);
            query += looking(length);
            score += heads * looking(length) * length;
            sequence
        }))
    }

    /// Masks of a training step.
    pub(super) fn put_masks(&mut self, masks: &Masks) {
        self.embeddings = self.put_mask(masks.embeddings.as_ref());
        self.layers = masks.layers.iter().map(|masks| masks.each_ref().map(|mask| self.put_mask(mask.as_ref()))).collect();
        self.pooled = self.put_mask(masks.pooled.as_ref());
    }

    fn put_mask(&mut self, mask: Option<&Mask>) -> Placed {
        let mask = mask?;
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, keep| word << 1 | u32::from(*keep & 1));
        Some((self.put(mask.keep.chunks(32).map(word)), mask.scale))
    }

    /// Noise on the embeddings, (N, H).
    pub(super) fn put_noise(&mut self, noise: &[f32]) {
        self.noise = Some(self.put(noise.iter().map(|value| value.to_bits())));
    }

    pub(super) fn put_targets(&mut self, targets: &[f32]) {
        self.targets = self.put(targets.iter().map(|value| value.to_bits()));
    }

    /// For each table the tokens by the rows that they chose; a padding row learns nothing.
    pub(super) fn put_choices(&mut self, ids: [&[i32]; 3], padding_rows: [Option<usize>; 3]) {
        for (table, (ids, padding_row)) in ids.into_iter().zip(padding_rows).enumerate() {
            let mut tokens = BTreeMap::<u32, Vec<u32>>::new();
            for (token, id) in ids.iter().enumerate().filter(|(_, id)| Some(**id as usize) != padding_row) {
                tokens.entry(*id as u32).or_default().push(token.word());
            }
            let ends = tokens.values().scan(0, |end, tokens| {
                *end += tokens.len();
                Some(end.word())
            });
            let ends: Vec<u32> = ends.collect();
            self.choices[table] = Choices {
                count: tokens.len(),
                rows: self.put(tokens.keys().copied()),
                starts: self.put(std::iter::once(0).chain(ends)),
                tokens: self.put(tokens.values().flatten().copied()),
            };
        }
    }

    fn put(&mut self, words: impl Iterator<Item = u32>) -> usize {
        let place = self.words.len();
        self.words.extend(words);
        place
    }
}

impl Targets {
    /// Which loss it is, as the kernel numbers them, and the values.
    pub(super) fn parts(&self) -> (u32, &[f32]) {
        match self {
            Targets::Probabilities(values) => (0, values),
            Targets::Hot(values) => (1, values),
            Targets::Numbers(values) => (2, values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn inputs(lengths: &[usize], heads: usize) -> Inputs {
        let ids: Vec<i32> = (0..lengths.iter().sum::<usize>() as i32).collect();
        let ends = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        let offsets: Vec<usize> = std::iter::once(0).chain(ends).collect();
        Inputs::new(Packed { ids: [&ids; 3], offsets: &offsets }, heads)
    }

    #[test]
    fn sequences_say_who_looks_at_what() {
        let inputs = inputs(&[2, 3], 2);
        let sequences = |looks: Looks| &inputs.words[looks.sequences..looks.sequences + 10];
        assert_eq!(sequences(inputs.all), [0, 2, 0, 2, 0, 2, 3, 2, 3, 8]);
        assert_eq!(sequences(inputs.first), [0, 2, 0, 1, 0, 2, 3, 1, 1, 4]);
        assert_eq!((inputs.all.queries, inputs.first.queries), (5, 2));
        assert_eq!(inputs.words[inputs.all.sequence_of_token..][..5], [0, 0, 1, 1, 1]);
        assert_eq!(inputs.words[inputs.first.sequence_of_query..][..2], [0, 1]);
        assert_eq!(inputs.words[inputs.first_tokens..][..2], [0, 2]);
    }

    #[test]
    fn tokens_are_gathered_by_the_rows_that_they_chose() {
        let mut inputs = inputs(&[5], 1);
        inputs.put_choices([&[7, 0, 2, 7, 2], &[0; 5], &[4, 3, 2, 1, 0]], [Some(0), None, None]);
        let [words, types, positions] = inputs.choices;
        let part = |place: usize, count: usize| inputs.words[place..place + count].to_vec();
        assert_eq!((part(words.rows, 2), part(words.starts, 3), part(words.tokens, 4)), (vec![2, 7], vec![0, 2, 4], vec![2, 4, 0, 3]));
        assert_eq!((part(types.rows, 1), part(types.starts, 2), part(types.tokens, 5)), (vec![0], vec![0, 5], vec![0, 1, 2, 3, 4]));
        assert_eq!((positions.count, part(positions.tokens, 5)), (5, vec![4, 3, 2, 1, 0]));
    }

    proptest! {
        #[test]
        fn a_mask_has_a_bit_an_element(keep in prop::collection::vec(0_u8..2, 0..200), before in 0_usize..3) {
            let mut inputs = Inputs { words: vec![9; before], ..Inputs::default() };
            let placed = inputs.put_mask(Some(&Mask { keep: Arc::new(keep.clone()), scale: 2.0 }));
            prop_assert_eq!(placed, Some((before, 2.0)));
            prop_assert_eq!(inputs.words.len(), before + keep.len().div_ceil(32));
            for (element, keep) in keep.into_iter().enumerate() {
                prop_assert_eq!(inputs.words[before + element / 32] >> (element % 32) & 1, u32::from(keep));
            }
        }
    }
}

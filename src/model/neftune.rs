//! Noise on the embeddings of words while training, against learning texts by heart.
//!
//! # Source
//! Jain and others, "NEFTune: Noisy embeddings improve instruction finetuning", 2023; transformers 5.23.0, `integrations/neftune.py`.

use crate::data::Batch;
use crate::random::{Mt19937, uniform_};

/// The noise for a batch: uniform from -b to b, b = `alpha` / √(L·`width`), where L is what the batch would be padded to, by default its
/// longest row. What torch draws for places that hold no token is skipped.
///
/// # Shapes
/// (N, `width`), row-major.
///
/// # Numerics
/// b may differ from torch's in the last bit, because torch takes the root by a library that does not round it exactly.
pub fn noise(generator: &mut Mt19937, batch: &Batch, padded_length: Option<usize>, width: usize, alpha: f64) -> Vec<f32> {
    let longest = batch.max_length();
    let padded = padded_length.unwrap_or(longest).max(longest);
    let bound = alpha as f32 * ((padded * width) as f32).sqrt().recip();
    let mut noise = vec![0.0; batch.total_tokens() * width];
    let mut rest = noise.as_mut_slice();
    for bounds in batch.offsets.windows(2) {
        let length = bounds[1] - bounds[0];
        let (now, later) = rest.split_at_mut(length * width);
        uniform_(generator, now, -bound, bound);
        generator.skip((padded - length) * width);
        rest = later;
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_drawn_and_skipped() {
        let (lengths, width, alpha) = ([2, 4, 1], 3, 5.0);
        let ids = vec![1; 7];
        let offsets = vec![0, 2, 6, 7];
        let batch = Batch { token_ids: ids.clone(), token_type_ids: ids.clone(), position_ids: ids, offsets, labels: None };
        for (padded_length, padded) in [(None, 4), (Some(6), 6)] {
            let (mut generator, mut whole) = (Mt19937::new(2), Mt19937::new(2));
            let noise = noise(&mut generator, &batch, padded_length, width, alpha);
            let mut drawn = vec![0.0; 3 * padded * width];
            let bound = 5.0 * (1.0 / ((padded * width) as f32).sqrt());
            uniform_(&mut whole, &mut drawn, -bound, bound);
            let kept = drawn.chunks(padded * width).zip(lengths).flat_map(|(row, length)| &row[..length * width]);
            assert!(noise.iter().eq(kept));
            assert_eq!(generator.next_u32(), whole.next_u32());
        }
    }
}

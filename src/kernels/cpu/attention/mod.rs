//! Self-attention over packed sequences: nothing is computed for padding, because there is none.

mod all;
mod first;
mod softmax;

use super::dense::Linear;
use super::gemm::{Matrix, Output, gemm};
use crate::kernels::{Mask, Queries, Sequences};
use std::ops::Range;

/// What attention leaves for its backward pass.
#[derive(Debug, Clone)]
pub enum Attended {
    /// Where every token looked.
    All(all::Attended),
    /// Where the first ones did.
    First(first::Attended),
}

impl Attended {
    /// Gives the buffers back.
    pub fn give(self) {
        match self {
            Attended::All(attended) => attended.give(),
            Attended::First(attended) => attended.give(),
        }
    }
}

/// The context of every token that looks, (Q, H), from (N, H).
pub fn self_attention(x: &[f32], layers: [Linear<'_>; 3], sequences: &Sequences, mask: Option<&Mask>) -> (Vec<f32>, Attended) {
    match sequences.queries {
        Queries::All => {
            let (context, attended) = all::self_attention(x, layers, sequences, mask);
            (context, Attended::All(attended))
        }
        Queries::First => {
            let (context, attended) = first::self_attention(x, layers, sequences, mask);
            (context, Attended::First(attended))
        }
    }
}

/// Gradients of x, and of each projection's weight and bias, from the gradient of the context.
pub fn self_attention_backward(
    gradient: &[f32],
    x: &[f32],
    layers: [Linear<'_>; 3],
    context: &[f32],
    attended: &Attended,
    sequences: &Sequences,
    mask: Option<&Mask>,
) -> [Vec<f32>; 7] {
    match attended {
        Attended::All(attended) => all::self_attention_backward(gradient, x, layers, context, attended, sequences, mask),
        Attended::First(attended) => first::self_attention_backward(gradient, x, layers, context, attended, sequences, mask),
    }
}

/// The columns of a head in matrices of all heads.
#[derive(Debug, Clone, Copy)]
struct Head {
    /// Its number.
    index: usize,
    /// How many columns it has.
    size: usize,
    /// Columns of all heads.
    width: usize,
}

impl Head {
    fn all(heads: usize, width: usize) -> impl Iterator<Item = Head> {
        (0..heads).map(move |index| Head { index, size: width / heads, width })
    }

    fn columns(self) -> Range<usize> {
        self.index * self.size..(self.index + 1) * self.size
    }

    /// Its columns of a matrix.
    fn matrix(self, rows: &[f32]) -> Matrix<'_> {
        Matrix::strided(&rows[self.columns().start..], rows.len() / self.width, self.size, self.width)
    }

    /// Writes its columns of a matrix: a product, scaled.
    fn write(self, rows: &mut [f32], scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
        gemm(&mut rows[self.columns().start..], self.width, Output::Overwrite, scale, left, right);
    }

    /// What scores are multiplied with.
    fn scale(self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }
}

/// Where rows lie in a matrix.
fn range(rows: &Range<usize>, columns: usize) -> Range<usize> {
    rows.start * columns..rows.end * columns
}

/// Parts of a matrix, one after another, of so many rows each.
fn split(mut matrix: &mut [f32], columns: usize, rows: impl Iterator<Item = usize>) -> Vec<&mut [f32]> {
    rows.map(|rows| matrix.split_off_mut(..rows * columns).expect("rows of the matrix")).collect()
}

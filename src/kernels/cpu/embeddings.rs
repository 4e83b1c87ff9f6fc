//! The sum of rows of three tables.

use super::parallel::for_shares;
use super::pool::take;
use crate::simd::vectorized;

/// The row that each id chooses, of three tables, added: (N, H) from ids (N) a table.
pub fn embeddings(tables: [&[f32]; 3], ids: [&[i32]; 3], width: usize) -> Vec<f32> {
    let mut out = take(ids[0].len() * width);
    for_shares(&mut out, width, |first, out| {
        for (index, out) in out.chunks_exact_mut(width).enumerate() {
            let row = |table: usize| {
                let start = ids[table][first + index] as usize * width;
                &tables[table][start..start + width]
            };
            add(out, row(0), row(1), row(2));
        }
    });
    out
}

/// The gradient of a whole table from that of the sum.
pub fn table_gradient(gradient: &[f32], ids: &[i32], numel: usize, width: usize) -> Vec<f32> {
    let mut table = vec![0.0; numel];
    for (id, gradient) in ids.iter().zip(gradient.chunks_exact(width)) {
        let start = *id as usize * width;
        table[start..start + width].iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
    }
    table
}

vectorized! {
    fn add<'a>(out: &'a mut [f32], first: &'a [f32], second: &'a [f32], third: &'a [f32]) {
        for (((out, first), second), third) in out.iter_mut().zip(first).zip(second).zip(third) {
            *out = first + second + third;
        }
    }
}

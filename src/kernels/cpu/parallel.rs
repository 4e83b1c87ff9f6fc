//! How rows and columns are shared out among threads.

use rayon::prelude::*;

/// How many of `count` rows each thread takes.
pub fn share(count: usize) -> usize {
    count.div_ceil(rayon::current_num_threads()).max(1)
}

/// Calls `work` with the first row of each share of `out`, and the share.
pub fn for_shares(out: &mut [f32], columns: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let rows = share(out.len() / columns);
    out.par_chunks_mut(rows * columns).enumerate().for_each(|(index, chunk)| work(index * rows, chunk));
}

/// As [`for_shares`], for two matrices with the same number of rows.
pub fn for_shares2(
    first: &mut [f32],
    first_columns: usize,
    second: &mut [f32],
    second_columns: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let rows = share(first.len() / first_columns);
    let chunks = first.par_chunks_mut(rows * first_columns).zip(second.par_chunks_mut(rows * second_columns));
    chunks.enumerate().for_each(|(index, (first, second))| work(index * rows, first, second));
}

/// As [`for_shares2`], for three.
pub fn for_shares3([first, second, third]: [(&mut [f32], usize); 3], work: impl Fn(usize, &mut [f32], &mut [f32], &mut [f32]) + Sync) {
    let rows = share(first.0.len() / first.1);
    let chunks = first.0.par_chunks_mut(rows * first.1).zip(second.0.par_chunks_mut(rows * second.1));
    let chunks = chunks.zip(third.0.par_chunks_mut(rows * third.1));
    chunks.enumerate().for_each(|(index, ((first, second), third))| work(index * rows, first, second, third));
}

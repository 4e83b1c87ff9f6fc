//! Matrix products of operands rounded to bfloat16, summed in `f32`.
//!
//! Both operands are rounded and rearranged at once, into panels of pairs: two neighbours along the inner dimension share 32 bits, as the
//! processor's dot product wants them. A tile of the result is then a panel of the left times a panel of the right.
//!
//! # Numerics
//! Operands are rounded to the nearest bfloat16, ties to even, as torch rounds. The processor's dot product takes subnormal numbers for zero.

use super::{Matrix, Output};
use crate::kernels::cpu::parallel::share;
use crate::kernels::cpu::pool::{give, take};
use crate::simd::vectorized;
use rayon::prelude::*;

/// Rows of a tile.
const ROWS: usize = 6;
/// Columns of a tile.
const COLUMNS: usize = 64;
/// Pairs along the inner dimension that a tile is made of before it is added to the result: a panel of the right stays in the cache.
const DEPTH: usize = 256;
/// Pairs that are rounded before they are spread over a panel.
const RUN: usize = 64;

type Tile = [[f32; COLUMNS]; ROWS];

/// `out = left · right`, or that added to `out`, shared out among the threads by rows.
pub fn gemm_shared(out: &mut [f32], output: Output, left: Matrix<'_>, right: Matrix<'_>) {
    let (columns, pairs) = (right.columns, left.columns.div_ceil(2));
    if pairs == 0 && output == Output::Overwrite {
        out.fill(0.0);
    }
    if out.is_empty() || pairs == 0 {
        return;
    }
    let (left, right) = rayon::join(|| Panels::<ROWS>::new(left), || Panels::<COLUMNS>::new(right.transposed()));
    let rows = share((out.len() / columns).div_ceil(ROWS)) * ROWS;
    let shares = out.par_chunks_mut(rows * columns).zip(left.as_slice().par_chunks(rows * pairs));
    let tile = tile();
    shares.for_each(|(out, left)| {
        for first in (0..pairs).step_by(DEPTH) {
            let depth = first..pairs.min(first + DEPTH);
            let output = if first == 0 { output } else { Output::Add };
            for (right, column) in right.as_slice().chunks_exact(COLUMNS * pairs).zip((0..columns).step_by(COLUMNS)) {
                let right = &right[COLUMNS * depth.start..COLUMNS * depth.end];
                for (left, out) in left.chunks_exact(ROWS * pairs).zip(out.chunks_mut(ROWS * columns)) {
                    let mut sums = [[0.0; COLUMNS]; ROWS];
                    tile(&mut sums, &left[ROWS * depth.start..ROWS * depth.end], right);
                    write(out, columns, column, &sums, output);
                }
            }
        }
    });
    left.give();
    right.give();
}

vectorized! {
    /// Writes a tile to whole rows, from a column on and as far as they go.
    fn write<'a>(rows: &'a mut [f32], columns: usize, column: usize, sums: &'a Tile, output: Output) {
        for (row, sums) in rows.chunks_exact_mut(columns).zip(sums) {
            let values = row[column..].iter_mut().zip(sums);
            match output {
                Output::Overwrite => values.for_each(|(value, sum)| *value = *sum),
                Output::Add => values.for_each(|(value, sum)| *value += sum),
            }
        }
    }
}

/// A matrix in panels of `W` rows, zeros after the last: (panel, pair, row).
struct Panels<const W: usize>(Vec<f32>);

impl<const W: usize> Panels<W> {
    fn new(matrix: Matrix<'_>) -> Self {
        let (panels, pairs) = (matrix.rows.div_ceil(W), matrix.columns.div_ceil(2));
        // The pool keeps buffers of `f32`; the bits are pairs of bfloat16.
        let mut buffer = take(panels * W * pairs);
        let chunks = bytemuck::cast_slice_mut::<f32, u32>(&mut buffer).par_chunks_exact_mut(W * pairs).enumerate();
        chunks.with_min_len(share(panels).div_ceil(4)).for_each(|(index, panel)| {
            let rows = index * W..matrix.rows.min((index + 1) * W);
            if rows.len() < W {
                panel.fill(0);
            }
            if matrix.column_stride == 1 {
                spread::<W>(panel, matrix, rows);
            } else {
                interleave::<W>(panel, matrix, rows);
            }
        });
        Panels(buffer)
    }

    fn as_slice(&self) -> &[u32] {
        bytemuck::cast_slice(&self.0)
    }

    fn give(self) {
        give(self.0);
    }
}

/// A panel of rows whose elements follow each other in memory.
fn spread<const W: usize>(panel: &mut [u32], matrix: Matrix<'_>, rows: std::ops::Range<usize>) {
    let mut run = [0; RUN];
    for (index, panel) in panel.chunks_mut(RUN * W).enumerate() {
        for (lane, row) in rows.clone().enumerate() {
            let start = row * matrix.row_stride;
            let row = &matrix.data[start..start + matrix.columns];
            let row = &row[2 * RUN * index..];
            let run = &mut run[..row.len().div_ceil(2).min(RUN)];
            round_pairs(run, row);
            for (panel, pair) in panel[lane..].iter_mut().step_by(W).zip(run) {
                *panel = *pair;
            }
        }
    }
}

/// A panel of rows that lie side by side in memory.
fn interleave<const W: usize>(panel: &mut [u32], matrix: Matrix<'_>, rows: std::ops::Range<usize>) {
    let column = |index: usize| match index < matrix.columns {
        true => &matrix.data[index * matrix.column_stride + rows.start..index * matrix.column_stride + rows.end],
        false => &[],
    };
    assert_eq!(matrix.row_stride, 1, "rows or columns follow each other");
    for (index, panel) in panel.chunks_exact_mut(W).enumerate() {
        pair_up(panel, column(2 * index), column(2 * index + 1));
    }
}

/// The nearest bfloat16, ties to even, in the lower half.
#[inline(always)]
fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // A NaN keeps its sign and stays one.
    if value.is_nan() { (bits >> 16) | 0x40 } else { rounded }
}

vectorized! {
    /// Neighbours of one row become pairs.
    fn round_pairs<'a>(pairs: &'a mut [u32], row: &'a [f32]) {
        let (halves, rest) = row.as_chunks::<2>();
        for (pair, [low, high]) in pairs.iter_mut().zip(halves) {
            *pair = round(*low) | round(*high) << 16;
        }
        if let (Some(pair), [low]) = (pairs.get_mut(halves.len()), rest) {
            *pair = round(*low);
        }
    }
}

vectorized! {
    /// Elements of two columns become pairs; a column that is not there is zero.
    fn pair_up<'a>(pairs: &'a mut [u32], low: &'a [f32], high: &'a [f32]) {
        if high.is_empty() {
            pairs.iter_mut().zip(low).for_each(|(pair, low)| *pair = round(*low));
        }
        for ((pair, low), high) in pairs.iter_mut().zip(low).zip(high) {
            *pair = round(*low) | round(*high) << 16;
        }
    }
}

/// Makes a tile: (pair, row) times (pair, column).
type MakeTile = fn(&mut Tile, &[u32], &[u32]);

/// The fastest way of this processor.
fn tile() -> MakeTile {
    #[cfg(target_arch = "x86_64")]
    if avx512::is_available() {
        return avx512::tile;
    }
    |sums, left, right| portable(sums, left, right)
}

/// Whether products of bfloat16 are faster than those of `f32` here.
pub fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return avx512::is_available();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

vectorized! {
    fn portable<'a>(sums: &'a mut Tile, left: &'a [u32], right: &'a [u32]) {
        let low = |pair: u32| f32::from_bits(pair << 16);
        let high = |pair: u32| f32::from_bits(pair & 0xffff_0000);
        for (left, right) in left.as_chunks::<ROWS>().0.iter().zip(right.as_chunks::<COLUMNS>().0) {
            for (sums, left) in sums.iter_mut().zip(left) {
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum += low(*left) * low(*right) + high(*left) * high(*right);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{COLUMNS, ROWS, Tile};
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    /// Lanes of a vector.
    const LANES: usize = 16;

    pub fn is_available() -> bool {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
    }

    pub fn tile(sums: &mut Tile, left: &[u32], right: &[u32]) {
        assert!(is_available(), "chosen where it is available only");
        // SAFETY: the processor has the features, by the assertion.
        #[expect(unsafe_code, reason = "the features are found at run time")]
        unsafe {
            dot_products(sums, left, right);
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    fn dot_products(sums: &mut Tile, left: &[u32], right: &[u32]) {
        let mut vectors = [[_mm512_setzero_ps(); COLUMNS / LANES]; ROWS];
        for (left, right) in left.as_chunks::<ROWS>().0.iter().zip(right.as_chunks::<COLUMNS>().0) {
            let right: [__m512bh; COLUMNS / LANES] = std::array::from_fn(|vector| load(&right[vector * LANES..]));
            for (vectors, left) in vectors.iter_mut().zip(left) {
                let left = pairs(_mm512_set1_epi32(left.cast_signed()));
                for (sum, right) in vectors.iter_mut().zip(right) {
                    *sum = _mm512_dpbf16_ps(*sum, left, right);
                }
            }
        }
        for (sums, vectors) in sums.iter_mut().zip(vectors) {
            for (sums, vector) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(vectors) {
                // SAFETY: `sums` has as many elements as a vector has lanes.
                #[expect(unsafe_code, reason = "vectors are stored through pointers")]
                unsafe {
                    _mm512_storeu_ps(sums.as_mut_ptr(), vector);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    fn load(values: &[u32]) -> __m512bh {
        let values = &values[..LANES];
        // SAFETY: `values` has as many elements as a vector has lanes.
        #[expect(unsafe_code, reason = "vectors are loaded through pointers")]
        pairs(unsafe { _mm512_loadu_si512(values.as_ptr().cast()) })
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    fn pairs(vector: __m512i) -> __m512bh {
        // SAFETY: both are 64 bytes, and any bits are a value of either.
        #[expect(unsafe_code, reason = "there is no other conversion")]
        unsafe {
            std::mem::transmute(vector)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;
    use proptest::prelude::*;

    #[test]
    fn rounding_is_to_nearest_even() {
        for bits in (0..=u32::MAX).step_by(977).chain([0x7f80_0000, 0xff80_0000, 0x7f80_0001, 0x3f80_8000, 0x3f81_8000]) {
            let value = f32::from_bits(bits);
            assert_eq!(round(value), u32::from(bf16::from_f32(value).to_bits()), "{bits:x}");
        }
    }

    proptest! {
        /// Both ways to make tiles against products of rounded operands, summed in `f64`.
        #[test]
        fn products_are_those_of_rounded_operands(
            rows in 0_usize..40, columns in 1_usize..150, inner in 0_usize..1100,
            left_transposed in prop::bool::ANY, right_transposed in prop::bool::ANY, add in prop::bool::ANY, seed in any::<u32>(),
        ) {
            let value = |place: usize| {
                let bits = (place as u32).wrapping_mul(2_654_435_761).wrapping_add(seed);
                (bits >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            let left: Vec<f32> = (0..rows * inner).map(value).collect();
            let right: Vec<f32> = (0..inner * columns).map(|place| value(place + 77)).collect();
            let at = |values: &[f32], index: usize| f64::from(bf16::from_f32(values[index]).to_f32());
            let stored = |values: &[f32], row: usize, column: usize, rows: usize, columns: usize, transposed: bool| {
                at(values, if transposed { column * rows + row } else { row * columns + column })
            };
            let matrix = |values, rows, columns, transposed| {
                if transposed { Matrix::strided(values, columns, rows, rows).transposed() } else { Matrix::strided(values, rows, columns, columns) }
            };
            let (left_matrix, right_matrix) = (matrix(&left, rows, inner, left_transposed), matrix(&right, inner, columns, right_transposed));
            let mut out = vec![1.0_f32; rows * columns];
            gemm_shared(&mut out, if add { Output::Add } else { Output::Overwrite }, left_matrix, right_matrix);
            for (place, out) in out.iter().enumerate() {
                let (row, column) = (place / columns, place % columns);
                let product: f64 = (0..inner).map(|inside| {
                    stored(&left, row, inside, rows, inner, left_transposed) * stored(&right, inside, column, inner, columns, right_transposed)
                }).sum();
                let expected = product + if add { 1.0 } else { 0.0 };
                let tolerance = 1e-6 * (1 + inner) as f64;
                prop_assert!((f64::from(*out) - expected).abs() < tolerance, "{out} {expected}");
            }
        }

        #[test]
        fn both_ways_give_the_same_tile(depth in 0_usize..40, seed in any::<u32>()) {
            let pairs = |count: usize, salt: u32| -> Vec<u32> {
                let value = |place: u32| round((place.wrapping_mul(2_654_435_761) ^ salt) as f32 / u32::MAX as f32 - 0.5);
                (0..2 * count as u32).step_by(2).map(|place| value(place) | value(place + 1) << 16).collect()
            };
            let (left, right) = (pairs(depth * ROWS, seed), pairs(depth * COLUMNS, !seed));
            let (mut fast, mut plain) = ([[0.0; COLUMNS]; ROWS], [[0.0; COLUMNS]; ROWS]);
            tile()(&mut fast, &left, &right);
            portable(&mut plain, &left, &right);
            for (fast, plain) in fast.as_flattened().iter().zip(plain.as_flattened()) {
                prop_assert!((fast - plain).abs() < 1e-4, "{fast} {plain}");
            }
        }
    }
}

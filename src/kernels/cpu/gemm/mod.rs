//! Matrix products.

mod bf16;

pub use bf16::is_fast as bf16_is_fast;

use crate::kernels::Precision;
use rayon::prelude::*;
use std::ops::Range;

/// A matrix in a slice, with a stride between rows and one between columns.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after the other.
    ///
    /// # Panics
    /// Where `data` is not a whole number of rows.
    pub fn new(data: &'a [f32], columns: usize) -> Self {
        assert_eq!(data.len() % columns, 0, "whole rows");
        Matrix { data, rows: data.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    /// Some columns of rows that lie `row_stride` apart.
    ///
    /// # Panics
    /// Where the last row does not lie in `data`.
    pub fn strided(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(rows == 0 || (rows - 1) * row_stride + columns <= data.len(), "the last row lies in the data");
        Matrix { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// Some of the rows.
    fn rows(self, rows: Range<usize>) -> Self {
        assert!(rows.end <= self.rows, "rows of the matrix");
        let data = self.data.get(rows.start * self.row_stride..).unwrap_or_default();
        Matrix { data, rows: rows.len(), ..self }
    }

    /// Some of the columns.
    fn columns(self, columns: Range<usize>) -> Self {
        self.transposed().rows(columns).transposed()
    }

    /// Rows as columns.
    pub fn transposed(self) -> Self {
        let Matrix { data, rows, columns, row_stride, column_stride } = self;
        Matrix { data, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }
}

/// What happens to the values that a product is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// They are lost.
    Overwrite,
    /// The product is added to them.
    Add,
}

/// Shares of the threads begin at multiples of this: the widest vectors have as many lanes.
const WIDTH: usize = 16;

/// So many times more rows than columns make shares of rows worth it.
const MANY_ROWS: usize = 4;

/// `out = scale · left · right`, or that added to `out`, whose rows lie `row_stride` apart. Runs on the calling thread.
///
/// # Panics
/// Where the shapes do not fit.
pub fn gemm(out: &mut [f32], row_stride: usize, output: Output, scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
    assert!(left.rows == 0 || (left.rows - 1) * row_stride + right.columns <= out.len(), "the last row lies in the output");
    assert!(right.columns <= row_stride, "rows do not overlap");
    // SAFETY: the elements written are distinct and lie in `out`, by the assertions above, and `out` is borrowed mutably.
    #[expect(unsafe_code, reason = "the crate takes pointers and strides")]
    unsafe {
        write(out.as_mut_ptr(), row_stride, output, scale, left, right);
    }
}

/// `out = left · right`, or that added to `out`, shared out among the threads: by columns, so that each rearranges its own part of the right
/// operand, or by rows where there are many times more of them.
///
/// # Panics
/// Where the shapes do not fit.
pub fn gemm_shared(out: &mut [f32], output: Output, precision: Precision, left: Matrix<'_>, right: Matrix<'_>) {
    let (rows, columns) = (left.rows, right.columns);
    assert_eq!(out.len(), rows * columns, "the output has the product's shape");
    assert_eq!(left.columns, right.rows, "columns of the left are rows of the right");
    match precision {
        Precision::F32 => f32_shared(out, output, left, right),
        Precision::Bf16 => bf16::gemm_shared(out, output, left, right),
    }
}

fn f32_shared(out: &mut [f32], output: Output, left: Matrix<'_>, right: Matrix<'_>) {
    let (rows, columns) = (left.rows, right.columns);
    let by_columns = rows < MANY_ROWS * columns;
    let total = if by_columns { columns } else { rows };
    let share = total.div_ceil(rayon::current_num_threads()).next_multiple_of(WIDTH);
    let shared = Shared(out.as_mut_ptr());
    (0..total.div_ceil(share)).into_par_iter().for_each(|index| {
        let range = index * share..total.min((index + 1) * share);
        let start = if by_columns { range.start } else { range.start * columns };
        let (left, right) = if by_columns { (left, right.columns(range)) } else { (left.rows(range), right) };
        // SAFETY: `out` has `rows` rows of `columns` elements, by the assertion above. Each share writes other columns or other rows of it
        // than the others, and `out` is borrowed mutably until all are done.
        #[expect(unsafe_code, reason = "columns of a slice cannot be borrowed apart from each other")]
        unsafe {
            write(shared.at(start), columns, output, 1.0, left, right);
        }
    });
}

/// The beginning of an output that threads write to, each to a part of its own.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

impl Shared {
    fn at(self, place: usize) -> *mut f32 {
        self.0.wrapping_add(place)
    }
}

// SAFETY: threads get the pointer from `f32_shared` only, which lets each of them write to elements of its own.
#[expect(unsafe_code, reason = "pointers cross threads by promise only")]
unsafe impl Send for Shared {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "pointers cross threads by promise only")]
unsafe impl Sync for Shared {}

/// `out = scale · left · right`, or that added to `out`.
///
/// # Safety
/// `out` must be valid for reads and writes of `left.rows` rows of `right.columns` elements that lie `row_stride` apart, and nobody else may
/// use those meanwhile.
#[expect(unsafe_code, reason = "the crate takes pointers and strides")]
unsafe fn write(out: *mut f32, row_stride: usize, output: Output, scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
    let (rows, columns, inner) = (left.rows, right.columns, left.columns);
    assert_eq!(inner, right.rows, "columns of the left are rows of the right");
    if rows == 0 || columns == 0 {
        return;
    }
    // SAFETY: the output is the caller's promise; `Matrix` holds only matrices whose elements lie in their slices.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out,
            1,
            row_stride as isize,
            output == Output::Add,
            left.data.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.data.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|place| ((place * 7 + seed) % 13) as f32 - 6.0).collect()
    }

    proptest! {
        /// Small whole numbers, whose sums are exact in any order.
        #[test]
        fn products_are_those_of_the_definition(
            rows in 0_usize..70, columns in 1_usize..70, inner in 1_usize..20, transposed in prop::bool::ANY, add in prop::bool::ANY,
        ) {
            let (left, right) = (values(rows * inner, 1), values(inner * columns, 2));
            let right_matrix = if transposed { Matrix::new(&right, inner).transposed() } else { Matrix::new(&right, columns) };
            let element = |inside: usize, column: usize| if transposed { right[column * inner + inside] } else { right[inside * columns + column] };
            let before = values(rows * columns, 3);
            let expected: Vec<f32> = (0..rows * columns).map(|place| {
                let (row, column) = (place / columns, place % columns);
                let product: f32 = (0..inner).map(|inside| left[row * inner + inside] * element(inside, column)).sum();
                product + if add { before[place] } else { 0.0 }
            }).collect();
            let output = if add { Output::Add } else { Output::Overwrite };
            let (mut alone, mut shared) = (before.clone(), before.clone());
            gemm(&mut alone, columns, output, 1.0, Matrix::new(&left, inner), right_matrix);
            gemm_shared(&mut shared, output, Precision::F32, Matrix::new(&left, inner), right_matrix);
            prop_assert_eq!(&alone, &expected);
            prop_assert_eq!(&shared, &expected);
        }
    }
}

//! Matrix products.

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

/// `out = scale · left · right`, or that added to `out`, whose rows lie `row_stride` apart. Runs on the calling thread.
///
/// # Panics
/// Where the shapes do not fit.
pub fn gemm(out: &mut [f32], row_stride: usize, output: Output, scale: f32, left: Matrix<'_>, right: Matrix<'_>) {
    let (rows, columns, inner) = (left.rows, right.columns, left.columns);
    assert_eq!(inner, right.rows, "columns of the left are rows of the right");
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(columns <= row_stride && (rows - 1) * row_stride + columns <= out.len(), "the last row lies in the output");
    // SAFETY: the output's elements are distinct and lie in `out`, by the assertion above; `Matrix` holds only matrices whose elements lie
    // in their slices. `out` is borrowed mutably, so it overlaps neither.
    #[expect(unsafe_code, reason = "the crate takes pointers and strides")]
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
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

//! Gradients on the host: of whole parameters, or of the few rows of an embedding table that a batch chose.

use std::collections::HashMap;

/// The gradient of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Gradient {
    /// Every element, row-major.
    Dense(Vec<f32>),
    /// Some rows of a matrix; the others are zero.
    Rows(RowGradient),
}

/// The gradient of some rows of an embedding table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RowGradient {
    rows: Vec<usize>,
    places: HashMap<usize, usize>,
    values: Vec<f32>,
}

impl RowGradient {
    /// Adds the gradient of each lookup to its row; a lookup of `padding_row` has none.
    ///
    /// # Shapes
    /// `ids` is (N), `gradient` (N, `width`), row-major.
    pub fn add(&mut self, ids: &[i32], gradient: &[f32], width: usize, padding_row: Option<usize>) {
        for (id, gradient) in ids.iter().zip(gradient.chunks_exact(width)) {
            let row = *id as usize;
            if Some(row) == padding_row {
                continue;
            }
            let place = *self.places.entry(row).or_insert_with(|| {
                self.rows.push(row);
                self.values.resize(self.values.len() + width, 0.0);
                self.rows.len() - 1
            });
            for (sum, value) in self.values[place * width..(place + 1) * width].iter_mut().zip(gradient) {
                *sum += value;
            }
        }
    }

    /// Rows in ascending order, and where the gradient of each begins.
    pub fn sorted(&self) -> Vec<(usize, &[f32])> {
        let width = self.values.len() / self.rows.len().max(1);
        let mut rows: Vec<(usize, &[f32])> = self.rows.iter().copied().zip(self.values.chunks_exact(width.max(1))).collect();
        rows.sort_unstable_by_key(|(row, _)| *row);
        rows
    }
}

impl Gradient {
    /// What is not zero.
    pub fn values(&self) -> &[f32] {
        match self {
            Gradient::Dense(values) | Gradient::Rows(RowGradient { values, .. }) => values,
        }
    }

    /// What is not zero, to be scaled.
    pub fn values_mut(&mut self) -> &mut [f32] {
        match self {
            Gradient::Dense(values) | Gradient::Rows(RowGradient { values, .. }) => values,
        }
    }

    /// Every element of a parameter of `numel` elements with rows of `width`.
    pub fn to_dense(&self, numel: usize, width: usize) -> Vec<f32> {
        match self {
            Gradient::Dense(values) => values.clone(),
            Gradient::Rows(rows) => {
                let mut values = vec![0.0; numel];
                for (row, gradient) in rows.sorted() {
                    values[row * width..(row + 1) * width].copy_from_slice(gradient);
                }
                values
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_of_a_row_add_up() {
        let mut gradient = RowGradient::default();
        gradient.add(&[4, 1, 4, 0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2, Some(0));
        gradient.add(&[1], &[10.0, 20.0], 2, Some(0));
        assert_eq!(gradient.sorted(), [(1, &[13.0, 24.0][..]), (4, &[6.0, 8.0][..])]);
        assert_eq!(Gradient::Rows(gradient).to_dense(10, 2), [0.0, 0.0, 13.0, 24.0, 0.0, 0.0, 0.0, 0.0, 6.0, 8.0]);
    }
}

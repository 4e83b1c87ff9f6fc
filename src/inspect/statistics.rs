//! The values of tensors in a few numbers.

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::safetensors::{Dtype, Header};
use crate::storage::{Content, each_chunk, in_parallel};

/// Bytes of a tensor that one processor takes at a time.
const JOB_BYTES: u64 = 1 << 22;

/// The values of one tensor. NaN and infinite ones are counted, and take no part in the rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    least: f64,
    greatest: f64,
    sum: f64,
    finite: u64,
    nan: u64,
    infinite: u64,
}

impl Default for Statistics {
    fn default() -> Self {
        Statistics { least: f64::INFINITY, greatest: f64::NEG_INFINITY, sum: 0.0, finite: 0, nan: 0, infinite: 0 }
    }
}

impl Statistics {
    /// The columns that [`Statistics::values`] fills.
    pub const COLUMNS: [&'static str; 5] = ["min", "max", "mean", "nan", "infinite"];

    /// Least, greatest and mean value, numbers of NaN and infinite ones; null where a tensor has no finite value or is of a type that rtrain
    /// does no arithmetic with.
    ///
    /// # Numerics
    /// The mean is a sum of doubles in parts, whose limits do not depend on the number of threads.
    pub fn values(&self) -> [Json; 5] {
        let known = self.finite > 0;
        #[expect(clippy::as_conversions, reason = "the nearest double will do")]
        let mean = self.sum / self.finite as f64;
        let number = |value: f64| known.then_some(value).into();
        let count = |count: u64| (known || self.nan > 0 || self.infinite > 0).then_some(count).into();
        [number(self.least), number(self.greatest), number(mean), count(self.nan), count(self.infinite)]
    }

    fn add(&mut self, dtype: Dtype, data: &[u8]) {
        for value in dtype.values(data).into_iter().flatten() {
            if value.is_finite() {
                (self.least, self.greatest) = (self.least.min(value), self.greatest.max(value));
                self.sum += value;
                self.finite = self.finite.saturating_add(1);
            } else if value.is_nan() {
                self.nan = self.nan.saturating_add(1);
            } else {
                self.infinite = self.infinite.saturating_add(1);
            }
        }
    }

    fn merge(&mut self, other: &Statistics) {
        (self.least, self.greatest) = (self.least.min(other.least), self.greatest.max(other.greatest));
        self.sum += other.sum;
        self.finite = self.finite.saturating_add(other.finite);
        self.nan = self.nan.saturating_add(other.nan);
        self.infinite = self.infinite.saturating_add(other.infinite);
    }
}

/// The statistics of every tensor of a file, in the order of the header.
///
/// # Errors
/// The file cannot be read.
pub fn statistics(header: &Header, content: &dyn Content) -> Result<Vec<Statistics>> {
    let mut jobs = Vec::new();
    for (index, tensor) in header.tensors.iter().enumerate() {
        let all = header.range(tensor);
        let mut start = all.start;
        while start < all.end {
            let end = all.end.min(start.saturating_add(JOB_BYTES));
            jobs.push((index, tensor.dtype, start..end));
            start = end;
        }
    }
    let parts = in_parallel(&jobs, |(_, dtype, range), buffer| {
        let mut part = Statistics::default();
        each_chunk(content, range.clone(), buffer, |_, data| {
            part.add(*dtype, data);
            Ok(())
        })?;
        Ok(part)
    })?;
    let mut statistics = vec![Statistics::default(); header.tensors.len()];
    for ((index, _, _), part) in jobs.iter().zip(&parts) {
        if let Some(whole) = statistics.get_mut(*index) {
            whole.merge(part);
        }
    }
    Ok(statistics)
}

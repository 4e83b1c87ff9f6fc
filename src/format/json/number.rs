//! A number of a JSON file: Python writes `0` and `0.0` apart, and both mean the same.

use crate::format::json::Json;

/// A whole number or a double, as the file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Python's `int`.
    Whole(i128),
    /// Python's `float`.
    Float(f64),
}

impl Number {
    /// The value as a double.
    pub fn to_f64(self) -> f64 {
        match self {
            #[expect(clippy::as_conversions, reason = "rounds to the nearest double, as Python's float() does")]
            Number::Whole(number) => number as f64,
            Number::Float(number) => number,
        }
    }

    /// The value, if it is whole and fits 64 bits without sign.
    pub fn to_u64(self) -> Option<u64> {
        match self {
            Number::Whole(number) => u64::try_from(number).ok(),
            Number::Float(number) if number.fract() == 0.0 && (0.0..9.0e15).contains(&number) => format!("{number}").parse().ok(),
            Number::Float(_) => None,
        }
    }
}

impl Default for Number {
    fn default() -> Self {
        Number::Whole(0)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Float(number)
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number::Whole(number.into())
    }
}

impl From<Number> for Json {
    fn from(number: Number) -> Self {
        match number {
            Number::Whole(number) => Json::Integer(number),
            Number::Float(number) => Json::Float(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_doubles_are_whole_numbers() {
        assert_eq!(Number::Float(500.0).to_u64(), Some(500));
        assert_eq!(Number::Whole(3).to_u64(), Some(3));
        for not_whole in [Number::Float(0.5), Number::Float(f64::NAN), Number::Float(-1.0), Number::Whole(-1)] {
            assert_eq!(not_whole.to_u64(), None);
        }
        assert_eq!(Number::Whole(2).to_f64().to_bits(), 2.0_f64.to_bits());
    }
}

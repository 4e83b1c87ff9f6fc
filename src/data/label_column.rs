//! The label column of a table: what its labels are, and where each stands.

use std::fmt;

use super::wording::quoted;
use crate::diagnostic::{Diagnostic, Error, Place, Site};
use crate::format::json::python::float_repr;

/// The type of a label column, by the rules of pandas (CSV) and of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelType {
    /// Integers only.
    Integer,
    /// Numbers, at least one of them with a fraction or an exponent.
    Float,
    /// `true` and `false`; in CSV in any case.
    Bool,
    /// Texts.
    Text,
    /// Lists of labels.
    List,
}

impl fmt::Display for LabelType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LabelType::Integer => "integers",
            LabelType::Float => "floats",
            LabelType::Bool => "bools",
            LabelType::Text => "texts",
            LabelType::List => "lists",
        })
    }
}

/// The labels of a column, one a row.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelValues {
    /// Names of classes as Python's `str` prints the values: `1`, `True`, `positive`.
    Classes(Vec<String>),
    /// Names of the classes that each row has.
    MultiLabel(Vec<Vec<String>>),
    /// Numbers, of a column of type [`LabelType::Float`].
    Values(Vec<f64>),
}

/// A label column with what messages about its labels need.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelColumn {
    /// What messages call the file.
    pub file: String,
    /// The name of the column.
    pub name: String,
    /// The line, counted from 1, on which each row begins.
    pub lines: Vec<u64>,
    /// The type of the column as a whole.
    pub label_type: LabelType,
    /// The labels.
    pub values: LabelValues,
}

impl LabelColumn {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match &self.values {
            LabelValues::Classes(names) => names.len(),
            LabelValues::MultiLabel(rows) => rows.len(),
            LabelValues::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the labels of a row, as Python's `str` prints them.
    pub(super) fn row_names(&self, row: usize) -> Vec<String> {
        match &self.values {
            LabelValues::Classes(names) => names.get(row).cloned().into_iter().collect(),
            LabelValues::MultiLabel(rows) => rows.get(row).cloned().unwrap_or_default(),
            LabelValues::Values(values) => values.get(row).map(|value| float_repr(*value)).into_iter().collect(),
        }
    }

    /// The label of a row as a number: bools are 1 and 0, texts are parsed as Python's `float` would.
    pub(super) fn row_number(&self, row: usize) -> Option<f64> {
        match (&self.values, self.label_type) {
            (LabelValues::Values(values), _) => values.get(row).copied(),
            (LabelValues::Classes(names), LabelType::Bool) => names.get(row).map(|name| f64::from(u8::from(name == "True"))),
            (LabelValues::Classes(names), _) => names.get(row)?.trim().parse().ok(),
            (LabelValues::MultiLabel(_), _) => None,
        }
    }

    /// The names of a row as a column of type `wanted` would have them, where arrow would cast them so; else none.
    ///
    /// # Source
    /// `datasets` 5.2.0 casts every later split to the features of the first one.
    pub(super) fn row_names_as(&self, row: usize, wanted: LabelType) -> Option<Vec<String>> {
        let own = self.row_names(row);
        if wanted == self.label_type {
            return Some(own);
        }
        if wanted == LabelType::List || self.label_type == LabelType::List {
            return None;
        }
        let number = self.row_number(row);
        let name = match (wanted, self.label_type) {
            (LabelType::Text, LabelType::Bool) => own.first()?.to_lowercase(),
            (LabelType::Text, LabelType::Float) => integer_name(number?).or_else(|| own.first().cloned())?,
            (LabelType::Text, _) => own.first()?.clone(),
            (LabelType::Integer, LabelType::Text) => own.first()?.parse::<i64>().ok()?.to_string(),
            (LabelType::Integer, _) => integer_name(number?)?,
            (LabelType::Float, _) => number.filter(|number| !number.is_nan()).map(float_repr)?,
            (LabelType::Bool, LabelType::Text) => bool_name(own.first()?)?.to_owned(),
            (LabelType::Bool, _) => if number? == 0.0 { "False" } else { "True" }.to_owned(),
            (LabelType::List, _) => return None,
        };
        Some(vec![name])
    }

    /// A diagnostic about the label of a row, which the message names after the column.
    pub(super) fn diagnostic(&self, row: usize, code: &'static str, message: &str) -> Diagnostic {
        let line = self.lines.get(row).copied().unwrap_or(1);
        label_diagnostic(&self.file, &self.name, line, code, message)
    }

    /// The error that the file is at fault, in the label of a row that is not of a type.
    pub(super) fn wrong_type(&self, row: usize, expected: LabelType, expected_by: &str) -> Error {
        let diagnostic = self.diagnostic(row, "label-type", &format!("the label does not fit the labels {expected_by}"));
        let found = self.row_names(row);
        let found = found.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        Error::malformed(diagnostic.expected(expected).found(format!("{found} in a column of {}", self.label_type)))
    }
}

/// A diagnostic about a label on a line.
pub(super) fn label_diagnostic(file: &str, column: &str, line: u64, code: &'static str, message: &str) -> Diagnostic {
    let site = Site::file(file).at(Place::Line(line, 1));
    Diagnostic::new(code, site, format!("column {}: {message}", quoted(column)))
}

/// Python's name of the bool that pandas reads from a cell, in any case of letters.
pub(super) fn bool_name(cell: &str) -> Option<&'static str> {
    match cell {
        _ if cell.eq_ignore_ascii_case("true") => Some("True"),
        _ if cell.eq_ignore_ascii_case("false") => Some("False"),
        _ => None,
    }
}

/// The number as a 64-bit integer's name, where it is one.
fn integer_name(number: f64) -> Option<String> {
    let fits = number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0;
    fits.then(|| (number as i64).to_string())
}

//! The type of a label column, and its labels, from its cells.
//!
//! # Source
//! `pandas.read_csv` 3.1.1 (`pandas/_libs/parsers.pyx`: integers, floats, bools, texts, in this order) for CSV and TSV; for JSON the types
//! that the values have. pandas infers in pieces of 10 000 rows under `datasets`; here the column is one piece.

use super::json;
use super::label_column::{LabelColumn, LabelType, LabelValues, bool_name, label_diagnostic};
use super::table::Cell;
use super::wording::quoted;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::format::json::python::float_repr;

/// What pandas takes for a missing value (`STR_NA_VALUES`).
const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None",
    "n/a", "nan", "null",
];

/// Reads `cells` as labels; `untyped` where they are the raw texts of a CSV file.
pub(super) fn infer(file: &str, name: &str, lines: &[u64], untyped: bool, cells: &[&Cell]) -> Result<LabelColumn> {
    let source = Source { file, name, lines };
    let (label_type, values) = if untyped { source.infer_texts(cells)? } else { source.infer_typed(cells)? };
    Ok(LabelColumn { file: file.to_owned(), name: name.to_owned(), lines: lines.to_vec(), label_type, values })
}

struct Source<'a> {
    file: &'a str,
    name: &'a str,
    lines: &'a [u64],
}

impl Source<'_> {
    fn infer_texts(&self, cells: &[&Cell]) -> Result<(LabelType, LabelValues)> {
        let mut texts = Vec::with_capacity(cells.len());
        for (row, cell) in cells.iter().enumerate() {
            match cell {
                Cell::Text(text) if !MISSING.contains(&text.as_str()) => texts.push(text.as_str()),
                Cell::Text(text) => return Err(self.missing(row, &quoted(text))),
                other => return Err(self.missing(row, other.describe())),
            }
        }
        if let Some(integers) = all(&texts, integer_cell) {
            // pandas keeps integers beyond 64 bits as the texts they are.
            let names = integer_names(&integers).unwrap_or_else(|| texts.iter().map(|text| (*text).to_owned()).collect());
            return Ok((LabelType::Integer, LabelValues::Classes(names)));
        }
        if let Some(floats) = all(&texts, float_cell) {
            return Ok((LabelType::Float, LabelValues::Values(floats)));
        }
        if let Some(bools) = all(&texts, |text| bool_name(text).map(str::to_owned)) {
            return Ok((LabelType::Bool, LabelValues::Classes(bools)));
        }
        if let Some(lists) = all(&texts, list_cell) {
            return self.lists(lists.iter().map(Vec::as_slice));
        }
        Ok((LabelType::Text, LabelValues::Classes(texts.into_iter().map(str::to_owned).collect())))
    }

    fn infer_typed(&self, cells: &[&Cell]) -> Result<(LabelType, LabelValues)> {
        let label_type = self.common_type(cells)?;
        match label_type {
            LabelType::List => self.lists(cells.iter().map(|cell| if let Cell::List(elements) = cell { elements.as_slice() } else { &[] })),
            LabelType::Float => Ok((label_type, LabelValues::Values(cells.iter().filter_map(|cell| number(cell)).collect()))),
            _ => Ok((label_type, LabelValues::Classes(cells.iter().filter_map(|cell| python_str(cell)).collect()))),
        }
    }

    /// The one type of all cells; integers among floats are floats.
    fn common_type(&self, cells: &[&Cell]) -> Result<LabelType> {
        let mut common = None;
        for (row, cell) in cells.iter().enumerate() {
            let found = match cell {
                Cell::Null => return Err(self.missing(row, "null")),
                Cell::Object => return Err(self.not_a_label(row, cell)),
                Cell::Integer(_) => LabelType::Integer,
                Cell::Float(_) => LabelType::Float,
                Cell::Bool(_) => LabelType::Bool,
                Cell::Text(_) => LabelType::Text,
                Cell::List(_) => LabelType::List,
            };
            common = Some(match (common, found) {
                (None, _) => found,
                (Some(before), _) if before == found => found,
                (Some(LabelType::Integer), LabelType::Float) | (Some(LabelType::Float), LabelType::Integer) => LabelType::Float,
                (Some(before), _) => return Err(self.mixed(row, before, cell)),
            });
        }
        Ok(common.unwrap_or(LabelType::Text))
    }

    fn lists<'c>(&self, lists: impl Iterator<Item = &'c [Cell]>) -> Result<(LabelType, LabelValues)> {
        let names = |(row, elements): (usize, &[Cell])| {
            let name = |element: &Cell| python_str(element).ok_or_else(|| self.not_a_label(row, element));
            elements.iter().map(name).collect::<Result<Vec<_>>>()
        };
        Ok((LabelType::List, LabelValues::MultiLabel(lists.enumerate().map(names).collect::<Result<_>>()?)))
    }

    fn diagnostic(&self, row: usize, code: &'static str, message: &str) -> Diagnostic {
        label_diagnostic(self.file, self.name, self.lines.get(row).copied().unwrap_or(1), code, message)
    }

    fn missing(&self, row: usize, found: &str) -> Error {
        let diagnostic = self.diagnostic(row, "label-missing", "the label is missing").found(found);
        Error::malformed(diagnostic.hint("give the row a label, or remove it; pandas too takes such a cell for a missing value"))
    }

    fn mixed(&self, row: usize, before: LabelType, cell: &Cell) -> Error {
        let diagnostic = self.diagnostic(row, "label-mixed-types", "the labels are of several types");
        let diagnostic = diagnostic.expected(format!("{before} as in the rows before")).found(cell.describe());
        Error::malformed(diagnostic.hint("write all labels of the column alike, for example all in quotes"))
    }

    fn not_a_label(&self, row: usize, cell: &Cell) -> Error {
        let diagnostic = self.diagnostic(row, "label-type", "the value is no label");
        Error::malformed(diagnostic.expected("a text, a number, a bool, or a list of them").found(cell.describe()))
    }
}

fn all<'a, T>(texts: &[&'a str], parse: impl Fn(&'a str) -> Option<T>) -> Option<Vec<T>> {
    texts.iter().map(|text| parse(text)).collect()
}

fn is_pandas_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The cell without white space, where it is a sign and digits.
fn integer_cell(cell: &str) -> Option<&str> {
    let trimmed = cell.trim_matches(is_pandas_space);
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(trimmed)
}

/// Canonical names, where the column fits in `int64` or in `uint64`.
fn integer_names(integers: &[&str]) -> Option<Vec<String>> {
    let signed: Option<Vec<String>> = all(integers, |text| text.parse::<i64>().ok().map(|integer| integer.to_string()));
    signed.or_else(|| all(integers, |text| text.parse::<u64>().ok().map(|integer| integer.to_string())))
}

fn float_cell(cell: &str) -> Option<f64> {
    cell.trim_matches(is_pandas_space).parse::<f64>().ok().filter(|value| !value.is_nan())
}

fn list_cell(cell: &str) -> Option<Vec<Cell>> {
    if !cell.trim_start().starts_with('[') {
        return None;
    }
    match json::cell(serde_json::from_str(cell).ok()?) {
        Cell::List(elements) => Some(elements),
        _ => None,
    }
}

fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Integer(integer) => Some(*integer as f64),
        Cell::Float(float) => Some(*float),
        _ => None,
    }
}

/// Python's `str` of a scalar.
fn python_str(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Text(text) => Some(text.clone()),
        Cell::Integer(integer) => Some(integer.to_string()),
        Cell::Float(float) => Some(float_repr(*float)),
        Cell::Bool(value) => Some(if *value { "True" } else { "False" }.to_owned()),
        Cell::Null | Cell::List(_) | Cell::Object => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Table, TableFormat};
    use super::*;
    use crate::diagnostic::Place;

    fn csv(labels: &[&str]) -> Result<LabelColumn> {
        let text = format!("text,label\n{}", labels.iter().map(|label| format!("a,{label}\n")).collect::<String>());
        Table::read("t.csv", TableFormat::Csv, text.as_bytes())?.label_column("label")
    }

    fn json(labels: &[&str]) -> Result<LabelColumn> {
        let text = labels.iter().map(|label| format!("{{\"label\": {label}}}\n")).collect::<String>();
        Table::read("t.jsonl", TableFormat::Jsonl, text.as_bytes())?.label_column("label")
    }

    fn names(column: Result<LabelColumn>) -> (LabelType, Vec<String>) {
        let column = column.unwrap();
        (column.label_type, (0..column.len()).flat_map(|row| column.row_names(row)).collect())
    }

    fn expect(column: Result<LabelColumn>, label_type: LabelType, expected: &[&str]) {
        assert_eq!(names(column), (label_type, expected.iter().map(|name| (*name).to_owned()).collect()));
    }

    fn expect_error(column: Result<LabelColumn>, code: &str, line: u64) {
        let error = column.unwrap_err();
        assert_eq!((error.diagnostic().code, &error.diagnostic().site.place), (code, &Place::Line(line, 1)));
        assert!(error.to_string().contains("column \"label\""));
    }

    /// Every expectation is what pandas 3.1.1 answered.
    #[test]
    fn csv_types_are_those_of_pandas() {
        expect(csv(&["01", " 2", "+3", "-0"]), LabelType::Integer, &["1", "2", "3", "0"]);
        expect(csv(&["9223372036854775808", "1"]), LabelType::Integer, &["9223372036854775808", "1"]);
        expect(csv(&["9223372036854775808", "-1"]), LabelType::Integer, &["9223372036854775808", "-1"]);
        expect(csv(&["1e3", "2", ".5", "1."]), LabelType::Float, &["1000.0", "2.0", "0.5", "1.0"]);
        expect(csv(&["tRue", "False"]), LabelType::Bool, &["True", "False"]);
        for texts in
            [["true", "1"], ["1_000", "2"], ["0x10", "1"], [".", "1"], ["1e", "2"], ["True ", "False"], ["+", "1"], ["\u{a0}1", "1"]]
        {
            expect(csv(&texts), LabelType::Text, &texts);
        }
    }

    #[test]
    fn missing_labels_are_refused() {
        for missing in MISSING {
            expect_error(csv(&["1", missing]), "label-missing", 3);
        }
        expect_error(json(&["1", "null"]), "label-missing", 2);
    }

    #[test]
    fn json_values_keep_their_types() {
        expect(json(&["\"01\"", "\"2\""]), LabelType::Text, &["01", "2"]);
        expect(json(&["1", "2.5"]), LabelType::Float, &["1.0", "2.5"]);
        expect(json(&["true", "false"]), LabelType::Bool, &["True", "False"]);
        expect(json(&["[\"b\", 1]", "[]", "[true, 1.0]"]), LabelType::List, &["b", "1", "True", "1.0"]);
        expect_error(json(&["1", "\"a\""]), "label-mixed-types", 2);
        expect_error(json(&["{}"]), "label-type", 1);
        expect_error(json(&["[\"a\"]", "[[\"b\"]]"]), "label-type", 2);
    }

    #[test]
    fn csv_cells_may_be_lists_where_all_are() {
        expect(csv(&["\"[\"\"a\"\",\"\"b\"\"]\"", "[]"]), LabelType::List, &["a", "b"]);
        expect(csv(&["\"[\"\"a\"\"]\"", "b"]), LabelType::Text, &["[\"a\"]", "b"]);
    }
}

//! JSON files: an array of objects, objects one after the other, or one object a line.

use serde_json::{Deserializer, Value};

use super::position::{LineCounter, line_and_column};
use super::table::{Cell, Table};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// Reads all rows of `text`; with `one_a_line`, an object that does not end on its line is an error there.
pub(super) fn read(name: &str, one_a_line: bool, text: &str) -> Result<Table> {
    let mut rows = Rows { name, text, lines: LineCounter::new(text.as_bytes()), table: Table::new(name, false, std::iter::empty()) };
    let start = skip_white_space(text, 0);
    if text.as_bytes().get(start) == Some(&b'[') {
        rows.read_array(start + 1)?;
    } else if one_a_line {
        rows.read_lines()?;
    } else {
        rows.read_sequence(start, text.len())?;
    }
    Ok(rows.table)
}

struct Rows<'a> {
    name: &'a str,
    text: &'a str,
    lines: LineCounter<'a>,
    table: Table,
}

impl Rows<'_> {
    fn read_array(&mut self, after_bracket: usize) -> Result<()> {
        let mut at = skip_white_space(self.text, after_bracket);
        if self.byte(at) != Some(b']') {
            loop {
                at = skip_white_space(self.text, self.read_row(at, self.text.len())?);
                match self.byte(at) {
                    Some(b',') => at = skip_white_space(self.text, at + 1),
                    Some(b']') => break,
                    _ => return Err(self.unexpected(at, "`,` or `]`")),
                }
            }
        }
        match skip_white_space(self.text, at + 1) {
            end if end == self.text.len() => Ok(()),
            trailing => Err(self.unexpected(trailing, "the end of the file after the array")),
        }
    }

    fn read_lines(&mut self) -> Result<()> {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            let end = start + line.trim_end_matches(['\r', '\n']).len();
            self.read_sequence(skip_white_space(self.text, start).min(end), end)?;
            start += line.len();
        }
        Ok(())
    }

    fn read_sequence(&mut self, start: usize, end: usize) -> Result<()> {
        let mut at = start;
        while at < end {
            at = skip_white_space(self.text, self.read_row(at, end)?).min(end);
        }
        Ok(())
    }

    /// Reads the object that begins at `start`, and returns where it ends.
    fn read_row(&mut self, start: usize, end: usize) -> Result<usize> {
        let mut values = Deserializer::from_str(&self.text[start..end]).into_iter::<Value>();
        let value = match values.next() {
            Some(value) => value.map_err(|error| self.not_json(start, &error))?,
            None => return Err(self.unexpected(start, "an object")),
        };
        let line = self.lines.line_of(start);
        match value {
            Value::Object(object) => self.table.push_named(line, object.into_iter().map(|(key, value)| (key, cell(value)))),
            other => return Err(self.not_an_object(start, other)),
        }
        Ok(start + values.byte_offset())
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.text.as_bytes().get(offset).copied()
    }

    fn site(&self, offset: usize) -> Site {
        let (line, column) = line_and_column(self.text.as_bytes(), offset);
        Site::file(self.name).at(Place::Line(line, column))
    }

    fn unexpected(&self, offset: usize, expected: &str) -> Error {
        let found = self.text.get(offset..).and_then(|rest| rest.chars().next());
        let found = found.map_or("the end of the file".to_owned(), |character| format!("`{}`", character.escape_debug()));
        Error::malformed(Diagnostic::new("table-json", self.site(offset), "the JSON is malformed").expected(expected).found(found))
    }

    /// serde_json counts lines and columns from `start`; the site counts them in the file.
    fn not_json(&self, start: usize, error: &serde_json::Error) -> Error {
        let (line, column) = line_and_column(self.text.as_bytes(), start);
        let below = (error.line() as u64).saturating_sub(1);
        let error_column = error.column() as u64;
        let column = if below == 0 { (column + error_column).saturating_sub(1) } else { error_column };
        let site = Site::file(self.name).at(Place::Line(line + below, column.max(1)));
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let diagnostic = Diagnostic::new("table-json", site, format!("the JSON is malformed: {message}"));
        Error::malformed(diagnostic.hint("a table is an array of objects, or one object a line; NaN and Infinity are not JSON"))
    }

    fn not_an_object(&self, start: usize, value: Value) -> Error {
        let diagnostic = Diagnostic::new("table-row-not-object", self.site(start), "the row is not an object")
            .expected(r#"an object such as {"text": "Good.", "label": 1}"#)
            .found(cell(value).describe());
        Error::malformed(diagnostic)
    }
}

fn skip_white_space(text: &str, start: usize) -> usize {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// The value as a cell; arrays keep their elements, objects only that they are objects.
pub(super) fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(value),
        Value::String(text) => Cell::Text(text),
        Value::Array(elements) => Cell::List(elements.into_iter().map(cell).collect()),
        Value::Object(_) => Cell::Object,
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Cell::Integer(integer),
            None => Cell::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_at(one_a_line: bool, text: &str) -> (&'static str, Place) {
        let error = read("t.json", one_a_line, text).unwrap_err();
        (error.diagnostic().code, error.diagnostic().site.place.clone())
    }

    #[test]
    fn arrays_lines_and_sequences_give_the_same_table() {
        let array = read("t", false, "[\n {\"a\": 1},\n\n {\"a\": 2,\n  \"b\": null}\n]\n").unwrap();
        assert_eq!(array.lines(), [2, 4]);
        let lines = read("t", true, "{\"a\": 1}\r\n\r\n{\"a\": 2, \"b\": null}").unwrap();
        assert_eq!(lines.lines(), [1, 3]);
        let sequence = read("t", false, "{\"a\": 1} {\"a\":\n2}").unwrap();
        assert_eq!(sequence.lines(), [1, 1]);
        for table in [array, lines, sequence] {
            assert!(table.cells("a").unwrap().eq([&Cell::Integer(1), &Cell::Integer(2)]));
        }
    }

    #[test]
    fn keys_that_a_row_lacks_are_null() {
        let table = read("t", true, "{\"a\": true}\n{\"b\": [1.5, \"x\"]}\n{\"a\": {}}").unwrap();
        assert!(table.cells("a").unwrap().eq([&Cell::Bool(true), &Cell::Null, &Cell::Object]));
        let list = Cell::List(vec![Cell::Float(1.5), Cell::Text("x".into())]);
        assert!(table.cells("b").unwrap().eq([&Cell::Null, &list, &Cell::Null]));
    }

    #[test]
    fn errors_point_into_the_file() {
        assert_eq!(error_at(true, "{\"a\": 1}\n{\"a\": }\n"), ("table-json", Place::Line(2, 7)));
        assert_eq!(error_at(true, "{\"a\": 1\n{\"a\": 2}\n").1, Place::Line(1, 7));
        assert_eq!(error_at(false, "[\n{\"a\": 1}\n{\"a\": 2}]"), ("table-json", Place::Line(3, 1)));
        assert_eq!(error_at(false, "[{\"a\": 1}] x"), ("table-json", Place::Line(1, 12)));
        assert_eq!(error_at(false, "[{\"a\": 1},"), ("table-json", Place::Line(1, 11)));
        assert_eq!(error_at(false, "[\n  3]"), ("table-row-not-object", Place::Line(2, 3)));
        assert_eq!(error_at(true, "{\"a\": NaN}").0, "table-json");
    }
}

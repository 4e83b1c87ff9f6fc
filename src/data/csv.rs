//! CSV and TSV files: every cell a text, every row as long as the header.

use ::csv::{ReaderBuilder, StringRecord};
use indexmap::IndexSet;

use super::position::{LineCounter, line_and_column};
use super::table::{Cell, Table};
use super::wording::quoted;
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// Reads the header and all rows of `text`.
pub(super) fn read(name: &str, delimiter: u8, text: &str) -> Result<Table> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut lines = LineCounter::new(text.as_bytes());
    let mut record = StringRecord::new();
    let mut table: Option<Table> = None;
    while reader.read_record(&mut record).map_err(|error| unreadable(name, &error))? {
        let start = record_start(text, record.position().map_or(0, |position| position.byte()));
        let line = lines.line_of(start);
        if reader.position().byte() >= text.len() as u64 {
            check_quotes_closed(name, delimiter, text, start)?;
        }
        match &mut table {
            None => table = Some(Table::new(name, true, header(name, line, &record)?.into_iter())),
            Some(table) if is_blank(&record, table.columns().len()) => {}
            Some(table) => {
                check_length(name, line, table.columns().len(), record.len())?;
                table.push_ordered(line, record.iter().map(|cell| Cell::Text(cell.to_owned())));
            }
        }
    }
    table.ok_or_else(|| {
        let diagnostic = Diagnostic::new("table-empty", Site::file(name), "the file is empty");
        Error::malformed(diagnostic.expected("a header line and at least one row"))
    })
}

/// The parser's position of a record may lie before the line end that closed the record before, and before blank lines.
fn record_start(text: &str, position: u64) -> usize {
    let position = usize::try_from(position).unwrap_or(text.len()).min(text.len());
    let skipped = text.as_bytes()[position..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    position + skipped
}

/// Lines of white space are no rows, as in pandas.
fn is_blank(record: &StringRecord, columns: usize) -> bool {
    columns > 1 && record.len() == 1 && record.iter().all(|cell| cell.trim().is_empty())
}

fn header(name: &str, line: u64, record: &StringRecord) -> Result<IndexSet<String>> {
    let mut columns = IndexSet::new();
    for column in record {
        if !columns.insert(column.to_owned()) {
            let site = Site::file(name).at(Place::Line(line, 1));
            let message = format!("the header names column {} twice", quoted(column));
            let diagnostic = Diagnostic::new("table-duplicate-column", site, message);
            return Err(Error::malformed(diagnostic.hint("rename or remove one of the two columns")));
        }
    }
    Ok(columns)
}

fn check_length(name: &str, line: u64, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let site = Site::file(name).at(Place::Line(line, 1));
    let diagnostic = Diagnostic::new("table-ragged-row", site, "the row is not as long as the header")
        .expected(format!("{expected} cells"))
        .found(found)
        .hint("put cells that hold the delimiter in double quotes");
    Err(Error::malformed(diagnostic))
}

/// A quoted cell that never ends would swallow the rest of the file as its text.
fn check_quotes_closed(name: &str, delimiter: u8, text: &str, record_start: usize) -> Result<()> {
    let Some(offset) = unclosed_quote(&text.as_bytes()[record_start..], delimiter) else { return Ok(()) };
    let (line, column) = line_and_column(text.as_bytes(), record_start + offset);
    let site = Site::file(name).at(Place::Line(line, column));
    let diagnostic = Diagnostic::new("table-unclosed-quote", site, "the quoted cell that begins here never ends")
        .expected("a closing double quote")
        .found("the end of the file")
        .hint("a quote that belongs to a text is written twice, inside a quoted cell");
    Err(Error::malformed(diagnostic))
}

/// Where the quote stands that is still open at the end of `record`.
fn unclosed_quote(record: &[u8], delimiter: u8) -> Option<usize> {
    let mut opened = None;
    let mut cell_begins = true;
    let mut bytes = record.iter().enumerate().peekable();
    while let Some((offset, &byte)) = bytes.next() {
        if opened.is_some() {
            if byte == b'"' && bytes.next_if(|(_, next)| **next == b'"').is_none() {
                opened = None;
            }
        } else if byte == b'"' && cell_begins {
            opened = Some(offset);
            cell_begins = false;
        } else {
            cell_begins = byte == delimiter || matches!(byte, b'\r' | b'\n');
        }
    }
    opened
}

fn unreadable(name: &str, error: &::csv::Error) -> Error {
    let line = error.position().map_or(1, |position| position.line().max(1));
    let site = Site::file(name).at(Place::Line(line, 1));
    Error::malformed(Diagnostic::new("table-csv", site, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        read("t.csv", b',', text).unwrap()
    }

    fn code(text: &str) -> (&'static str, Place) {
        let error = read("t.csv", b',', text).unwrap_err();
        (error.diagnostic().code, error.diagnostic().site.place.clone())
    }

    #[test]
    fn quoted_cells_hold_delimiters_quotes_and_lines() {
        let table = table("text,label\n\"a, \"\"b\"\"\nc\",1\nd,2\n");
        assert_eq!(table.text_column("text").unwrap(), ["a, \"b\"\nc", "d"]);
        assert_eq!(table.lines(), [2, 4]);
    }

    #[test]
    fn every_line_end_and_blank_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let table = table(&["text,label", "a,1", "", "  ", "b,2"].join(end));
            assert_eq!(table.text_column("text").unwrap(), ["a", "b"]);
            assert_eq!(table.lines(), [2, 5], "{end:?}");
        }
    }

    #[test]
    fn text_after_a_closing_quote_is_kept_as_pandas_keeps_it() {
        assert_eq!(table("a,b\n\"x\"y,\"q\"\"\"\n").text_column("a").unwrap(), ["xy"]);
    }

    #[test]
    fn empty_cells_are_empty_texts() {
        assert_eq!(table("text,label\n,1\n\"\",2\n").text_column("text").unwrap(), ["", ""]);
    }

    #[test]
    fn ragged_rows_are_refused_with_their_line() {
        assert_eq!(code("a,b\n1,2\n3\n"), ("table-ragged-row", Place::Line(3, 1)));
        assert_eq!(code("a,b\r\n1,2\r\n3,4,5\r\n"), ("table-ragged-row", Place::Line(3, 1)));
    }

    #[test]
    fn an_unclosed_quote_is_found_where_it_opens() {
        assert_eq!(code("a,b\n1,2\nx,\"y\nz,1\n"), ("table-unclosed-quote", Place::Line(3, 3)));
        assert_eq!(code("a,b\n1,\""), ("table-unclosed-quote", Place::Line(2, 3)));
        assert_eq!(table("a,b\n1,x\"").len(), 1);
    }

    #[test]
    fn headers_name_each_column_once() {
        assert_eq!(code("a,b,a\n1,2,3\n"), ("table-duplicate-column", Place::Line(1, 1)));
        assert_eq!(code(""), ("table-empty", Place::Whole));
        assert_eq!(table("\na,b\n1,2\n").lines(), [3]);
    }
}

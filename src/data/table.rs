//! Tables of texts and labels, read from CSV, TSV, JSON and JSON lines.

use indexmap::IndexMap;

use super::label_column::LabelColumn;
use super::position::line_and_column;
use super::wording::{listed, quoted};
use super::{csv, json, label_inference};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::nearest::nearest;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header line (`.csv`).
    Csv,
    /// Tab-separated values with a header line, quoted as CSV is (`.tsv`).
    Tsv,
    /// An array of objects, or objects one after the other (`.json`).
    Json,
    /// One object a line (`.jsonl`, `.ndjson`); an array of objects is taken too, as `datasets` takes it.
    Jsonl,
}

impl TableFormat {
    /// The format that the extension of `path` names, in upper or lower case.
    ///
    /// # Errors
    /// `table-format` where the extension is none of the known ones.
    pub fn of(path: &str) -> Result<TableFormat> {
        let file_name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Ok(TableFormat::Csv),
            "tsv" => Ok(TableFormat::Tsv),
            "json" => Ok(TableFormat::Json),
            "jsonl" | "ndjson" => Ok(TableFormat::Jsonl),
            _ => Err(Error::unsupported(
                Diagnostic::new("table-format", Site::file(path), "the extension names no known table format")
                    .expected(".csv, .tsv, .json, .jsonl or .ndjson")
                    .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
                    .hint("rename the file after its format, or convert it"),
            )),
        }
    }
}

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// JSON `null`, or a key that the row's object lacks.
    Null,
    /// A text; every cell of a CSV or TSV file, as it is written there.
    Text(String),
    /// A JSON number without fraction or exponent that fits in 64 bits.
    Integer(i64),
    /// Any other JSON number.
    Float(f64),
    /// A JSON `true` or `false`.
    Bool(bool),
    /// A JSON array.
    List(Vec<Cell>),
    /// A JSON object; its content is of no use here and is not kept.
    Object,
}

impl Cell {
    /// What the cell is, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Cell::Null => "null",
            Cell::Text(_) => "a text",
            Cell::Integer(_) => "an integer",
            Cell::Float(_) => "a float",
            Cell::Bool(_) => "a bool",
            Cell::List(_) => "a list",
            Cell::Object => "an object",
        }
    }
}

/// Rows with named columns, each row knowing the line on which it begins.
///
/// # Examples
/// ```
/// use rtrain::data::{Table, TableFormat};
///
/// let table = Table::read("train.csv", TableFormat::Csv, b"text,label\nGood.,1\n")?;
/// assert_eq!(table.text_column("text")?, ["Good."]);
/// # Ok::<(), rtrain::diagnostic::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    name: String,
    untyped: bool,
    lines: Vec<u64>,
    columns: IndexMap<String, Vec<(usize, Cell)>>,
}

impl Table {
    /// Reads a table; `name` is what messages call the file.
    ///
    /// CSV and TSV follow RFC 4180: quoted cells may hold delimiters, doubled quotes and line ends; lines end in `\n`, `\r\n` or `\r`; blank
    /// lines are skipped. A byte order mark is skipped in every format.
    ///
    /// # Errors
    /// `table-encoding`, `table-empty`, `table-duplicate-column`, `table-ragged-row`, `table-unclosed-quote`, `table-json`,
    /// `table-row-not-object`: the bytes are no such table.
    pub fn read(name: &str, format: TableFormat, bytes: &[u8]) -> Result<Table> {
        let text = decode(name, bytes)?;
        let table = match format {
            TableFormat::Csv => csv::read(name, b',', text)?,
            TableFormat::Tsv => csv::read(name, b'\t', text)?,
            TableFormat::Json => json::read(name, false, text)?,
            TableFormat::Jsonl => json::read(name, true, text)?,
        };
        if table.is_empty() {
            let diagnostic = Diagnostic::new("table-empty", Site::file(name), "the table has no rows");
            return Err(Error::malformed(diagnostic.expected("at least one row")));
        }
        Ok(table)
    }

    /// A table without rows; `untyped` where cells are texts whose type is yet to be inferred.
    pub(super) fn new(name: &str, untyped: bool, columns: impl Iterator<Item = String>) -> Table {
        let columns = columns.map(|column| (column, Vec::new())).collect();
        Table { name: name.to_owned(), untyped, lines: Vec::new(), columns }
    }

    /// Adds a row; columns not met before are created, and are null in earlier rows.
    pub(super) fn push_named(&mut self, line: u64, cells: impl Iterator<Item = (String, Cell)>) {
        let row = self.lines.len();
        self.lines.push(line);
        for (column, cell) in cells {
            self.columns.entry(column).or_default().push((row, cell));
        }
    }

    /// Adds a row whose cells stand in the order of the columns.
    pub(super) fn push_ordered(&mut self, line: u64, cells: impl Iterator<Item = Cell>) {
        let row = self.lines.len();
        self.lines.push(line);
        for ((_, column), cell) in self.columns.iter_mut().zip(cells) {
            column.push((row, cell));
        }
    }

    /// What messages call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no rows; never true of a table that [`Table::read`] returned.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line, counted from 1, on which each row begins.
    pub fn lines(&self) -> &[u64] {
        &self.lines
    }

    /// The names of the columns in their order in the file.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// Whether there is a column of this name.
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// The cells of a column, one a row.
    ///
    /// # Errors
    /// `table-no-column`, which lists the columns there are.
    pub fn cells(&self, name: &str) -> Result<impl Iterator<Item = &Cell>> {
        let stored = self.columns.get(name).ok_or_else(|| self.no_column(name))?;
        let mut present = stored.iter().peekable();
        Ok((0..self.len()).map(move |row| present.next_if(|(at, _)| *at == row).map_or(&Cell::Null, |(_, cell)| cell)))
    }

    /// The name of the text column where the user names none: `sentence`, else `text`.
    ///
    /// # Errors
    /// `table-no-column` where there is neither.
    ///
    /// # Source
    /// `run_classification.py` takes `sentence`; `text` is ours.
    pub fn default_text_column(&self) -> Result<&str> {
        ["sentence", "text"].into_iter().find(|name| self.has_column(name)).ok_or_else(|| {
            let message = r#"there is no text column "sentence" or "text""#;
            let diagnostic = Diagnostic::new("table-no-column", Site::file(&self.name), message);
            Error::malformed(diagnostic.found(format!("columns {}", listed(self.columns()))).hint("name the column that holds the texts"))
        })
    }

    /// The texts of a column, as they are written.
    ///
    /// An empty CSV cell is the empty text, and cells such as `NA` or `null` are themselves (pandas would make them `None`, on which
    /// `run_classification.py` fails).
    ///
    /// # Errors
    /// `table-no-column`; `table-not-text` at the first JSON cell that is not a string.
    pub fn text_column(&self, name: &str) -> Result<Vec<&str>> {
        let texts = self.cells(name)?.enumerate().map(|(row, cell)| match cell {
            Cell::Text(text) => Ok(text.as_str()),
            other => Err(self.not_text(name, row, other)),
        });
        texts.collect()
    }

    /// The labels of a column, with the type that pandas and `datasets` would infer for it.
    ///
    /// # Errors
    /// `table-no-column`; `label-missing`, `label-mixed-types` or `label-type` at the first label that is none.
    pub fn label_column(&self, name: &str) -> Result<LabelColumn> {
        let cells: Vec<&Cell> = self.cells(name)?.collect();
        label_inference::infer(&self.name, name, &self.lines, self.untyped, &cells)
    }

    fn not_text(&self, column: &str, row: usize, cell: &Cell) -> Error {
        let site = Site::file(&self.name).at(Place::Line(self.lines[row], 1));
        let message = format!("column {}: the cell is not a text", quoted(column));
        let diagnostic = Diagnostic::new("table-not-text", site, message).expected("a string").found(cell.describe());
        Error::malformed(diagnostic.hint("put the text in quotes, or remove the row"))
    }

    fn no_column(&self, name: &str) -> Error {
        let site = Site::file(&self.name).at(Place::Column(name.to_owned()));
        let diagnostic = Diagnostic::new("table-no-column", site, format!("there is no column {}", quoted(name)))
            .found(format!("columns {}", listed(self.columns())));
        Error::malformed(match nearest(name, self.columns()) {
            Some(near) => diagnostic.hint(format!("did you mean {}?", quoted(near))),
            None => diagnostic.hint("name one of the columns that the file has"),
        })
    }
}

/// The text of the file without its byte order mark.
fn decode<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = line_and_column(bytes, error.valid_up_to());
        let found = bytes.get(error.valid_up_to()).map_or("the end of the file".to_owned(), |byte| format!("byte 0x{byte:02x}"));
        let diagnostic = Diagnostic::new("table-encoding", Site::file(name).at(Place::Line(line, column)), "the file is not UTF-8");
        let utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
        let hint = if utf16 { "the file is UTF-16: save it as UTF-8" } else { "save the file as UTF-8" };
        Error::malformed(diagnostic.expected("UTF-8").found(found).hint(hint))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(format: TableFormat, bytes: &[u8]) -> Diagnostic {
        Table::read("t.csv", format, bytes).unwrap_err().diagnostic().clone()
    }

    #[test]
    fn formats_are_told_by_extension() {
        let formats = [("a.csv", TableFormat::Csv), ("b.c/A.TSV", TableFormat::Tsv), ("x.json", TableFormat::Json)];
        for (path, format) in formats.into_iter().chain([("x.jsonl", TableFormat::Jsonl), ("x.ndjson", TableFormat::Jsonl)]) {
            assert_eq!(TableFormat::of(path).unwrap(), format);
        }
        for path in ["a.parquet", "a.csv/b", "csv", ""] {
            assert_eq!(TableFormat::of(path).unwrap_err().diagnostic().code, "table-format");
        }
    }

    #[test]
    fn missing_columns_are_reported_with_those_there_are() {
        let table = Table::read("t.csv", TableFormat::Csv, b"sentence,Label\na,1\n").unwrap();
        let missing = table.label_column("label").unwrap_err();
        let message = r#"t.csv, column label: there is no column "label" (found columns "sentence", "Label")"#;
        assert_eq!(missing.to_string(), message);
        assert_eq!(missing.diagnostic().hint.as_deref(), Some(r#"did you mean "Label"?"#));
    }

    #[test]
    fn the_default_text_column_is_sentence_then_text() {
        let default = |bytes: &[u8]| Table::read("t", TableFormat::Csv, bytes).unwrap().default_text_column().map(str::to_owned);
        assert_eq!(default(b"text,sentence\na,b\n").unwrap(), "sentence");
        assert_eq!(default(b"text,label\na,b\n").unwrap(), "text");
        assert_eq!(default(b"review,label\na,b\n").unwrap_err().diagnostic().code, "table-no-column");
    }

    #[test]
    fn texts_must_be_texts() {
        let table = Table::read("t.json", TableFormat::Json, b"[{\"text\": \"a\"},\n{\"text\": 3}]").unwrap();
        let message = r#"t.json:2:1: column "text": the cell is not a text (expected a string, found an integer)"#;
        assert_eq!(table.text_column("text").unwrap_err().to_string(), message);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_located() {
        let found = error(TableFormat::Csv, b"a,b\n\xc3\xa9x\xff,1\n");
        assert_eq!((found.code, found.site.place), ("table-encoding", Place::Line(2, 3)));
        let found = error(TableFormat::Csv, b"\xff\xfea\0,\0");
        assert_eq!(found.hint.as_deref(), Some("the file is UTF-16: save it as UTF-8"));
    }

    #[test]
    fn tables_without_rows_are_refused() {
        for (format, bytes) in
            [(TableFormat::Csv, "a,b\n"), (TableFormat::Csv, "\u{feff}"), (TableFormat::Json, "[]"), (TableFormat::Jsonl, "\n")]
        {
            assert_eq!(error(format, bytes.as_bytes()).code, "table-empty");
        }
    }
}

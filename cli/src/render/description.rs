//! What `rtrain inspect` found in files, and what `rtrain convert` wrote.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::inspect::{Contents, Description, Table};
use rtrain::storage::commit::Files;

use super::wording::{counted, human_bytes, printable};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default();

/// Of a directory: a line for each file, a paragraph for each whose kind is known, the total.
pub fn directory(path: &str, descriptions: &[Description]) -> String {
    let mut out = String::new();
    let width = descriptions.iter().map(|description| printable(&description.name).chars().count()).max().unwrap_or(0);
    for description in descriptions {
        let (name, size) = (printable(&description.name), human_bytes(description.bytes));
        let _ = writeln!(out, "{name:width$}  {size:>10}  {}", description.kind.unwrap_or("unknown"));
    }
    for description in descriptions.iter().filter(|description| description.kind.is_some()) {
        let _ = writeln!(out, "\n{BOLD}{}{BOLD:#}", printable(&description.name));
        body(&mut out, description);
    }
    let bytes = descriptions.iter().map(|description| description.bytes).sum();
    let _ = writeln!(out, "\n{}: {}, {}", printable(path), counted(descriptions.len(), "file"), human_bytes(bytes));
    out
}

/// Of a file: what it is, and all that it says of itself.
pub fn file(path: &str, descriptions: &[Description]) -> String {
    let mut out = String::new();
    for description in descriptions {
        let kind = description.kind.unwrap_or("unknown");
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}: {kind}, {}", printable(path), human_bytes(description.bytes));
        body(&mut out, description);
    }
    out
}

/// For programs: an object with the path, and a list of files.
pub fn json(path: &str, descriptions: &[Description]) -> String {
    let files = descriptions.iter().map(Description::to_json).collect();
    let value = Json::Object(vec![("path".to_owned(), path.into()), ("files".to_owned(), Json::Array(files))]);
    dumps(&value, Layout::PythonUnicode { indent: 2 }) + "\n"
}

/// The files of a new directory.
pub fn written(path: &str, files: &Files<'_>) -> String {
    let size = |pieces: &[std::borrow::Cow<'_, [u8]>]| pieces.iter().map(|piece| piece.len() as u64).sum();
    let mut rows: Vec<(String, u64)> = files.iter().map(|(name, pieces)| (printable(name), size(pieces))).collect();
    rows.sort();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, bytes) in &rows {
        let _ = writeln!(out, "{name:width$}  {:>10}", human_bytes(*bytes));
    }
    let total = rows.iter().map(|(_, bytes)| bytes).sum();
    let _ = writeln!(out, "{}: {} written, {}", printable(path), counted(rows.len(), "file"), human_bytes(total));
    out
}

fn body(out: &mut String, description: &Description) {
    if let Some(error) = &description.error {
        let _ = writeln!(out, "  {BAD}{}{BAD:#}", printable(&error.to_string()));
    }
    let Contents { facts, tables } = &description.contents;
    let width = facts.iter().map(|(key, _)| printable(key).chars().count()).max().unwrap_or(0);
    for (key, value) in facts {
        let _ = writeln!(out, "  {DIM}{:width$}{DIM:#}  {}", printable(key), fact(value));
    }
    for rows in tables {
        table(out, rows);
    }
}

/// Columns as wide as their widest cell; numbers stand on the right.
fn table(out: &mut String, table: &Table) {
    let cells: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let width = |column: usize| {
        let widest = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(table.columns[column].len())
    };
    let is_number =
        |column: usize| table.rows.iter().all(|row| matches!(row.get(column), Some(Json::Integer(_) | Json::Float(_) | Json::Null)));
    let widths: Vec<(usize, bool)> = (0..table.columns.len()).map(|column| (width(column), is_number(column))).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded =
            cells.zip(&widths).map(|(cell, &(width, right))| if right { format!("{cell:>width$}") } else { format!("{cell:width$}") });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let _ = writeln!(out, "\n  {DIM}{}{DIM:#}", line(&mut table.columns.iter().copied()));
    for row in &cells {
        let _ = writeln!(out, "  {}", line(&mut row.iter().map(String::as_str)));
    }
}

/// Texts without quotes, the rest as compact JSON.
fn fact(value: &Json) -> String {
    value.as_str().map_or_else(|| printable(&dumps(value, Layout::Compact)), printable)
}

/// The same in a table, where numbers have six digits and nothing is a dash.
fn cell(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Float(number) if *number != 0.0 && !(1e-3..1e6).contains(&number.abs()) => format!("{number:.5e}"),
        Json::Float(number) => format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        value => fact(value),
    }
}

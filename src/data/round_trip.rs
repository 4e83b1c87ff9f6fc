//! Tables that other writers wrote are read back equal, and bytes that are no table never panic.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Texts full of what makes CSV hard.
fn hard_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a,\"\t\r\n; é\u{2028}]{0,12}"]
        .prop_filter("a mark at the beginning of a file is skipped", |text| !text.starts_with('\u{feff}'))
}

fn scalar() -> impl Strategy<Value = Value> {
    let float = any::<f64>().prop_filter("JSON has finite numbers only", |float| float.is_finite());
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        float.prop_map(Value::from),
        hard_text().prop_map(Value::from),
    ]
}

fn as_cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(*value),
        Value::Number(number) => number.as_i64().map_or_else(|| Cell::Float(number.as_f64().unwrap()), Cell::Integer),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(elements) => Cell::List(elements.iter().map(as_cell).collect()),
        Value::Object(_) => Cell::Object,
    }
}

fn all_formats() -> [TableFormat; 4] {
    [TableFormat::Csv, TableFormat::Tsv, TableFormat::Json, TableFormat::Jsonl]
}

/// Everything that can be asked of a table.
fn use_all(table: &Table) {
    let columns: Vec<&str> = table.columns().collect();
    for column in columns {
        let _ = table.text_column(column);
        if let Ok(labels) = table.label_column(column) {
            for do_regression in [None, Some(false), Some(true)] {
                if let Ok((task, _)) = Task::infer(&labels, &[&labels], do_regression) {
                    let _ = task.labels(&labels);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn csv_round_trip(rows in vec([hard_text(), hard_text()], 1..8), tabs: bool, crlf: bool) {
        let (format, delimiter) = if tabs { (TableFormat::Tsv, b'\t') } else { (TableFormat::Csv, b',') };
        let end = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
        let mut writer = ::csv::WriterBuilder::new().delimiter(delimiter).terminator(end).from_writer(Vec::new());
        writer.write_record(["first", "second"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let table = Table::read("t", format, &writer.into_inner().unwrap()).unwrap();
        prop_assert_eq!(table.text_column("first").unwrap(), rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>());
        prop_assert_eq!(table.text_column("second").unwrap(), rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn csv_lines_are_where_the_rows_begin(rows in vec(vec("[a-z]{1,3}", 1..4), 1..8)) {
        let mut text = "text,label\r\n".to_owned();
        let mut expected = Vec::new();
        for lines in &rows {
            expected.push(text.matches('\n').count() as u64 + 1);
            text.push_str(&format!("\"{}\",x\r\n", lines.join("\r\n")));
        }
        let table = Table::read("t", TableFormat::Csv, text.as_bytes()).unwrap();
        prop_assert_eq!(table.lines(), expected);
    }

    #[test]
    fn json_round_trip(rows in vec((scalar(), vec(scalar(), 0..3)), 1..8), indented: bool, one_a_line: bool) {
        let objects: Vec<Value> = rows.iter().map(|(value, list)| json!({"value": value, "list": list})).collect();
        let (format, text) = match (one_a_line, indented) {
            (true, _) => (TableFormat::Jsonl, objects.iter().map(|object| format!("{object}\n")).collect()),
            (false, true) => (TableFormat::Json, serde_json::to_string_pretty(&objects).unwrap()),
            (false, false) => (TableFormat::Json, objects.iter().map(|object| format!("{object:#} ")).collect()),
        };
        let table = Table::read("t", format, text.as_bytes()).unwrap();
        let values: Vec<Cell> = objects.iter().map(|object| as_cell(&object["value"])).collect();
        let lists: Vec<Cell> = objects.iter().map(|object| as_cell(&object["list"])).collect();
        prop_assert!(table.cells("value").unwrap().eq(values.iter()));
        prop_assert!(table.cells("list").unwrap().eq(lists.iter()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        for format in all_formats() {
            if let Ok(table) = Table::read("t", format, &bytes) {
                use_all(&table);
            }
        }
    }

    #[test]
    fn almost_tables_never_panic(text in "([\\[\\]{},:\"\r\n\t ]|[0-9.eE+-]{1,3}|true|null|\"a\":|\"é\"|a,b\n|\u{feff}){0,40}") {
        for format in all_formats() {
            if let Ok(table) = Table::read("t", format, text.as_bytes()) {
                use_all(&table);
            }
        }
    }

    #[test]
    fn arbitrary_tokenizers_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(Tokenizer::from_json(&bytes).is_err());
    }
}

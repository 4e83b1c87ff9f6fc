//! What is told of a table: its columns, and which of them seem to hold texts and labels.

use rtrain::data::{Cell, LabelValues, Table};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Names that columns of texts have, the likeliest first.
const TEXTS: [&str; 6] = ["sentence", "text", "review", "content", "comment", "message"];

/// Names that columns of labels have, the likeliest first.
const LABELS: [&str; 6] = ["label", "labels", "class", "category", "sentiment", "target"];

/// Rows of the preview.
const PREVIEW_ROWS: usize = 8;

/// Most characters of a cell of the preview.
const PREVIEW_CHARS: usize = 200;

/// Most labels that are told of.
const MOST_LABELS: usize = 100;

/// Which columns hold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The columns of the texts: none, one, or two of pairs.
    pub texts: Vec<String>,
    /// The column of the labels.
    pub labels: Option<String>,
}

/// The columns that arguments name, and where they name none, those that are guessed.
pub fn columns(table: &Table, arguments: &Map<String, Value>) -> Guess {
    let guess = guess(table);
    let names = |value: &Value| match value {
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        text => text.as_str().unwrap_or_default().split(',').map(str::to_owned).collect(),
    };
    let label = arguments.get("label_column_name").and_then(Value::as_str).map(str::to_owned);
    Guess { texts: arguments.get("text_column_names").map_or(guess.texts, names), labels: label.or(guess.labels) }
}

/// Looks at names first, then at what the columns hold: texts are long, labels are few.
pub fn guess(table: &Table) -> Guess {
    let columns: Vec<&str> = table.columns().collect();
    let named = |names: &[&str]| {
        let same = |name: &&str| columns.iter().find(|column| column.eq_ignore_ascii_case(name));
        names.iter().find_map(same).map(|column| (*column).to_owned())
    };
    let pair = ["sentence1", "sentence2"];
    let texts = match named(&TEXTS) {
        Some(text) => vec![text],
        None if pair.iter().all(|name| table.has_column(name)) => pair.map(str::to_owned).to_vec(),
        None => longest(table).into_iter().collect(),
    };
    let labels = named(&LABELS).or_else(|| fewest(table, &texts));
    Guess { texts, labels }
}

/// The column with the longest texts, if there are texts of more than one word in it.
fn longest(table: &Table) -> Option<String> {
    let length = |column: &&str| table.text_column(column).map_or(0, |texts| texts.iter().map(|text| text.len()).sum());
    let column = table.columns().max_by_key(length)?;
    let texts = table.text_column(column).ok()?;
    texts.iter().any(|text| text.trim().contains(' ')).then(|| column.to_owned())
}

/// The column of fewest different values, if they repeat.
fn fewest(table: &Table, texts: &[String]) -> Option<String> {
    let others = table.columns().filter(|column| !texts.iter().any(|text| text == column));
    let counted = others.filter_map(|column| Some((counts(table, column)?.len(), column)));
    let (_, column) = counted.filter(|(count, _)| *count >= 2 && *count <= table.len() / 2).min()?;
    Some(column.to_owned())
}

fn counts(table: &Table, column: &str) -> Option<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    match table.label_column(column).ok()?.values {
        LabelValues::Classes(names) => names.into_iter().for_each(|name| *counts.entry(name).or_default() += 1),
        LabelValues::MultiLabel(rows) => rows.into_iter().flatten().for_each(|name| *counts.entry(name).or_default() += 1),
        LabelValues::Values(_) => return None,
    }
    Some(counts)
}

/// What is told of a table.
pub fn describe(table: &Table, guess: &Guess) -> Value {
    let columns: Vec<&str> = table.columns().collect();
    let labels = guess.labels.as_deref().and_then(|column| counts(table, column)).unwrap_or_default();
    let labels = labels.iter().take(MOST_LABELS).map(|(name, count)| json!({"name": name, "count": count}));
    let cells = |column: &&str| -> Vec<String> {
        table.cells(column).map_or_else(|_| Vec::new(), |cells| cells.take(PREVIEW_ROWS).map(shown).collect())
    };
    let by_column: Vec<Vec<String>> = columns.iter().map(cells).collect();
    let row = |row: usize| by_column.iter().map(|column| column[row].clone()).collect::<Vec<_>>();
    json!({
        "name": table.name(),
        "rows": table.len(),
        "columns": columns,
        "textColumns": guess.texts,
        "labelColumn": guess.labels,
        "labels": labels.collect::<Vec<_>>(),
        "preview": (0..table.len().min(PREVIEW_ROWS)).map(row).collect::<Vec<_>>(),
    })
}

fn shown(cell: &Cell) -> String {
    let text = match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        Cell::Float(number) => number.to_string(),
        Cell::Bool(value) => value.to_string(),
        Cell::List(cells) => cells.iter().map(shown).collect::<Vec<_>>().join(", "),
        Cell::Object => "{…}".to_owned(),
    };
    match text.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtrain::data::TableFormat;

    fn table(text: &str) -> Table {
        Table::read("t.csv", TableFormat::Csv, text.as_bytes()).unwrap()
    }

    #[test]
    fn columns_are_guessed_by_name_then_by_content() {
        for (text, texts, labels) in [
            ("label,text\n1,a b\n0,c d\n", &["text"][..], Some("label")),
            ("sentence1,sentence2,label\na,b,1\nc,d,0\n", &["sentence1", "sentence2"], Some("label")),
            ("id,words,mood\n1,a good one,up\n2,a bad one,down\n3,a poor one,down\n4,fine by me,up\n", &["words"], Some("mood")),
            ("id,words\n1,a good one\n2,a bad one\n", &["words"], None),
            ("a,b\n1,2\n3,4\n", &[], None),
        ] {
            assert_eq!(
                guess(&table(text)),
                Guess { texts: texts.iter().map(|name| (*name).to_owned()).collect(), labels: labels.map(str::to_owned) },
                "{text}"
            );
        }
    }

    #[test]
    fn columns_that_are_named_are_not_guessed() {
        let table = table("text,note,label,mood\na b,c,1,up\nc d,c,1,down\ne f,c,0,up\n");
        for (arguments, texts, label) in [
            (json!({}), &["text"][..], "label"),
            (json!({"label_column_name": "mood"}), &["text"], "mood"),
            (json!({"text_column_names": "note,text", "seed": 1}), &["note", "text"], "label"),
            (json!({"text_column_names": ["note"], "label_column_name": "mood"}), &["note"], "mood"),
        ] {
            let named = columns(&table, arguments.as_object().unwrap());
            assert_eq!((named.texts, named.labels.as_deref()), (texts.iter().map(|name| (*name).to_owned()).collect(), Some(label)));
        }
    }

    #[test]
    fn a_table_is_described() {
        let table = table("text,label\na b,1\nc d,0\ne f,1\n");
        let described = describe(&table, &guess(&table));
        assert_eq!(described["labels"], json!([{"name": "0", "count": 1}, {"name": "1", "count": 2}]));
        assert_eq!((&described["rows"], &described["preview"][2]), (&3.into(), &json!(["e f", "1"])));
    }
}

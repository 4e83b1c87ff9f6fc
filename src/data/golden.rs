//! What transformers and `datasets` made of the same bytes: `tests/golden/data.json`, written by `tests/golden/data.py`.

use serde_json::Value;

use super::*;

const GOLDEN: &str = include_str!("../../tests/golden/data.json");
const TOKENIZER: &[u8] = include_bytes!("../../tests/golden/data/tokenizer.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn token_ids_are_those_of_transformers() {
    let golden = golden();
    let tokenizer = Tokenizer::from_json(TOKENIZER).unwrap();
    assert_eq!(tokenizer.vocab_size() as u64, golden["vocab_size"].as_u64().unwrap());
    let cases = golden["tokenization"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let texts = strings(&case["texts"]);
        let pairs = case["pairs"].as_array().map(|_| strings(&case["pairs"]));
        let max_length = case["max_length"].as_u64().unwrap() as usize;
        let examples = tokenizer.encode(&texts, pairs.as_deref(), max_length).unwrap();
        assert_eq!(examples.len(), texts.len());
        for (row, example) in examples.iter().enumerate() {
            assert_eq!(example.token_ids, ids(&case["input_ids"][row]), "{:?} cut to {max_length}", texts[row]);
            assert_eq!(example.token_type_ids, ids(&case["token_type_ids"][row]), "{:?} cut to {max_length}", texts[row]);
        }
    }
}

fn expected_labels(expected: &Value, split: &str, num_labels: usize) -> Labels {
    let labels = &expected["labels"][split];
    match expected["problem_type"].as_str().unwrap() {
        "regression" => Labels::Values(numbers(labels)),
        "single_label_classification" => Labels::Classes(ids(labels)),
        _ => Labels::MultiHot { num_labels, values: labels.as_array().unwrap().iter().flat_map(numbers).collect() },
    }
}

/// Infers the task of the case's tables and maps their labels, split by split in the order train, validation, test.
fn mapped(case: &Value, tables: &[(&str, Table)]) -> crate::diagnostic::Result<(Task, Vec<Labels>)> {
    let columns = tables.iter().map(|(_, table)| table.label_column("label")).collect::<crate::diagnostic::Result<Vec<_>>>()?;
    let others: Vec<&LabelColumn> = columns.iter().skip(1).collect();
    let (task, _) = Task::infer(&columns[0], &others, case["do_regression"].as_bool())?;
    let labels = columns.iter().map(|column| task.labels(column)).collect::<crate::diagnostic::Result<_>>()?;
    Ok((task, labels))
}

#[test]
fn labels_are_those_of_run_classification() {
    let golden = golden();
    let cases = golden["labels"].as_array().unwrap();
    assert_eq!(cases.len(), 34);
    for case in cases {
        let name = format!("{} ({})", case["name"], case["format"]);
        let format = TableFormat::of(&format!("t.{}", case["format"].as_str().unwrap())).unwrap();
        let files = case["files"].as_object().unwrap();
        let read = |content: &Value| Table::read("t", format, content.as_str().unwrap().as_bytes()).unwrap();
        let tables: Vec<(&str, Table)> = files.iter().map(|(split, content)| (split.as_str(), read(content))).collect();
        let expected = &case["expected"];
        if expected.is_null() {
            assert!(mapped(case, &tables).is_err(), "{name}");
            continue;
        }
        let (task, labels) = mapped(case, &tables).unwrap();
        assert_eq!(task.problem_type(), expected["problem_type"], "{name}");
        assert_eq!(task.num_labels() as u64, expected["num_labels"].as_u64().unwrap(), "{name}");
        if let Some(set) = task.label_set() {
            assert_eq!(set.names().collect::<Vec<_>>(), strings(&expected["names"]), "{name}");
        }
        for ((split, table), labels) in tables.iter().zip(labels) {
            assert_eq!(table.text_column("text").unwrap(), strings(&case["texts"][split]), "{name}");
            assert_eq!(labels, expected_labels(expected, split, task.num_labels()), "{name}, {split}");
        }
    }
}

//! What is to be learned, told from the label columns as transformers' `run_classification.py` tells it.

use indexmap::IndexSet;

use super::label_column::{LabelColumn, LabelType};
use super::labels::{LabelSet, Labels};
use super::wording::{listed, quoted};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// What a sequence classifier learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Each row has one class.
    SingleLabel(LabelSet),
    /// Each row has any number of labels.
    MultiLabel(LabelSet),
    /// Each row has a number.
    Regression,
}

impl Task {
    /// The task that the training labels ask for, and the names that occur in `others` (validation, test) only.
    ///
    /// Floats are a regression and lists are several labels a row; all else are classes, called as Python's `str` calls them, in the order
    /// of their code points. Names of all tables count, those of `others` read as the type of the training labels. `do_regression` decides
    /// what is not told by the type: `true` reads integers as numbers, `false` makes classes of floats. A label `-1` is a class like any
    /// other (the script counts it as one too, but gives its rows the id -1, on which the loss fails).
    ///
    /// # Errors
    /// `labels-too-few` where there are fewer than two classes, `label-type` where the labels of a table do not fit the task.
    ///
    /// # Source
    /// transformers, `examples/pytorch/text-classification/run_classification.py`, `get_label_list` and `main`.
    pub fn infer(train: &LabelColumn, others: &[&LabelColumn], do_regression: Option<bool>) -> Result<(Task, Vec<String>)> {
        if do_regression.unwrap_or(train.label_type == LabelType::Float) {
            return Ok((Task::Regression, Vec::new()));
        }
        let mut names: IndexSet<String> = (0..train.len()).flat_map(|row| train.row_names(row)).collect();
        let in_training = names.len();
        for other in others {
            for row in 0..other.len() {
                let cast = other.row_names_as(row, train.label_type);
                names.extend(cast.ok_or_else(|| other.wrong_type(row, train.label_type, &format!("of {}", train.file)))?);
            }
        }
        if names.len() < 2 {
            return Err(too_few(train, &names));
        }
        let mut unseen: Vec<String> = names.iter().skip(in_training).cloned().collect();
        unseen.sort_unstable();
        let set = LabelSet::sorted(names, train.label_type);
        Ok((if train.label_type == LabelType::List { Task::MultiLabel(set) } else { Task::SingleLabel(set) }, unseen))
    }

    /// The width of the classifier's output: `num_labels` of `config.json`.
    pub fn num_labels(&self) -> usize {
        self.label_set().map_or(1, LabelSet::len)
    }

    /// The classes; none for a regression.
    pub fn label_set(&self) -> Option<&LabelSet> {
        match self {
            Task::SingleLabel(set) | Task::MultiLabel(set) => Some(set),
            Task::Regression => None,
        }
    }

    /// What `problem_type` of `config.json` calls the task.
    pub fn problem_type(&self) -> &'static str {
        match self {
            Task::SingleLabel(_) => "single_label_classification",
            Task::MultiLabel(_) => "multi_label_classification",
            Task::Regression => "regression",
        }
    }

    /// The labels of a column as the loss takes them.
    ///
    /// # Errors
    /// `label-unknown`, `label-type` or `label-not-finite` at the first label that does not fit the task.
    pub fn labels(&self, column: &LabelColumn) -> Result<Labels> {
        let rows = 0..column.len();
        match self {
            Task::SingleLabel(set) => Ok(Labels::Classes(rows.map(|row| class_id(set, column, row)).collect::<Result<_>>()?)),
            Task::MultiLabel(set) => multi_hot(set, column),
            Task::Regression => Ok(Labels::Values(rows.map(|row| target(column, row)).collect::<Result<_>>()?)),
        }
    }
}

fn too_few(train: &LabelColumn, names: &IndexSet<String>) -> Error {
    let site = Site::file(&train.file).at(Place::Column(train.name.clone()));
    let diagnostic = Diagnostic::new("labels-too-few", site, "the labels are all the same")
        .expected("at least two classes")
        .found(if names.is_empty() { "none".to_owned() } else { listed(names.iter().map(String::as_str)) });
    Error::malformed(diagnostic.hint("check that the column is the label column, and that the file is complete"))
}

/// A name as it is written wins over the same value written as the classes of the set are.
fn class_id(set: &LabelSet, column: &LabelColumn, row: usize) -> Result<u32> {
    let names = column.row_names(row);
    let [name] = names.as_slice() else { return Err(column.wrong_type(row, set.label_type(), "of the task, one a row")) };
    let cast = || column.row_names_as(row, set.label_type())?.first().and_then(|name| set.id(name));
    match column.label_type {
        LabelType::List => Err(column.wrong_type(row, set.label_type(), "of the task, one a row")),
        _ => set.id(name).or_else(cast).ok_or_else(|| unknown(set, column, row, name)),
    }
}

fn multi_hot(set: &LabelSet, column: &LabelColumn) -> Result<Labels> {
    let num_labels = set.len();
    let mut values = vec![0.0; num_labels * column.len()];
    for (row, hot) in values.chunks_exact_mut(num_labels).enumerate() {
        if column.label_type != LabelType::List {
            return Err(column.wrong_type(row, LabelType::List, "of the task, any number a row"));
        }
        for name in column.row_names(row) {
            let id = set.id(&name).ok_or_else(|| unknown(set, column, row, &name))?;
            hot[id as usize] = 1.0;
        }
    }
    Ok(Labels::MultiHot { num_labels, values })
}

fn target(column: &LabelColumn, row: usize) -> Result<f32> {
    let number = column.row_number(row).ok_or_else(|| column.wrong_type(row, LabelType::Float, "of a regression"))?;
    let target = number as f32;
    if target.is_finite() {
        return Ok(target);
    }
    let diagnostic = column.diagnostic(row, "label-not-finite", "the label is no finite 32-bit float");
    Err(Error::malformed(diagnostic.found(number).hint("remove the row, or scale the labels")))
}

fn unknown(set: &LabelSet, column: &LabelColumn, row: usize, name: &str) -> Error {
    set.unknown(column.diagnostic(row, "label-unknown", &format!("unknown label {}", quoted(name))), name)
}

#[cfg(test)]
mod tests {
    use super::super::table::{Table, TableFormat};
    use super::*;

    fn csv(labels: &[&str]) -> LabelColumn {
        let text = format!("text,label\n{}", labels.iter().map(|label| format!("a,{label}\n")).collect::<String>());
        Table::read("t.csv", TableFormat::Csv, text.as_bytes()).unwrap().label_column("label").unwrap()
    }

    fn json(labels: &str) -> LabelColumn {
        let rows: Vec<String> = labels.split(';').map(|label| format!("{{\"label\": {label}}}")).collect();
        Table::read("t.json", TableFormat::Json, rows.join("\n").as_bytes()).unwrap().label_column("label").unwrap()
    }

    fn names(task: &Task) -> Vec<&str> {
        task.label_set().unwrap().names().collect()
    }

    #[test]
    fn classes_are_the_union_of_all_tables() {
        let (task, unseen) = Task::infer(&csv(&["10", "9"]), &[&csv(&["1", "9"])], None).unwrap();
        assert_eq!(names(&task), ["1", "10", "9"]);
        assert_eq!(unseen, ["1"]);
        assert_eq!((task.num_labels(), task.problem_type()), (3, "single_label_classification"));
        assert_eq!(task.labels(&csv(&["9", "010"])).unwrap(), Labels::Classes(vec![2, 1]));
    }

    #[test]
    fn other_tables_are_read_as_the_type_of_the_first() {
        let train = csv(&["0", "1"]);
        for other in [csv(&["1.0", "0.0"]), csv(&["True", "False"]), json("\"1\";\"0\"")] {
            let (task, unseen) = Task::infer(&train, &[&other], None).unwrap();
            assert!(unseen.is_empty());
            assert_eq!(task.labels(&other).unwrap(), Labels::Classes(vec![1, 0]));
        }
        for other in [csv(&["1.5", "0"]), csv(&["a", "b"]), json("[1];[0]")] {
            assert_eq!(Task::infer(&train, &[&other], None).unwrap_err().diagnostic().code, "label-type");
        }
        let (task, _) = Task::infer(&csv(&["a", "b"]), &[&csv(&["1.5", "2"]), &csv(&["True", "False"])], None).unwrap();
        assert_eq!(names(&task), ["1.5", "2", "a", "b", "false", "true"]);
    }

    #[test]
    fn regression_is_told_by_the_type_or_by_the_user() {
        let (task, _) = Task::infer(&csv(&["1.5", "2"]), &[], None).unwrap();
        assert_eq!((&task, task.num_labels()), (&Task::Regression, 1));
        assert_eq!(task.labels(&csv(&["1", "-2"])).unwrap(), Labels::Values(vec![1.0, -2.0]));
        assert_eq!(task.labels(&csv(&["1", "x"])).unwrap_err().diagnostic().code, "label-type");
        assert_eq!(task.labels(&csv(&["inf", "1"])).unwrap_err().diagnostic().code, "label-not-finite");
        assert_eq!(Task::infer(&csv(&["1", "2"]), &[], Some(true)).unwrap().0, Task::Regression);
        let (task, _) = Task::infer(&csv(&["1.0", "2.5"]), &[], Some(false)).unwrap();
        assert_eq!(names(&task), ["1.0", "2.5"]);
        assert_eq!(task.labels(&csv(&["1", "1"])).unwrap(), Labels::Classes(vec![0, 0]));
    }

    #[test]
    fn lists_are_several_labels_a_row() {
        let column = json("[\"b\", \"a\"];[];[\"b\"]");
        let (task, _) = Task::infer(&column, &[], None).unwrap();
        assert_eq!(task.labels(&column).unwrap(), Labels::MultiHot { num_labels: 2, values: vec![1., 1., 0., 0., 0., 1.] });
        assert_eq!(task.labels(&csv(&["a", "b"])).unwrap_err().diagnostic().code, "label-type");
        let (single, _) = Task::infer(&csv(&["a", "b"]), &[], None).unwrap();
        assert_eq!(single.labels(&column).unwrap_err().diagnostic().code, "label-type");
    }

    #[test]
    fn one_class_is_too_few() {
        let error = Task::infer(&csv(&["a", "a"]), &[], None).unwrap_err();
        assert_eq!(error.to_string(), r#"t.csv, column label: the labels are all the same (expected at least two classes, found "a")"#);
        assert_eq!(Task::infer(&json("[];[]"), &[], None).unwrap_err().diagnostic().code, "labels-too-few");
    }

    #[test]
    fn unknown_labels_are_named_with_their_place_and_the_nearest_name() {
        let task = Task::SingleLabel(LabelSet::from_names(["negative", "positive"].map(str::to_owned)).unwrap());
        let error = task.labels(&csv(&["positive", "postive"])).unwrap_err();
        let expected = r#"t.csv:3:1: column "label": unknown label "postive" (expected one of "negative", "positive", found "postive")"#;
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.diagnostic().hint.as_deref(), Some(r#"did you mean "positive"?"#));
    }
}

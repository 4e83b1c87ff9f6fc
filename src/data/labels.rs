//! The set of label names, and labels as the loss takes them.

use indexmap::IndexSet;

use super::label_column::{LabelType, bool_name};
use super::wording::{listed, quoted};
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::nearest::nearest;

/// The names of the classes in the order of their ids: `label2id` of `config.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    names: IndexSet<String>,
    label_type: LabelType,
}

impl LabelSet {
    /// The classes of a saved model: name `i` has id `i`.
    ///
    /// # Errors
    /// `label-duplicate` where a name stands twice, `labels-too-few` where there are no names.
    pub fn from_names(names: impl IntoIterator<Item = String>) -> Result<LabelSet> {
        let mut set = IndexSet::new();
        for name in names {
            if set.contains(&name) {
                let message = format!("two classes are called {}", quoted(&name));
                return Err(Error::malformed(Diagnostic::new("label-duplicate", Site::default(), message)));
            }
            set.insert(name);
        }
        if set.is_empty() {
            let diagnostic = Diagnostic::new("labels-too-few", Site::default(), "there are no classes");
            return Err(Error::malformed(diagnostic.expected("at least one label name")));
        }
        let label_type = guess_type(&set);
        Ok(LabelSet { names: set, label_type })
    }

    /// The classes of a training table: names in the order of their code points.
    pub(super) fn sorted(mut names: IndexSet<String>, label_type: LabelType) -> LabelSet {
        names.sort_unstable();
        LabelSet { names, label_type }
    }

    /// The number of classes.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no classes.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names in the order of their ids.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The id of a name.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.names.get_index_of(name).and_then(|id| u32::try_from(id).ok())
    }

    /// The name of an id.
    pub fn name(&self, id: u32) -> Option<&str> {
        self.names.get_index(usize::try_from(id).ok()?).map(String::as_str)
    }

    /// The type that the names had in the table they come from; guessed for those of a saved model.
    pub(super) fn label_type(&self) -> LabelType {
        self.label_type
    }

    /// Completes a diagnostic about a name that is none of these.
    pub(super) fn unknown(&self, diagnostic: Diagnostic, name: &str) -> Error {
        let diagnostic = diagnostic.expected(format!("one of {}", listed(self.names()))).found(quoted(name));
        Error::malformed(match nearest(name, self.names()) {
            Some(near) => diagnostic.hint(format!("did you mean {}?", quoted(near))),
            None => diagnostic.hint("the model knows only the labels it was trained with"),
        })
    }
}

fn guess_type(names: &IndexSet<String>) -> LabelType {
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        LabelType::Integer
    } else if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        LabelType::Float
    } else if names.iter().all(|name| bool_name(name).is_some()) {
        LabelType::Bool
    } else {
        LabelType::Text
    }
}

/// Labels as the loss takes them, one a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Ids of classes, for cross entropy.
    Classes(Vec<u32>),
    /// 1 where a row has a label and 0 where not, for binary cross entropy.
    ///
    /// # Shapes
    /// `values` is (rows, `num_labels`), row by row.
    MultiHot {
        /// The number of labels there are.
        num_labels: usize,
        /// The ones and zeros.
        values: Vec<f32>,
    },
    /// Targets of a regression, for the mean squared error.
    Values(Vec<f32>),
}

impl Labels {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Labels::Classes(ids) => ids.len(),
            Labels::MultiHot { num_labels, values } => values.len().checked_div(*num_labels).unwrap_or(0),
            Labels::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of the rows at `indices`, in their order.
    ///
    /// # Panics
    /// Where an index is not below [`Labels::len`].
    #[must_use]
    pub fn select(&self, indices: &[u32]) -> Labels {
        let rows = indices.iter().map(|index| *index as usize);
        match self {
            Labels::Classes(ids) => Labels::Classes(rows.map(|row| ids[row]).collect()),
            Labels::MultiHot { num_labels, values } => {
                let row_values = |row: usize| values[row * num_labels..(row + 1) * num_labels].iter().copied();
                Labels::MultiHot { num_labels: *num_labels, values: rows.flat_map(row_values).collect() }
            }
            Labels::Values(values) => Labels::Values(rows.map(|row| values[row]).collect()),
        }
    }

    /// The labels of the first `rows` rows.
    #[must_use]
    pub fn truncated(mut self, rows: usize) -> Labels {
        match &mut self {
            Labels::Classes(ids) => ids.truncate(rows),
            Labels::MultiHot { num_labels, values } => values.truncate(rows.saturating_mul(*num_labels)),
            Labels::Values(values) => values.truncate(rows),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Result<LabelSet> {
        LabelSet::from_names(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn ids_follow_the_order_given() {
        let set = set(&["b", "a"]).unwrap();
        assert_eq!((set.id("b"), set.id("a"), set.id("c")), (Some(0), Some(1), None));
        assert_eq!((set.name(1), set.name(2)), (Some("a"), None));
    }

    #[test]
    fn names_are_given_once() {
        assert_eq!(set(&["a", "a"]).unwrap_err().diagnostic().code, "label-duplicate");
        assert_eq!(set(&[]).unwrap_err().diagnostic().code, "labels-too-few");
    }

    #[test]
    fn names_are_sorted_by_code_point() {
        let names = ["é", "b", "Z", "10", "9", "\u{10000}", "\u{ffff}"].map(str::to_owned);
        let sorted = LabelSet::sorted(names.into_iter().collect(), LabelType::Text);
        assert!(sorted.names().eq(["10", "9", "Z", "b", "é", "\u{ffff}", "\u{10000}"]));
    }

    #[test]
    fn rows_are_selected_and_truncated() {
        let hot = Labels::MultiHot { num_labels: 2, values: vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0] };
        assert_eq!(hot.len(), 3);
        assert_eq!(hot.select(&[2, 0]), Labels::MultiHot { num_labels: 2, values: vec![1.0, 1.0, 1.0, 0.0] });
        assert_eq!(hot.truncated(1), Labels::MultiHot { num_labels: 2, values: vec![1.0, 0.0] });
        assert_eq!(Labels::Classes(vec![5, 6]).select(&[1, 1, 0]), Labels::Classes(vec![6, 6, 5]));
        assert_eq!(Labels::Values(vec![0.5, 1.5]).truncated(9).len(), 2);
    }
}

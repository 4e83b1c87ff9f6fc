//! Tokenized rows, and batches of them without padding.

use super::labels::Labels;
use super::tokenization::Example;
use crate::diagnostic::{Diagnostic, Error, Result, Site};

/// Tokenized rows with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    examples: Vec<Example>,
    labels: Option<Labels>,
}

impl Dataset {
    /// Rows and, where they have any, their labels.
    ///
    /// # Errors
    /// `dataset-length` where there are not as many labels as rows.
    pub fn new(examples: Vec<Example>, labels: Option<Labels>) -> Result<Dataset> {
        if let Some(labels) = labels.as_ref().filter(|labels| labels.len() != examples.len()) {
            let diagnostic = Diagnostic::new("dataset-length", Site::default(), "there must be one label a row");
            return Err(Error::misuse(diagnostic.expected(examples.len()).found(labels.len())));
        }
        Ok(Dataset { examples, labels })
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// The rows.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// The labels of the rows.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// The first `rows` rows, as `max_train_samples` takes them.
    #[must_use]
    pub fn truncated(mut self, rows: usize) -> Dataset {
        self.examples.truncate(rows);
        self.labels = self.labels.map(|labels| labels.truncated(rows));
        self
    }

    /// Checks that a model of these sizes can take every row; `name` is what messages call the data.
    ///
    /// # Errors
    /// `sequence-empty`, `sequence-too-long`, `token-id-range` or `token-type-range` at the first row that does not fit.
    pub fn check(&self, vocab_size: usize, type_vocab_size: usize, max_position_embeddings: usize, name: &str) -> Result<()> {
        let beyond = |ids: &[u32], limit: usize| ids.iter().copied().find(|id| usize::try_from(*id).is_ok_and(|id| id >= limit));
        for (row, example) in self.examples.iter().enumerate() {
            let misfit = |code, message: &str| Diagnostic::new(code, Site::file(name), format!("row {}: {message}", row + 1));
            let tokens = example.token_ids.len();
            if tokens == 0 {
                let diagnostic = misfit("sequence-empty", "the row has no tokens");
                return Err(Error::misuse(diagnostic.hint("give the row a text, or use a tokenizer that adds special tokens")));
            }
            if tokens > max_position_embeddings {
                let diagnostic = misfit("sequence-too-long", "the row has more tokens than the model has positions");
                let diagnostic = diagnostic.expected(format!("at most {max_position_embeddings}")).found(tokens);
                return Err(Error::misuse(diagnostic.hint(format!("set the maximum length to at most {max_position_embeddings}"))));
            }
            if let Some(id) = beyond(&example.token_ids, vocab_size) {
                let diagnostic = misfit("token-id-range", "the tokenizer gives a token id that the model does not have");
                let diagnostic = diagnostic.expected(format!("ids below {vocab_size} (vocab_size)")).found(id);
                return Err(Error::misuse(diagnostic.hint("use the tokenizer that belongs to the model")));
            }
            if let Some(id) = beyond(&example.token_type_ids, type_vocab_size) {
                let diagnostic = misfit("token-type-range", "the tokenizer gives a token type id that the model does not have");
                let diagnostic = diagnostic.expected(format!("ids below {type_vocab_size} (type_vocab_size)")).found(id);
                return Err(Error::misuse(diagnostic.hint("use the tokenizer that belongs to the model")));
            }
        }
        Ok(())
    }

    /// The rows at `indices`, one after the other.
    ///
    /// # Panics
    /// Where an index is not below [`Dataset::len`].
    pub fn batch(&self, indices: &[u32]) -> Batch {
        let rows = || indices.iter().map(|index| &self.examples[*index as usize]);
        let total_tokens = rows().map(|example| example.token_ids.len()).sum();
        let mut batch = Batch {
            token_ids: Vec::with_capacity(total_tokens),
            token_type_ids: Vec::with_capacity(total_tokens),
            position_ids: Vec::with_capacity(total_tokens),
            offsets: Vec::with_capacity(indices.len() + 1),
            labels: self.labels.as_ref().map(|labels| labels.select(indices)),
        };
        batch.offsets.push(0);
        for example in rows() {
            batch.token_ids.extend(example.token_ids.iter().map(|id| *id as i32));
            batch.token_type_ids.extend(example.token_type_ids.iter().map(|id| *id as i32));
            batch.position_ids.extend((0i32..).take(example.token_ids.len()));
            batch.offsets.push(batch.token_ids.len());
        }
        batch
    }
}

/// Some rows as one long sequence, without padding.
///
/// # Shapes
/// With B rows of N tokens in all: `token_ids`, `token_type_ids` and `position_ids` are (N), `offsets` is (B+1). Row `b` has the tokens
/// `offsets[b]..offsets[b + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The ids of the tokens.
    pub token_ids: Vec<i32>,
    /// 0 for tokens of the first text of a row, 1 for those of the second.
    pub token_type_ids: Vec<i32>,
    /// The place of each token in its row, from 0.
    pub position_ids: Vec<i32>,
    /// Where each row begins, and at last where the last one ends.
    pub offsets: Vec<usize>,
    /// The labels of the rows.
    pub labels: Option<Labels>,
}

impl Batch {
    /// B, the number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length of the longest row: what a padded batch would be wide.
    pub fn max_length(&self) -> usize {
        self.offsets.windows(2).map(|bounds| bounds[1] - bounds[0]).max().unwrap_or(0)
    }

    /// N, the number of tokens of all rows.
    pub fn total_tokens(&self) -> usize {
        self.token_ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset() -> Dataset {
        let example = |ids: &[u32]| Example { token_ids: ids.to_vec(), token_type_ids: vec![0; ids.len()] };
        Dataset::new(vec![example(&[1, 2]), example(&[3]), example(&[4, 5, 6])], Some(Labels::Classes(vec![7, 8, 9]))).unwrap()
    }

    #[test]
    fn batches_are_rows_one_after_the_other() {
        let batch = dataset().batch(&[2, 0]);
        assert_eq!(batch.token_ids, [4, 5, 6, 1, 2]);
        assert_eq!(batch.token_type_ids, [0; 5]);
        assert_eq!(batch.position_ids, [0, 1, 2, 0, 1]);
        assert_eq!(batch.offsets, [0, 3, 5]);
        assert_eq!(batch.labels, Some(Labels::Classes(vec![9, 7])));
        assert_eq!((batch.len(), batch.max_length(), batch.total_tokens()), (2, 3, 5));
        assert_eq!((dataset().batch(&[]).len(), dataset().batch(&[]).max_length()), (0, 0));
    }

    #[test]
    fn the_first_rows_are_kept() {
        let first = dataset().truncated(2);
        assert_eq!((first.len(), first.labels()), (2, Some(&Labels::Classes(vec![7, 8]))));
        assert_eq!(dataset().truncated(10).len(), 3);
    }

    #[test]
    fn rows_that_the_model_cannot_take_are_named() {
        let code = |vocab_size, types, positions| dataset().check(vocab_size, types, positions, "t.csv").map_err(|e| e.to_string());
        assert_eq!(code(7, 1, 3), Ok(()));
        let message =
            "t.csv: row 3: the tokenizer gives a token id that the model does not have (expected ids below 6 (vocab_size), found 6)";
        assert_eq!(code(6, 1, 3), Err(message.to_owned()));
        assert!(code(7, 0, 3).unwrap_err().starts_with("t.csv: row 1: the tokenizer gives a token type id"));
        assert!(code(7, 1, 2).unwrap_err().starts_with("t.csv: row 3: the row has more tokens"));
        let empty = Dataset::new(vec![Example { token_ids: vec![], token_type_ids: vec![] }], None).unwrap();
        assert_eq!(empty.check(7, 1, 3, "t").unwrap_err().diagnostic().code, "sequence-empty");
    }

    #[test]
    fn there_is_one_label_a_row() {
        assert_eq!(Dataset::new(vec![], Some(Labels::Values(vec![1.0]))).unwrap_err().diagnostic().code, "dataset-length");
    }
}

//! `predict_results_*.txt`: one prediction a line, as the example scripts of transformers write them.
//!
//! # Source
//! transformers, `examples/pytorch/text-classification/run_glue.py` and `run_classification.py`.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

const HEADER: &str = "index\tprediction";

/// Predictions in the order of the rows: names of labels, or numbers with three digits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Predictions {
    /// What was predicted.
    pub rows: Vec<String>,
}

impl Predictions {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not UTF-8, another heading, or a line whose number is not the next one.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Predictions> {
        let error = |line: u64, message: &str, expected: &str, found: &str| {
            let site = Site::file(path).at(Place::Line(line, 1));
            Error::malformed(Diagnostic::new("predictions", site, message).expected(expected).found(format!("{found:?}")))
        };
        let text = std::str::from_utf8(bytes).map_err(|_| error(1, "the file is not UTF-8", "text", ""))?;
        let body = text.strip_suffix('\n').unwrap_or(text);
        let mut lines = body.split('\n').zip(1_u64..);
        match lines.next() {
            Some((HEADER, _)) => {}
            found => return Err(error(1, "the heading is another one", "index\\tprediction", found.map_or("", |(line, _)| line))),
        }
        let row = |(index, (line, number)): (u64, (&str, u64))| {
            let prediction = line.strip_prefix(&index.to_string()).and_then(|rest| rest.strip_prefix('\t'));
            prediction.map(str::to_owned).ok_or_else(|| error(number, "this is not the next row", &format!("{index}\\t…"), line))
        };
        Ok(Predictions { rows: (0..).zip(lines).map(row).collect::<Result<_>>()? })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let rows = (0_u64..).zip(&self.rows).map(|(index, row)| format!("{index}\t{row}\n"));
        std::iter::once(format!("{HEADER}\n")).chain(rows).collect::<String>().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_numbered_from_0() {
        let error = Predictions::parse("p.txt", b"index\tprediction\n0\ta\n2\tb\n").unwrap_err();
        assert_eq!(error.to_string(), "p.txt:3:1: this is not the next row (expected 1\\t…, found \"2\\tb\")");
        assert!(Predictions::parse("p.txt", b"").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec("[^\n]*", 0..6)) {
            let predictions = Predictions { rows };
            prop_assert_eq!(Predictions::parse("f", &predictions.to_bytes()).unwrap(), predictions);
        }
    }
}

//! `vocab.txt`, `vocab.json` and `merges.txt`: the vocabulary of a tokenizer, as transformers 4.57.6 writes it beside `tokenizer.json`.
//!
//! # Source
//! tokenizers 0.22.2, `models/wordpiece/mod.rs` and `models/bpe/model.rs` (`save`).

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::layout::COMPACT;

/// `vocab.txt`: WordPiece tokens by id, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VocabTxt {
    /// The token of each id.
    pub tokens: Vec<String>,
}

/// `vocab.json`: BPE tokens and their ids, by id, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VocabJson {
    /// Tokens and ids.
    pub tokens: Vec<(String, u32)>,
}

/// `merges.txt`: pairs of BPE tokens, the first to be merged first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merges {
    /// The pairs.
    pub pairs: Vec<(String, String)>,
}

/// First line of `merges.txt`.
const MERGES_HEADER: &str = "#version: 0.2";

impl VocabTxt {
    /// Reads the file; carriage returns before a newline are no part of the token.
    ///
    /// # Errors
    /// The file is not UTF-8.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<VocabTxt> {
        let tokens = lines(path, bytes)?.map(|line| line.trim_end_matches('\r').to_owned()).collect();
        Ok(VocabTxt { tokens })
    }

    /// The file: a newline after each token.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.tokens.iter().flat_map(|token| [token.as_str(), "\n"]).collect::<String>().into_bytes()
    }
}

impl VocabJson {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a value that is no id.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<VocabJson> {
        let fields = Fields::parse("vocabulary", path, bytes)?;
        let id = |(token, value): &(String, Json)| match value.as_u64().and_then(|id| u32::try_from(id).ok()) {
            Some(id) => Ok((token.clone(), id)),
            None => Err(fields.error(token, "an id", value.kind())),
        };
        let mut tokens = fields.clone().rest().iter().map(id).collect::<Result<Vec<_>>>()?;
        tokens.sort_by_key(|(_, id)| *id);
        Ok(VocabJson { tokens })
    }

    /// The file: one line of JSON without a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        COMPACT.bytes(Json::Object(self.tokens.iter().map(|(token, id)| (token.clone(), Json::from(*id))).collect()))
    }
}

impl Merges {
    /// Reads the file.
    ///
    /// # Errors
    /// The file is not UTF-8, has another heading, or a line that is not two tokens.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Merges> {
        let error = |line: u64, expected: &str, found: &str| {
            let site = Site::file(path).at(Place::Line(line, 1));
            let diagnostic = Diagnostic::new("merges", site, "this line does not belong into a list of merges");
            Error::malformed(diagnostic.expected(expected).found(format!("{found:?}")))
        };
        let mut lines = lines(path, bytes)?.zip(1_u64..);
        match lines.next() {
            Some((MERGES_HEADER, _)) => {}
            found => return Err(error(1, MERGES_HEADER, found.map_or("", |(line, _)| line))),
        }
        let pair = |(line, number): (&str, u64)| match line.split_once(' ') {
            Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(' ') => Ok((left.to_owned(), right.to_owned())),
            _ => Err(error(number, "two tokens with a blank between them", line)),
        };
        Ok(Merges { pairs: lines.map(pair).collect::<Result<_>>()? })
    }

    /// The file: the heading, then a pair a line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let pairs = self.pairs.iter().map(|(left, right)| format!("{left} {right}\n"));
        std::iter::once(format!("{MERGES_HEADER}\n")).chain(pairs).collect::<String>().into_bytes()
    }
}

/// The lines of a text, whether or not the last one ends in a newline.
fn lines<'a>(path: &str, bytes: &'a [u8]) -> Result<impl Iterator<Item = &'a str>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
        let site = Site::file(path).at(Place::Bytes(offset..offset.saturating_add(1)));
        Error::malformed(Diagnostic::new("vocab-utf8", site, "the vocabulary is not UTF-8"))
    })?;
    let lines = (!text.is_empty()).then(|| text.strip_suffix('\n').unwrap_or(text).split('\n'));
    Ok(lines.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_files() {
        assert_eq!(VocabTxt::parse("v", b"a\r\nb").unwrap().to_bytes(), b"a\nb\n");
        assert_eq!(VocabTxt::parse("v", b"a\r\r\nb\r").unwrap().to_bytes(), b"a\nb\n");
        assert_eq!(VocabTxt::parse("v", b"").unwrap(), VocabTxt::default());
        assert_eq!(VocabTxt::parse("v", b"\n").unwrap().tokens, [""]);
        assert_eq!(VocabJson::parse("v", b"{\"b\": 1, \"a\": 0}").unwrap().to_bytes(), b"{\"a\":0,\"b\":1}");
        assert!(VocabTxt::parse("v", b"\xff").is_err() && VocabJson::parse("v", b"{\"a\": -1}").is_err());
        for bad in ["", "a b\n", "#version: 0.2\na\n", "#version: 0.2\na b c\n", "#version: 0.2\n\n"] {
            assert!(Merges::parse("m", bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn vocab_txt_is_read_back(tokens in prop::collection::vec("[^\r\n]*", 0..8)) {
            let vocabulary = VocabTxt { tokens };
            prop_assert_eq!(VocabTxt::parse("f", &vocabulary.to_bytes()).unwrap(), vocabulary);
        }

        #[test]
        fn vocab_json_is_read_back(tokens in prop::collection::btree_set(any::<String>(), 0..8)) {
            let vocabulary = VocabJson { tokens: tokens.into_iter().zip(0..).collect() };
            prop_assert_eq!(VocabJson::parse("f", &vocabulary.to_bytes()).unwrap(), vocabulary);
        }

        #[test]
        fn merges_are_read_back(pairs in prop::collection::vec(("[^ \n]+", "[^ \n]+"), 0..8)) {
            let merges = Merges { pairs };
            prop_assert_eq!(Merges::parse("f", &merges.to_bytes()).unwrap(), merges);
        }
    }
}

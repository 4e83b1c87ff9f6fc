//! `tokenizer_config.json` and `special_tokens_map.json`: `json.dumps(indent=2, sort_keys=True, ensure_ascii=False)` and a newline.

use super::json::Json;
use super::python_json::{Layout, dumps};
use crate::diagnostic::{Diagnostic, Error, Result, Site};

/// The values of a `tokenizer_config.json`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenizerConfig {
    /// Keys and values, in the order of the file.
    pub values: Vec<(String, Json)>,
}

impl TokenizerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not a JSON object.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<TokenizerConfig> {
        match Json::parse(file, bytes)? {
            Json::Object(values) => Ok(TokenizerConfig { values }),
            other => Err(Error::malformed(
                Diagnostic::new("tokenizer-config", Site::file(file), "the file is not a JSON object").found(other.kind()),
            )),
        }
    }

    /// The file as transformers writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = dumps(&Json::Object(self.values.clone()).sorted(), Layout::PythonUnicode { indent: 2 });
        text.push('\n');
        text.into_bytes()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: Json) {
        match self.values.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.values.push((key.to_owned(), value)),
        }
    }

    /// Sets a key that is not there yet.
    pub fn set_default(&mut self, key: &str, value: Json) {
        if self.get(key).is_none() {
            self.set(key, value);
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let position = self.values.iter().position(|(name, _)| name == key)?;
        Some(self.values.remove(position).1)
    }
}

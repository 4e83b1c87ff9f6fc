//! `chat_template.jinja` and `additional_chat_templates/*.jinja`: how a conversation becomes text.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `tokenization_utils_base.py` (`save_chat_templates`): the text as it is, without a newline at the end.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// A Jinja template. It is never run here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatTemplate {
    /// The text.
    pub text: String,
}

impl ChatTemplate {
    /// Reads the file.
    ///
    /// # Errors
    /// The file is not UTF-8, or has line ends of Windows, which Python turns into others when it reads the file.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<ChatTemplate> {
        let error = |offset: usize, message: &str| {
            let offset = u64::try_from(offset).unwrap_or(u64::MAX);
            let site = Site::file(path).at(Place::Bytes(offset..offset.saturating_add(1)));
            Error::malformed(Diagnostic::new("chat-template", site, message))
        };
        let text = std::str::from_utf8(bytes).map_err(|found| error(found.valid_up_to(), "the template is not UTF-8"))?;
        match text.find('\r') {
            Some(offset) => Err(error(offset, "the template has a carriage return, which Python does not read as one")),
            None => Ok(ChatTemplate { text: text.to_owned() }),
        }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text.clone().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_python_would_read_otherwise_is_refused() {
        for (bad, site) in [(&b"a\xff"[..], "t, bytes 1..2"), (b"a\r\n", "t, bytes 1..2")] {
            assert_eq!(ChatTemplate::parse("t", bad).unwrap_err().diagnostic().site.to_string(), site);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(text in "[^\r]*") {
            let template = ChatTemplate { text };
            prop_assert_eq!(ChatTemplate::parse("f", &template.to_bytes()).unwrap(), template);
        }
    }
}

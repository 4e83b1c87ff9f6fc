//! `README.md`: a model card, its metadata in front of its text.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `modelcard.py` (`TrainingSummary.to_model_card`); huggingface_hub, `repocard.py`, for the cards of PEFT.
pub mod yaml;
pub mod yaml_reader;
mod yaml_scalar;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::model_card::yaml::Yaml;

const FENCE: &str = "---\n";

/// A model card.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelCard {
    /// The front matter, where there is one.
    pub metadata: Option<Metadata>,
    /// The text behind it, in Markdown.
    pub body: String,
}

/// The front matter of a model card.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// Keys and values: `library_name`, `base_model`, `tags`, `model-index`, ….
    pub values: Yaml,
    /// Whether letters beyond ASCII are written as they are: by huggingface_hub they are, by transformers they are not.
    pub allow_unicode: bool,
}

impl ModelCard {
    /// Reads the file.
    ///
    /// # Errors
    /// The file is not UTF-8, or its front matter is not YAML as `yaml.dump` writes it.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<ModelCard> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let offset = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
            let site = Site::file(path).at(Place::Bytes(offset..offset.saturating_add(1)));
            Error::malformed(Diagnostic::new("model-card", site, "the model card is not UTF-8"))
        })?;
        let Some(rest) = text.strip_prefix(FENCE) else {
            return Ok(ModelCard { metadata: None, body: text.to_owned() });
        };
        let Some((front, body)) = rest.split_once("\n---\n") else {
            let site = Site::file(path).at(Place::Line(1, 1));
            return Err(Error::malformed(Diagnostic::new("model-card", site, "the front matter has no end").expected("a line of ---")));
        };
        let values = yaml_reader::parse(path, front, 2)?;
        Ok(ModelCard { metadata: Some(Metadata { values, allow_unicode: !front.is_ascii() }), body: body.to_owned() })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let front = self.metadata.as_ref().map(|metadata| [FENCE, &metadata.values.dump(metadata.allow_unicode), FENCE].concat());
        [front.unwrap_or_default(), self.body.clone()].concat().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn metadata_is_read() {
        let card = ModelCard::parse("README.md", b"---\nlibrary_name: peft\ntags:\n- lora\n---\n\n# x\n").unwrap();
        let values = &card.metadata.as_ref().unwrap().values;
        assert_eq!(values.get("library_name").and_then(Yaml::as_str), Some("peft"));
        assert_eq!((values.get("tags"), card.body.as_str()), (Some(&Yaml::List(vec![Yaml::Text("lora".to_owned())])), "\n# x\n"));
        let error = ModelCard::parse("README.md", b"---\na: 1\nb: &x\n---\n").unwrap_err();
        assert_eq!(error.diagnostic().site.to_string(), "README.md:3:1");
        assert!(ModelCard::parse("README.md", b"---\na: 1\n").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(name in any::<String>(), body in any::<String>()) {
            let values = Yaml::Map(vec![("base_model".to_owned(), Yaml::Text(name.clone()))]);
            let allow_unicode = !values.dump(true).is_ascii();
            let card = ModelCard { metadata: Some(Metadata { values, allow_unicode }), body };
            prop_assert_eq!(ModelCard::parse("f", &card.to_bytes()).unwrap(), card);
        }
    }
}

//! A model directory as a value, and the files it is written as.

use crate::format::config::Config;
use crate::format::safetensors::{Dtype, Tensor, from_f32, pieces};
use crate::format::shards;
use crate::format::tokenizer::Tokenizer;
use crate::storage::commit::Files;
use std::borrow::Cow;

/// A parameter with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor<'a> {
    /// Name in the file.
    pub name: String,
    /// Shape, outermost dimension first.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: &'a [f32],
}

/// What `model.save_pretrained` and `tokenizer.save_pretrained` write into one directory.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDirectory<'a> {
    /// The config, as it is to be written.
    pub config: &'a Config,
    /// The tokenizer, as it is to be written.
    pub tokenizer: &'a Tokenizer,
    /// The parameters, in any order.
    pub tensors: Vec<NamedTensor<'a>>,
}

impl ModelDirectory<'_> {
    /// Hands out the files: `config.json`, `model.safetensors`, and those of the tokenizer. No weight is copied.
    pub fn with_files<R>(&self, write: impl FnOnce(Files<'_>) -> R) -> R {
        let tensors: Vec<Tensor<'_>> = self.tensors.iter().map(NamedTensor::to_file).collect();
        let mut files = vec![
            ("config.json".to_owned(), vec![Cow::Owned(self.config.to_bytes())]),
            (shards::SINGLE.to_owned(), pieces(&tensors, &[("format".to_owned(), "pt".to_owned())])),
        ];
        files.extend(self.tokenizer.files().into_iter().map(|(name, bytes)| (name.to_owned(), vec![Cow::Owned(bytes)])));
        write(files)
    }
}

impl NamedTensor<'_> {
    fn to_file(&self) -> Tensor<'_> {
        let shape = self.shape.iter().map(|&size| u64::try_from(size).unwrap_or(u64::MAX)).collect();
        Tensor { name: self.name.clone(), dtype: Dtype::F32, shape, data: from_f32(self.values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::release::{V4_57_6, V5_23_0};
    use crate::storage::DiskDirectory;
    use std::path::{Path, PathBuf};

    fn golden() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
    }

    #[test]
    fn tokenizers_are_saved_as_transformers_saves_them() {
        let cases = crate::format::json::Json::parse("cases.json", &std::fs::read(golden().join("tokenizer/cases.json")).unwrap()).unwrap();
        let calls = cases.get("calls").unwrap().entries().unwrap();
        assert!(calls.len() >= 10);
        for (name, call) in calls {
            let folder = golden().join("tokenizer").join(name);
            for (release, saved) in [(&V5_23_0, "saved"), (&V4_57_6, "saved_4_57_6")] {
                let mut tokenizer = Tokenizer::load_for(release, &DiskDirectory::open(folder.join("source")).unwrap(), true).unwrap();
                if let Some(max_length) = call.get("max_length").and_then(crate::format::json::Json::as_u64) {
                    tokenizer.set_truncation_and_padding(max_length, call.get("padding").unwrap().as_str().is_some());
                }
                let files = tokenizer.files();
                assert_eq!(files.len(), std::fs::read_dir(folder.join(saved)).unwrap().count(), "{name}/{saved}");
                for (file, bytes) in files {
                    let expected = std::fs::read_to_string(folder.join(saved).join(file)).unwrap();
                    assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{name}/{saved}/{file}");
                }
            }
        }
    }

    #[test]
    fn configs_are_saved_as_transformers_saves_them() {
        let saved = crate::format::json::Json::parse("saved.json", &std::fs::read(golden().join("bert/saved.json")).unwrap()).unwrap();
        for (name, case) in saved.entries().unwrap() {
            let Ok(bytes) = std::fs::read(golden().join("bert/sources").join(name).join("config.json")) else { continue };
            let mut config = Config::parse("config.json", &bytes).unwrap();
            config.set("architectures", crate::format::json::Json::Array(vec!["BertForSequenceClassification".into()]));
            config.set_default_labels(3);
            let expected = case.get("config_json").unwrap().as_str().unwrap();
            assert_eq!(String::from_utf8(config.loaded().to_bytes()).unwrap(), expected, "{name}");
        }
    }
}

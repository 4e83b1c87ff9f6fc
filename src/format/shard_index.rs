//! `model.safetensors.index.json` and `pytorch_model.bin.index.json`: which shard holds which tensor.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `modeling_utils.py` (`save_pretrained`): `json.dumps(index, indent=2, sort_keys=True)` and a newline.

use super::json::Json;
use super::python_json::{Layout, dumps};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// What an index says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShardIndex {
    /// `metadata.total_parameters`: elements of the model's parameters, each tied one once. Releases before 4.54 did not write it.
    pub total_parameters: Option<u64>,
    /// `metadata.total_size`: bytes of all tensors.
    pub total_size: Option<u64>,
    /// Other entries of `metadata`; nothing where the file has no metadata at all.
    pub metadata: Option<Vec<(String, Json)>>,
    /// Tensor names and the file that holds each, in the order of the file.
    pub weight_map: Vec<(String, String)>,
    /// Other entries of the file.
    pub other: Vec<(String, Json)>,
}

impl ShardIndex {
    /// Reads an index; `file` is its path as the user knows it.
    ///
    /// # Errors
    /// Text that is not an index, a number that is none, or a file name that leaves the directory.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<ShardIndex> {
        let Json::Object(mut entries) = Json::parse(file, bytes)? else {
            return Err(error(file, "", "the index is not a JSON object"));
        };
        let weight_map = take(&mut entries, "weight_map").ok_or_else(|| error(file, "/weight_map", "the index has no weight_map"))?;
        let Json::Object(weight_map) = weight_map else {
            return Err(error(file, "/weight_map", "the weight_map is not a JSON object"));
        };
        let row = |(tensor, shard): (String, Json)| match shard.as_str().filter(|name| is_plain(name)) {
            Some(shard) => Ok((tensor, shard.to_owned())),
            None => Err(error(file, &format!("/weight_map/{tensor}"), "this is not the name of a file in the same directory")),
        };
        let mut index = ShardIndex { weight_map: weight_map.into_iter().map(row).collect::<Result<_>>()?, ..ShardIndex::default() };
        if let Some(metadata) = take(&mut entries, "metadata") {
            let Json::Object(mut metadata) = metadata else {
                return Err(error(file, "/metadata", "the metadata are not a JSON object"));
            };
            let mut number = |key: &str| -> Result<Option<u64>> {
                let number =
                    |value: Json| value.as_u64().ok_or_else(|| error(file, &format!("/metadata/{key}"), "this is not a whole number"));
                take(&mut metadata, key).map(number).transpose()
            };
            index.total_parameters = number("total_parameters")?;
            index.total_size = number("total_size")?;
            index.metadata = Some(metadata);
        }
        index.other = entries;
        Ok(index)
    }

    /// The file as transformers writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries = self.other.clone();
        if self.metadata.is_some() || self.total_parameters.is_some() || self.total_size.is_some() {
            let mut metadata = self.metadata.clone().unwrap_or_default();
            let numbers = [("total_parameters", self.total_parameters), ("total_size", self.total_size)];
            metadata.extend(numbers.into_iter().filter_map(|(key, number)| Some((key.to_owned(), Json::from(number?)))));
            entries.push(("metadata".to_owned(), Json::Object(metadata)));
        }
        let weight_map = self.weight_map.iter().map(|(tensor, shard)| (tensor.clone(), Json::from(shard.as_str()))).collect();
        entries.push(("weight_map".to_owned(), Json::Object(weight_map)));
        let mut text = dumps(&Json::Object(entries).sorted(), Layout::Python { indent: 2 });
        text.push('\n');
        text.into_bytes()
    }

    /// The files that the index names, sorted, each once.
    pub fn shards(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.weight_map.iter().map(|(_, shard)| shard.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn take(entries: &mut Vec<(String, Json)>, key: &str) -> Option<Json> {
    let position = entries.iter().position(|(name, _)| name == key)?;
    Some(entries.remove(position).1)
}

/// Whether a name stays in the directory: an index must not make a reader open `../../secrets`.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', ':', '\0']) && !name.starts_with('.')
}

fn error(file: &str, pointer: &str, message: &str) -> Error {
    Error::malformed(Diagnostic::new("index", Site::file(file).at(Place::Pointer(pointer.to_owned())), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> impl Strategy<Value = ShardIndex> {
        let other = || prop::collection::btree_map("[a-l]{1,6}", any::<i32>().prop_map(|number| Json::Integer(number.into())), 0..3);
        let weight_map = prop::collection::btree_map(".{0,12}", "[a-z][a-z0-9.-]{0,12}", 0..6);
        (any::<Option<u64>>(), any::<Option<u64>>(), other(), weight_map, other()).prop_map(|(parameters, size, metadata, map, other)| {
            ShardIndex {
                total_parameters: parameters,
                total_size: size,
                metadata: Some(metadata.into_iter().collect()),
                weight_map: map.into_iter().collect(),
                other: other.into_iter().collect(),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn what_is_written_is_read_back(index in index()) {
            prop_assert_eq!(&ShardIndex::parse("f", &index.to_bytes()).unwrap(), &index);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ShardIndex::parse("f", &bytes);
        }
    }

    #[test]
    fn an_index_without_metadata_stays_without() {
        let bytes = b"{\n  \"weight_map\": {\n    \"a\": \"b\"\n  }\n}\n";
        assert_eq!(ShardIndex::parse("f", bytes).unwrap().to_bytes(), bytes);
    }

    #[test]
    fn what_must_fail_fails() {
        for (text, pointer) in [
            ("[]", ""),
            ("{}", "/weight_map"),
            ("{\"weight_map\": []}", "/weight_map"),
            ("{\"weight_map\": {\"a\": 1}}", "/weight_map/a"),
            ("{\"weight_map\": {\"a\": \"../b\"}}", "/weight_map/a"),
            ("{\"weight_map\": {\"a\": \"C:b\"}}", "/weight_map/a"),
            ("{\"weight_map\": {\"a\": \"\"}}", "/weight_map/a"),
            ("{\"weight_map\": {}, \"metadata\": 1}", "/metadata"),
            ("{\"weight_map\": {}, \"metadata\": {\"total_size\": 1.5}}", "/metadata/total_size"),
            ("{\"weight_map\": {}, \"metadata\": {\"total_parameters\": -1}}", "/metadata/total_parameters"),
        ] {
            let error = ShardIndex::parse("f", text.as_bytes()).unwrap_err();
            assert_eq!(error.diagnostic().site.place, Place::Pointer(pointer.to_owned()), "{text}");
        }
    }
}

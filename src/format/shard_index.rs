//! `model.safetensors.index.json` and `pytorch_model.bin.index.json`: which shard holds which tensor.
//!
//! # Source
//! transformers 5.23.0 and 4.57.6, `modeling_utils.py` (`save_pretrained`): `json.dumps(index, indent=2, sort_keys=True)` and a newline.

use super::json::Json;
use super::python_json::{Layout, dumps};
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// The index of a sharded model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShardIndex {
    /// Elements of the model's parameters, each tied one once; older releases do not write it.
    pub total_parameters: Option<u64>,
    /// Bytes of all tensors.
    pub total_size_bytes: u64,
    /// Tensor names and the files that hold them, in the order of the file.
    pub weight_map: Vec<(String, String)>,
    /// Keys of `metadata` that transformers does not have.
    pub unknown_metadata: Vec<(String, Json)>,
    /// Keys beside `metadata` and `weight_map`.
    pub unknown: Vec<(String, Json)>,
}

impl ShardIndex {
    /// Reads an index; `file` is its path as the user knows it.
    ///
    /// # Errors
    /// Text that is not an index, a number that is none, or a file name that leaves the directory.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<ShardIndex> {
        let Json::Object(mut unknown) = Json::parse(file, bytes)? else {
            return Err(error(file, "", "the index is not a JSON object"));
        };
        let mut object = |key: &str| match take(&mut unknown, key) {
            Some(Json::Object(entries)) => Ok(entries),
            found => {
                let pointer = format!("/{key}");
                let message = if found.is_some() { "this is not a JSON object" } else { "the index lacks this key" };
                Err(error(file, &pointer, message))
            }
        };
        let (mut metadata, weight_map) = (object("metadata")?, object("weight_map")?);
        let mut number = |key: &str| -> Result<Option<u64>> {
            let number = |value: Json| value.as_u64().ok_or_else(|| error(file, &format!("/metadata/{key}"), "this is not a whole number"));
            take(&mut metadata, key).map(number).transpose()
        };
        let total_size_bytes = number("total_size")?.ok_or_else(|| error(file, "/metadata/total_size", "the index lacks this key"))?;
        let total_parameters = number("total_parameters")?;
        let row = |(tensor, shard): (String, Json)| match shard.as_str().filter(|name| is_plain(name)) {
            Some(shard) => Ok((tensor, shard.to_owned())),
            None => Err(error(file, &format!("/weight_map/{tensor}"), "this is not the name of a file in the same directory")),
        };
        let weight_map = weight_map.into_iter().map(row).collect::<Result<_>>()?;
        Ok(ShardIndex { total_parameters, total_size_bytes, weight_map, unknown_metadata: metadata, unknown })
    }

    /// The file as transformers writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut metadata = self.unknown_metadata.clone();
        metadata.extend(self.total_parameters.map(|count| ("total_parameters".to_owned(), count.into())));
        metadata.push(("total_size".to_owned(), self.total_size_bytes.into()));
        let weight_map = self.weight_map.iter().map(|(tensor, shard)| (tensor.clone(), Json::from(shard.as_str()))).collect();
        let mut index = self.unknown.clone();
        index.push(("metadata".to_owned(), Json::Object(metadata)));
        index.push(("weight_map".to_owned(), Json::Object(weight_map)));
        let mut text = dumps(&Json::Object(index).sorted(), Layout::Python { indent: 2 });
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
        let other = || prop::collection::btree_map("[a-lé]{1,6}", any::<i32>().prop_map(|number| Json::Integer(number.into())), 0..3);
        let weight_map = prop::collection::btree_map(".{0,12}", "[a-z][a-z0-9.-]{0,12}", 0..6);
        (any::<Option<u64>>(), any::<u64>(), other(), weight_map, other()).prop_map(|(parameters, size, metadata, map, other)| ShardIndex {
            total_parameters: parameters,
            total_size_bytes: size,
            weight_map: map.into_iter().collect(),
            unknown_metadata: metadata.into_iter().collect(),
            unknown: other.into_iter().collect(),
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
    fn what_must_fail_fails() {
        let index = |metadata: &str, map: &str| format!("{{\"metadata\": {metadata}, \"weight_map\": {map}}}");
        let size = "{\"total_size\": 1}";
        assert!(ShardIndex::parse("f", index(size, "{\"a\": \"b\"}").as_bytes()).is_ok());
        for (text, pointer) in [
            ("[]".to_owned(), ""),
            ("{\"weight_map\": {}}".to_owned(), "/metadata"),
            (format!("{{\"metadata\": {size}}}"), "/weight_map"),
            (index(size, "[]"), "/weight_map"),
            (index(size, "{\"a\": 1}"), "/weight_map/a"),
            (index(size, "{\"a\": \"../b\"}"), "/weight_map/a"),
            (index(size, "{\"a\": \"C:b\"}"), "/weight_map/a"),
            (index(size, "{\"a\": \"\"}"), "/weight_map/a"),
            (index("1", "{}"), "/metadata"),
            (index("{}", "{}"), "/metadata/total_size"),
            (index("{\"total_size\": 1.5}", "{}"), "/metadata/total_size"),
            (index("{\"total_size\": 1, \"total_parameters\": -1}", "{}"), "/metadata/total_parameters"),
        ] {
            let error = ShardIndex::parse("f", text.as_bytes()).unwrap_err();
            assert_eq!(error.diagnostic().site.place, Place::Pointer(pointer.to_owned()), "{text}");
        }
    }
}

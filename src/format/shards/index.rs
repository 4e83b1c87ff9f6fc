//! `model.safetensors.index.json` and `pytorch_model.bin.index.json`: which shard holds which tensor.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `modeling_utils.py` (`save_pretrained`).

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::layout::SORTED;

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
    /// Reads the file.
    ///
    /// # Errors
    /// Text that is not an index, or a file name that leaves the directory.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<ShardIndex> {
        let mut fields = Fields::parse("shard-index", path, bytes)?;
        let mut metadata = fields.object("metadata")?;
        let weight_map: Vec<(String, String)> = fields.required("weight_map")?;
        let plain = |file: &str| !file.is_empty() && !file.contains(['/', '\\', ':', '\0']) && !file.starts_with('.');
        if let Some((tensor, file)) = weight_map.iter().find(|(_, file)| !plain(file)) {
            return Err(fields.error(&format!("weight_map/{tensor}"), "the name of a file in the same directory", file));
        }
        Ok(ShardIndex {
            total_parameters: metadata.optional("total_parameters")?,
            total_size_bytes: metadata.required("total_size")?,
            weight_map,
            unknown_metadata: metadata.rest(),
            unknown: fields.rest(),
        })
    }

    /// The file as transformers writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut metadata = self.unknown_metadata.clone();
        metadata.extend(self.total_parameters.map(|count| ("total_parameters".to_owned(), count.into())));
        metadata.push(("total_size".to_owned(), self.total_size_bytes.into()));
        let weight_map = self.weight_map.iter().map(|(tensor, file)| (tensor.clone(), Json::from(file.as_str()))).collect();
        let mut index = self.unknown.clone();
        index.push(("metadata".to_owned(), Json::Object(metadata)));
        index.push(("weight_map".to_owned(), Json::Object(weight_map)));
        SORTED.bytes(Json::Object(index))
    }

    /// The files that the index names, sorted, each once.
    pub fn shards(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.weight_map.iter().map(|(_, shard)| shard.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;
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
            (index(size, "{\"a\": 1}"), "/weight_map"),
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

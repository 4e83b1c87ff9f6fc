//! `model.safetensors.index.json` and `pytorch_model.bin.index.json`: which shard holds which tensor.
//!
//! # Source
//! transformers 4.57.6 and 5.23.0, `modeling_utils.py` (`save_pretrained`).

use super::fields::Fields;
use super::json::Json;
use super::json_file::SORTED;
use crate::diagnostic::Result;

/// The index of a sharded model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShardIndex {
    /// Number of parameters of the model; older releases do not write it.
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
        let mut fields = Fields::parse("index", path, bytes)?;
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
    use proptest::prelude::*;

    #[test]
    fn a_shard_lies_in_the_same_directory() {
        for name in ["../x", "/etc/x", "a\\b", ".x", ""] {
            let text = format!("{{\"metadata\": {{\"total_size\": 1}}, \"weight_map\": {{\"w\": {:?}}}}}", name);
            let error = ShardIndex::parse("i.json", text.as_bytes()).unwrap_err();
            assert_eq!(error.diagnostic().site.to_string(), "i.json, at /weight_map/w");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(
            total_parameters in any::<Option<u64>>(),
            total_size_bytes in any::<u64>(),
            names in prop::collection::btree_set("[a-z.]{1,12}", 0..8),
            unknown in any::<u64>(),
        ) {
            let index = ShardIndex {
                total_parameters,
                total_size_bytes,
                weight_map: names.into_iter().zip(1..).map(|(name, shard): (_, u32)| (name, format!("model-{shard:05}-of-00009.safetensors"))).collect(),
                unknown_metadata: vec![("é".to_owned(), unknown.into())],
                unknown: vec![("zz".to_owned(), Json::Null)],
            };
            prop_assert_eq!(ShardIndex::parse("f", &index.to_bytes()).unwrap(), index);
        }
    }
}

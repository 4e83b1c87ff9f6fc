//! Weights of a model directory: one `model.safetensors`, or shards with `model.safetensors.index.json`.

use super::json::Json;
use super::safetensors::Header;
use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::storage::Source;

/// Name of the file when there is one only.
pub const SINGLE: &str = "model.safetensors";
/// Name of the index when there are several.
pub const INDEX: &str = "model.safetensors.index.json";

/// One weights file in memory.
#[derive(Debug)]
pub struct Shard {
    /// File name inside the directory.
    pub name: String,
    /// Its header.
    pub header: Header,
    /// The whole file.
    pub bytes: Vec<u8>,
}

/// Reads `model.safetensors`, or every shard that the index names.
///
/// # Errors
/// Neither file is there, a file is malformed, or a tensor is not in the shard that the index names.
pub fn read(source: &dyn Source) -> Result<Vec<Shard>> {
    if source.contains(SINGLE)? {
        return Ok(vec![read_shard(source, SINGLE)?]);
    }
    let path = source.path(INDEX);
    let Some(bytes) = source.read(INDEX)? else {
        let diagnostic = Diagnostic::new("weights-missing", Site::file(source.path("")), "the directory has no weights");
        let hint = "rtrain reads safetensors only; convert pytorch_model.bin with transformers' save_pretrained";
        return Err(Error::malformed(diagnostic.expected(format!("{SINGLE}, or {INDEX}")).hint(hint)));
    };
    let weight_map = parse_index(&path, &bytes)?;
    let mut names: Vec<&str> = weight_map.iter().map(|(_, file)| file.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let shards: Vec<Shard> = names.into_iter().map(|name| read_shard(source, name)).collect::<Result<_>>()?;
    for (tensor, file) in &weight_map {
        if !shards.iter().any(|shard| shard.name == *file && shard.header.find(tensor).is_some()) {
            let site = Site::file(path).at(Place::Pointer(format!("/weight_map/{tensor}")));
            return Err(Error::malformed(Diagnostic::new("index-tensor", site, format!("{file} does not hold this tensor"))));
        }
    }
    Ok(shards)
}

/// Tensor names and the files that hold them.
///
/// # Errors
/// Text that is not an index, or a file name that leaves the directory.
pub fn parse_index(path: &str, bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let error =
        |message: &str| Error::malformed(Diagnostic::new("index", Site::file(path).at(Place::Pointer("/weight_map".to_owned())), message));
    let json = Json::parse(path, bytes)?;
    let entries = json.get("weight_map").and_then(Json::entries).ok_or_else(|| error("the index has no weight_map"))?;
    let entry = |(tensor, file): &(String, Json)| {
        let file = file.as_str().filter(|file| !file.contains(['/', '\\']) && !file.starts_with('.'));
        file.map(|file| (tensor.clone(), file.to_owned())).ok_or_else(|| error("a file name of the weight_map is not a plain name"))
    };
    entries.iter().map(entry).collect()
}

fn read_shard(source: &dyn Source, name: &str) -> Result<Shard> {
    let path = source.path(name);
    let Some(bytes) = source.read(name)? else {
        return Err(Error::malformed(Diagnostic::new("shard-missing", Site::file(path), "the index names this file, and it is not there")));
    };
    let header = Header::parse(&path, &bytes)?;
    Ok(Shard { name: name.to_owned(), header, bytes })
}

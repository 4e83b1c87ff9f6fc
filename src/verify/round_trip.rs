//! Each file by itself: read into values, written from them alone, compared byte for byte.

use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::config::Config;
use crate::format::json::{Json, line_and_column};
use crate::format::python_json::{Layout, dumps};
use crate::format::release::{Release, V5_23_0};
use crate::format::safetensors::{Header, Tensor, TensorInfo, serialize};
use crate::format::tokenizer_config::TokenizerConfig;
use crate::format::tokenizer_json::TokenizerJson;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// Read, written again, same bytes.
    Identical,
    /// Read, but transformers would write other bytes for the same values.
    Differs,
    /// Not readable as what its name says.
    Unreadable,
    /// A file that this version does not know.
    NotChecked,
}

impl FileStatus {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            FileStatus::Identical => "identical",
            FileStatus::Differs => "differs",
            FileStatus::Unreadable => "unreadable",
            FileStatus::NotChecked => "not checked",
        }
    }
}

type Matches = fn(&str) -> bool;
type Rewrite = fn(&str, &[u8]) -> Result<Vec<u8>>;

/// Which names a file may have, and how it is read and written again.
const FILES: [(Matches, Rewrite); 6] = [
    (|name| name == "config.json", |path, bytes| rewrite_config(path, bytes)),
    (|name| name == "tokenizer.json", |path, bytes| Ok(TokenizerJson::parse(path, bytes)?.to_bytes())),
    (
        |name| matches!(name, "tokenizer_config.json" | "special_tokens_map.json" | "added_tokens.json"),
        |path, bytes| Ok(TokenizerConfig::parse(path, bytes)?.to_bytes()),
    ),
    (|name| name.ends_with(".safetensors"), |path, bytes| rewrite_safetensors(path, bytes)),
    (
        |name| name.ends_with("_results.json"),
        |path, bytes| Ok(dumps(&Json::parse(path, bytes)?.sorted(), Layout::Python { indent: 4 }).into_bytes()),
    ),
    (
        |name| matches!(name, "trainer_state.json" | "generation_config.json" | "model.safetensors.index.json"),
        |path, bytes| Ok((dumps(&Json::parse(path, bytes)?.sorted(), Layout::Python { indent: 2 }) + "\n").into_bytes()),
    ),
];

/// Checks one file and adds what is wrong to `findings`.
pub(super) fn check(name: &str, path: &str, bytes: &[u8], findings: &mut Vec<Diagnostic>) -> FileStatus {
    let Some((_, rewrite)) = FILES.iter().find(|(matches, _)| matches(name)) else {
        return FileStatus::NotChecked;
    };
    match rewrite(path, bytes) {
        Ok(written) if written == bytes => FileStatus::Identical,
        Ok(written) => {
            findings.push(not_identical(path, bytes, &written));
            FileStatus::Differs
        }
        Err(error) => {
            findings.push(error.diagnostic().clone());
            FileStatus::Unreadable
        }
    }
}

fn rewrite_config(path: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let config = Config::parse(path, bytes)?;
    Ok(if release(&config).is_some() { config.loaded().to_bytes() } else { config.to_bytes() })
}

/// The release that claims to have written the directory, where its rules are known here. The config of another one is only written again.
pub(super) fn release(config: &Config) -> Option<&'static Release> {
    let ours = config.transformers_version() == Some(V5_23_0.version) && config.model_type() == Some("bert");
    ours.then_some(&V5_23_0)
}

/// Header and data in canonical order, from the values alone.
fn rewrite_safetensors(path: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let header = Header::parse(path, bytes)?;
    let tensor = |info: &TensorInfo| Tensor {
        name: info.name.clone(),
        dtype: info.dtype,
        shape: info.shape.clone(),
        data: header.data(info, bytes).into(),
    };
    let tensors: Vec<Tensor<'_>> = header.tensors.iter().map(tensor).collect();
    Ok(serialize(&tensors, &header.metadata))
}

fn not_identical(path: &str, found: &[u8], written: &[u8]) -> Diagnostic {
    let offset = found.iter().zip(written).take_while(|(left, right)| left == right).count();
    let is_text = std::str::from_utf8(found).is_ok();
    let place = if is_text {
        let (line, column) = line_and_column(found, offset);
        Place::Line(line, column)
    } else {
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        Place::Bytes(offset..offset.saturating_add(1))
    };
    Diagnostic::new("not-identical", Site::file(path).at(place), "transformers writes other bytes for the same values")
        .expected(excerpt(written, offset))
        .found(excerpt(found, offset))
        .hint("load the directory with transformers 5.23.0 and save it again, or ask what has edited the file")
}

fn excerpt(bytes: &[u8], offset: usize) -> String {
    let rest = bytes.get(offset..).unwrap_or(&[]);
    if rest.is_empty() {
        return "the end of the file".to_owned();
    }
    let piece = rest.get(..24).unwrap_or(rest);
    match std::str::from_utf8(piece) {
        Ok(text) => format!("{text:?}"),
        Err(error) if error.valid_up_to() > 0 => format!("{:?}", String::from_utf8_lossy(piece.get(..error.valid_up_to()).unwrap_or(&[]))),
        Err(_) => format!("{piece:02x?}"),
    }
}

//! Safetensors files: what the header says, and on request the values.

use super::statistics::{Statistics, statistics};
use super::{Contents, Detail, Table};
use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::safetensors::{Header, TensorInfo};
use crate::storage::Content;
use std::collections::BTreeMap;

const COLUMNS: [&str; 4] = ["name", "dtype", "shape", "bytes"];

pub(super) fn describe(path: &str, content: &dyn Content, detail: Detail) -> Result<Contents> {
    let (header, head) = Header::read(path, content)?;
    let mut dtypes: BTreeMap<&str, u64> = BTreeMap::new();
    for tensor in &header.tensors {
        let count = dtypes.entry(tensor.dtype.name()).or_default();
        *count = count.saturating_add(1);
    }
    let elements = header.tensors.iter().map(TensorInfo::numel).fold(0, u64::saturating_add);
    let entries = |entries: Vec<(String, Json)>| Json::Object(entries);
    let metadata = header.metadata.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect();
    let facts = [
        ("metadata", entries(metadata)),
        ("tensors", header.tensors.len().into()),
        ("elements", elements.into()),
        ("dtypes", entries(dtypes.into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect())),
        ("header bytes", header.data_start.into()),
        ("canonical", header.not_canonical(path, &head).is_none().into()),
    ];
    let facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let tables = if detail > Detail::Overview { vec![tensors(&header, content, detail)?] } else { Vec::new() };
    Ok(Contents { facts, tables })
}

fn tensors(header: &Header, content: &dyn Content, detail: Detail) -> Result<Table> {
    let row = |tensor: &TensorInfo| {
        let shape = Json::Array(tensor.shape.iter().map(|&size| Json::from(size)).collect());
        vec![tensor.name.as_str().into(), tensor.dtype.name().into(), shape, tensor.bytes().into()]
    };
    let mut rows: Vec<Vec<Json>> = header.tensors.iter().map(row).collect();
    let mut columns = COLUMNS.to_vec();
    if detail == Detail::Statistics {
        columns.extend(Statistics::COLUMNS);
        for (row, statistics) in rows.iter_mut().zip(statistics(header, content)?) {
            row.extend(statistics.values());
        }
    }
    Ok(Table { name: "tensors", columns, rows })
}

//! The index of the shards against the shards, and against the files of the directory.

use super::Directory;
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::shards;
use crate::format::shards::index::ShardIndex;
use crate::format::shards::split::shard_name;
use crate::verify::Report;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let source = directory.source;
    let (single, name) = directory.weights.as_ref().map_or((shards::SINGLE, shards::INDEX), |weights| (weights.single, weights.index));
    let path = source.path(name);
    let Some(bytes) = source.read(name)? else { return Ok(()) };
    let Ok(index) = ShardIndex::parse(&path, &bytes) else { return Ok(()) };
    let names = source.names()?;
    if names.iter().any(|name| name == single) {
        let diagnostic = Diagnostic::new("index-beside-single", Site::file(path), "transformers reads the one file and never the index");
        report.findings.push(diagnostic.found(source.path(single)).hint("remove what an earlier save has left"));
        return Ok(());
    }
    check_names(directory, single, &index, &names, &mut report.findings);
    if !directory.files().is_empty() {
        check_tensors(directory, &path, &index, &mut report.findings);
        check_totals(directory, &path, &index, &mut report.findings);
    }
    Ok(())
}

/// Shards are numbered without a gap, and the directory has no others.
fn check_names(directory: &Directory<'_>, single: &str, index: &ShardIndex, names: &[String], findings: &mut Vec<Diagnostic>) {
    let listed = index.shards();
    let expected: Vec<String> = (1..=listed.len()).map(|number| shard_name(single, number, listed.len())).collect();
    let wrong = listed.iter().find(|name| !expected.iter().any(|expected| expected == *name));
    let free = expected.iter().find(|name| !listed.contains(&name.as_str()));
    if let (Some(found), Some(expected)) = (wrong, free) {
        let diagnostic =
            Diagnostic::new("shard-name", Site::file(directory.source.path(found)), "the shards are not numbered as they are written");
        findings.push(diagnostic.expected(expected).found(found));
    }
    let (stem, extension) = single.rsplit_once('.').unwrap_or((single, ""));
    let is_shard = |name: &str| {
        name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('-') && rest.contains("-of-") && rest.ends_with(extension))
    };
    for name in names.iter().filter(|name| is_shard(name) && !listed.contains(&name.as_str())) {
        let diagnostic = Diagnostic::new("shard-extra", Site::file(directory.source.path(name)), "the index does not name this shard");
        findings.push(diagnostic.hint("remove what an earlier save has left, or save the index that belongs to it"));
    }
}

/// Every tensor of a shard is in the index, and in one shard only.
fn check_tensors(directory: &Directory<'_>, path: &str, index: &ShardIndex, findings: &mut Vec<Diagnostic>) {
    let map: BTreeMap<&str, &str> = index.weight_map.iter().map(|(tensor, shard)| (tensor.as_str(), shard.as_str())).collect();
    for shard in directory.files() {
        for tensor in &shard.tensors {
            let found = map.get(tensor.name.as_str());
            if found != Some(&shard.name.as_str()) {
                let site = Site::file(directory.source.path(&shard.name)).at(Place::Tensor(tensor.name.clone()));
                let diagnostic = Diagnostic::new("index-tensor-unlisted", site, "the index does not say that the tensor is in this shard");
                findings.push(diagnostic.expected(&shard.name).found(found.map_or("nothing", |name| name)).hint(format!("mend {path}")));
            }
        }
    }
}

fn check_totals(directory: &Directory<'_>, path: &str, index: &ShardIndex, findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    let tensors = directory.files().iter().flat_map(|file| &file.tensors).filter(|tensor| seen.insert(tensor.name.as_str()));
    let bytes = tensors.map(|tensor| tensor.bytes).fold(0, u64::saturating_add);
    let parameters = directory.table().and_then(|table| u64::try_from(table.numel()).ok());
    let rows = [("total_size", Some(index.total_size_bytes), Some(bytes)), ("total_parameters", index.total_parameters, parameters)];
    for (key, found, expected) in rows {
        if let (Some(found), Some(expected)) = (found, expected)
            && found != expected
        {
            let site = Site::file(path).at(Place::Pointer(format!("/metadata/{key}")));
            findings.push(Diagnostic::new("index-total", site, "the total is not that of the shards").expected(expected).found(found));
        }
    }
}

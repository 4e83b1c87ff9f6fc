//! A directory against a reference, file by file and tensor by tensor.

mod tensors;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::json::python::{Layout, dumps};
use crate::format::safetensors::Header;
use crate::format::torch::difference::difference;
use crate::format::torch::kind::TorchKind;
use crate::storage::{CHUNK_BYTES, Content, Source, in_parallel};
use crate::verify::Tolerance;
use std::collections::{BTreeMap, BTreeSet};
use tensors::compare_tensors;

/// How a file relates to the one of the same name in the reference directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Same bytes.
    Identical,
    /// Same values, written with other bytes.
    SameValues,
    /// Other values, all of them numbers of tensors within the tolerance.
    WithinTolerance,
    /// Other values.
    Different,
    /// The reference has the file, the directory does not.
    Missing,
    /// The directory has the file, the reference does not.
    Extra,
}

impl Comparison {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Comparison::Identical => "identical",
            Comparison::SameValues => "same values",
            Comparison::WithinTolerance => "within tolerance",
            Comparison::Different => "different",
            Comparison::Missing => "missing",
            Comparison::Extra => "extra",
        }
    }
}

/// Each file name of two directories, sorted, and how the files of that name relate.
pub type Comparisons = Vec<(String, Comparison)>;

/// Compares every file of both directories. What differs comes back as diagnostics, except for tensors within the tolerance.
///
/// # Errors
/// A file cannot be read from the disk.
pub fn compare(source: &dyn Source, reference: &dyn Source, tolerance: Tolerance) -> Result<(Comparisons, Vec<Diagnostic>)> {
    let mut names = source.names()?;
    names.extend(reference.names()?);
    names.sort();
    names.dedup();
    let (mut comparisons, mut findings) = (Vec::new(), Vec::new());
    for name in names {
        let site = Site::file(source.path(&name));
        let comparison = match (source.open(&name)?, reference.open(&name)?) {
            (Some(found), Some(expected)) => compare_file(&name, site, (found.as_ref(), expected.as_ref()), tolerance, &mut findings)?,
            (None, _) => {
                findings.push(Diagnostic::new("reference-missing", site, "the reference has this file").expected(reference.path(&name)));
                Comparison::Missing
            }
            (Some(_), None) => {
                findings.push(Diagnostic::new("reference-extra", site, "the reference does not have this file"));
                Comparison::Extra
            }
        };
        comparisons.push((name, comparison));
    }
    Ok((comparisons, findings))
}

fn compare_file(
    name: &str,
    site: Site,
    (found, expected): (&dyn Content, &dyn Content),
    tolerance: Tolerance,
    findings: &mut Vec<Diagnostic>,
) -> Result<Comparison> {
    let Some(offset) = first_difference(found, expected)? else { return Ok(Comparison::Identical) };
    let before = findings.len();
    if name.ends_with(".safetensors") {
        if let (Ok((found_header, _)), Ok((expected_header, _))) = (Header::read(name, found), Header::read(name, expected)) {
            let tolerated = compare_tensors(&site, (&found_header, found), (&expected_header, expected), tolerance, findings)?;
            if tolerated && findings.len() == before {
                return Ok(Comparison::WithinTolerance);
            }
            return Ok(same_values_or_different(site, findings, before));
        }
    } else if name.ends_with(".json")
        && let (Ok(found), Ok(expected)) =
            (Json::parse(name, &found.range(0..found.length())?), Json::parse(name, &expected.range(0..expected.length())?))
    {
        compare_json(&site, "", &found, &expected, findings);
        return Ok(same_values_or_different(site, findings, before));
    }
    if let Some(kind) = TorchKind::of(name) {
        match difference(kind, (name, found), (name, expected)) {
            Ok(first) => {
                findings.extend(first.map(|first| {
                    let site = site.clone().at(Place::Pointer(first.pointer));
                    Diagnostic::new("reference-value", site, "the value differs from the reference").expected(first.right).found(first.left)
                }));
                return Ok(same_values_or_different(site, findings, before));
            }
            Err(error @ Error::Io(_)) => return Err(error),
            Err(_) => {}
        }
    }
    findings.push(Diagnostic::new(
        "reference-bytes",
        site.at(Place::Bytes(offset..offset.saturating_add(1))),
        "the bytes differ from the reference from here on",
    ));
    Ok(Comparison::Different)
}

/// The first byte in which two files differ, if they do. Where one of them goes on after the other, that is the length of the shorter one.
fn first_difference(found: &dyn Content, expected: &dyn Content) -> Result<Option<u64>> {
    let common = found.length().min(expected.length());
    let starts: Vec<u64> = (0..common.div_ceil(CHUNK_BYTES)).map(|chunk| chunk.saturating_mul(CHUNK_BYTES)).collect();
    let differences = in_parallel(&starts, |&start, buffer| {
        let length = CHUNK_BYTES.min(common.saturating_sub(start));
        let length = usize::try_from(length).unwrap_or(0);
        buffer.resize(length.saturating_mul(2), 0);
        let (left, right) = buffer.split_at_mut(length);
        found.read_at(start, left)?;
        expected.read_at(start, right)?;
        let same = || left.iter().zip(right.iter()).take_while(|(left, right)| left == right).count();
        Ok((left != right).then(|| start.saturating_add(u64::try_from(same()).unwrap_or(0))))
    })?;
    let lengths = (found.length() != expected.length()).then_some(common);
    Ok(differences.into_iter().flatten().next().or(lengths))
}

fn same_values_or_different(site: Site, findings: &mut Vec<Diagnostic>, before: usize) -> Comparison {
    if findings.len() > before {
        return Comparison::Different;
    }
    findings.push(Diagnostic::new("reference-bytes", site, "the values are those of the reference, written with other bytes"));
    Comparison::SameValues
}

fn compare_json(site: &Site, pointer: &str, found: &Json, expected: &Json, findings: &mut Vec<Diagnostic>) {
    let show = |value: Option<&Json>| value.map_or("nothing".to_owned(), |value| dumps(value, Layout::Compact));
    match (found, expected) {
        (Json::Object(found_entries), Json::Object(expected_entries)) => {
            let found: BTreeMap<&str, &Json> = found_entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
            let expected: BTreeMap<&str, &Json> = expected_entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
            let keys: BTreeSet<&str> = found.keys().chain(expected.keys()).copied().collect();
            for key in keys {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (found.get(key).copied(), expected.get(key).copied()) {
                    (Some(found), Some(expected)) => compare_json(site, &pointer, found, expected, findings),
                    (found, expected) => findings.push(json_difference(site, &pointer, show(found), show(expected))),
                }
            }
        }
        (Json::Array(found_items), Json::Array(expected_items)) if found_items.len() == expected_items.len() => {
            for (index, (found, expected)) in found_items.iter().zip(expected_items).enumerate() {
                compare_json(site, &format!("{pointer}/{index}"), found, expected, findings);
            }
        }
        (found, expected) if found == expected => {}
        (found, expected) => findings.push(json_difference(site, pointer, show(Some(found)), show(Some(expected)))),
    }
}

fn json_difference(site: &Site, pointer: &str, found: String, expected: String) -> Diagnostic {
    let short = |text: String| if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text };
    let site = site.clone().at(Place::Pointer(pointer.to_owned()));
    Diagnostic::new("reference-value", site, "the value differs from the reference").expected(short(expected)).found(short(found))
}

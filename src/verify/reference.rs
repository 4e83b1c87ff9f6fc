//! A directory against a reference, file by file and tensor by tensor.

use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::json::Json;
use crate::format::python_json::{Layout, dumps};
use crate::format::safetensors::{Dtype, Header, to_f32};
use crate::storage::Source;
use crate::verify::Tolerance;
use std::collections::{BTreeMap, BTreeSet};

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
        let comparison = match (source.read(&name)?, reference.read(&name)?) {
            (Some(found), Some(expected)) if found == expected => Comparison::Identical,
            (Some(found), Some(expected)) => compare_file(&name, site, &found, &expected, tolerance, &mut findings),
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

fn compare_file(name: &str, site: Site, found: &[u8], expected: &[u8], tolerance: Tolerance, findings: &mut Vec<Diagnostic>) -> Comparison {
    let before = findings.len();
    if name.ends_with(".safetensors") {
        if let (Ok(found_header), Ok(expected_header)) = (Header::parse(name, found), Header::parse(name, expected)) {
            let tolerated = compare_tensors(&site, (&found_header, found), (&expected_header, expected), tolerance, findings);
            if tolerated && findings.len() == before {
                return Comparison::WithinTolerance;
            }
            return same_values_or_different(site, findings, before);
        }
    } else if name.ends_with(".json")
        && let (Ok(found), Ok(expected)) = (Json::parse(name, found), Json::parse(name, expected))
    {
        compare_json(&site, "", &found, &expected, findings);
        return same_values_or_different(site, findings, before);
    }
    let offset = found.iter().zip(expected).take_while(|(left, right)| left == right).count();
    let offset = u64::try_from(offset).unwrap_or(u64::MAX);
    findings.push(Diagnostic::new(
        "reference-bytes",
        site.at(Place::Bytes(offset..offset.saturating_add(1))),
        "the bytes differ from the reference from here on",
    ));
    Comparison::Different
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

/// Adds what differs to `findings`; returns whether some tensor differs by no more than the tolerance.
fn compare_tensors(
    site: &Site,
    found: (&Header, &[u8]),
    expected: (&Header, &[u8]),
    tolerance: Tolerance,
    findings: &mut Vec<Diagnostic>,
) -> bool {
    let mut tolerated = false;
    let place = |name: &str| site.clone().at(Place::Tensor(name.to_owned()));
    for tensor in &expected.0.tensors {
        let Some(info) = found.0.find(&tensor.name) else {
            findings.push(Diagnostic::new("reference-tensor", place(&tensor.name), "the reference has this tensor"));
            continue;
        };
        if (info.dtype, &info.shape) != (tensor.dtype, &tensor.shape) {
            let diagnostic =
                Diagnostic::new("reference-tensor", place(&tensor.name), "the tensor's type or shape differs from the reference");
            let show = |dtype: Dtype, shape: &[u64]| format!("{} {shape:?}", dtype.name());
            findings.push(diagnostic.expected(show(tensor.dtype, &tensor.shape)).found(show(info.dtype, &info.shape)));
            continue;
        }
        let (left, right) = (found.0.data(info, found.1), expected.0.data(tensor, expected.1));
        if left == right {
            continue;
        }
        let within = |(found, expected): (&f32, &f32)| tolerance.allows(*found, *expected);
        match (to_f32(tensor.dtype, left), to_f32(tensor.dtype, right)) {
            (Some(found), Some(expected)) if !tolerance.is_exact() && found.iter().zip(&expected).all(within) => tolerated = true,
            _ => findings.push(value_difference(place(&tensor.name), tensor.dtype, left, right)),
        }
    }
    for tensor in found.0.tensors.iter().filter(|tensor| expected.0.find(&tensor.name).is_none()) {
        findings.push(Diagnostic::new("reference-tensor", place(&tensor.name), "the reference does not have this tensor"));
    }
    if found.0.metadata != expected.0.metadata {
        let diagnostic = Diagnostic::new("reference-value", place("__metadata__"), "the metadata differ from the reference");
        findings.push(diagnostic.expected(format!("{:?}", expected.0.metadata)).found(format!("{:?}", found.0.metadata)));
    }
    tolerated
}

fn value_difference(site: Site, dtype: Dtype, found: &[u8], expected: &[u8]) -> Diagnostic {
    let diagnostic = Diagnostic::new("reference-tensor", site, "the tensor's values differ from the reference");
    let (Some(found), Some(expected)) = (to_f32(dtype, found), to_f32(dtype, expected)) else {
        return diagnostic;
    };
    let differing = found.iter().zip(&expected).filter(|(left, right)| left.to_bits() != right.to_bits()).count();
    let first = found.iter().zip(&expected).position(|(left, right)| left.to_bits() != right.to_bits()).unwrap_or(0);
    let largest = found.iter().zip(&expected).map(|(left, right)| (left - right).abs()).fold(0.0_f32, f32::max);
    let value = |values: &[f32]| values.get(first).map_or(String::new(), |value| format!("{value:e} at element {first}"));
    diagnostic.expected(value(&expected)).found(format!(
        "{}; {differing} of {} elements differ, by {largest:e} at most",
        value(&found),
        expected.len()
    ))
}

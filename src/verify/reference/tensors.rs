//! Two safetensors files, tensor by tensor.

use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::safetensors::{Dtype, Header, TensorInfo, to_f32};
use crate::storage::{CHUNK_BYTES, Content, in_parallel};
use crate::verify::Tolerance;
use std::collections::BTreeMap;

/// Adds how the tensors of two files differ; returns whether some tensor differs by no more than the tolerance.
///
/// # Errors
/// A file cannot be read from the disk.
pub(super) fn compare_tensors(
    site: &Site,
    found: (&Header, &dyn Content),
    expected: (&Header, &dyn Content),
    tolerance: Tolerance,
    findings: &mut Vec<Diagnostic>,
) -> Result<bool> {
    let place = |name: &str| site.clone().at(Place::Tensor(name.to_owned()));
    let mut rest: BTreeMap<&str, &TensorInfo> = found.0.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut pairs = Vec::new();
    for tensor in &expected.0.tensors {
        match rest.remove(tensor.name.as_str()) {
            None => findings.push(Diagnostic::new("reference-tensor", place(&tensor.name), "the reference has this tensor")),
            Some(info) if (info.dtype, &info.shape) == (tensor.dtype, &tensor.shape) => pairs.push((info, tensor)),
            Some(info) => {
                let message = "the tensor's type or shape differs from the reference";
                let show = |tensor: &TensorInfo| format!("{} {:?}", tensor.dtype.name(), tensor.shape);
                findings.push(Diagnostic::new("reference-tensor", place(&tensor.name), message).expected(show(tensor)).found(show(info)));
            }
        }
    }
    let differences = in_parallel(&pairs, |(info, tensor), buffer| {
        let sides = [(found.0.range(info).start, found.1), (expected.0.range(tensor).start, expected.1)];
        Differences::between(tensor, sides, tolerance, buffer)
    })?;
    let mut tolerated = false;
    for ((_, tensor), differences) in pairs.iter().zip(differences).filter(|(_, differences)| differences.differs) {
        if differences.tolerable && !tolerance.is_exact() {
            tolerated = true;
        } else {
            findings.push(differences.diagnostic(place(&tensor.name), tensor));
        }
    }
    for tensor in found.0.tensors.iter().filter(|tensor| rest.contains_key(tensor.name.as_str())) {
        findings.push(Diagnostic::new("reference-tensor", place(&tensor.name), "the reference does not have this tensor"));
    }
    if found.0.metadata != expected.0.metadata {
        let diagnostic = Diagnostic::new("reference-value", place("__metadata__"), "the metadata differ from the reference");
        findings.push(diagnostic.expected(format!("{:?}", expected.0.metadata)).found(format!("{:?}", found.0.metadata)));
    }
    Ok(tolerated)
}

/// How the elements of two tensors of one type and shape differ.
struct Differences {
    differs: bool,
    /// Whether each element is near enough to the reference's.
    tolerable: bool,
    elements: u64,
    largest: f32,
    /// The first element that differs: its position, and its values here and in the reference.
    first: Option<(u64, f32, f32)>,
}

impl Differences {
    /// Goes through both, of which `sides` says where they begin and in which file.
    fn between(tensor: &TensorInfo, sides: [(u64, &dyn Content); 2], tolerance: Tolerance, buffer: &mut Vec<u8>) -> Result<Differences> {
        let mut differences = Differences { differs: false, tolerable: true, elements: 0, largest: 0.0, first: None };
        let mut start = 0;
        while start < tensor.bytes() {
            let length = CHUNK_BYTES.min(tensor.bytes().saturating_sub(start));
            let size = usize::try_from(length).unwrap_or(0);
            buffer.resize(size.saturating_mul(2), 0);
            let (found, expected) = buffer.split_at_mut(size);
            for ((offset, content), bytes) in sides.iter().zip([&mut *found, &mut *expected]) {
                content.read_at(offset.saturating_add(start), bytes)?;
            }
            if found != expected {
                differences.add(tensor.dtype, start, (found, expected), tolerance);
            }
            start = start.saturating_add(length);
        }
        Ok(differences)
    }

    fn add(&mut self, dtype: Dtype, start: u64, (found, expected): (&[u8], &[u8]), tolerance: Tolerance) {
        self.differs = true;
        let (Some(found), Some(expected)) = (to_f32(dtype, found), to_f32(dtype, expected)) else {
            self.tolerable = false;
            return;
        };
        let first_element = start.saturating_mul(8).checked_div(dtype.bits()).unwrap_or(0);
        for (position, (found, expected)) in (first_element..).zip(found.iter().zip(&expected)) {
            if found.to_bits() != expected.to_bits() {
                self.tolerable &= tolerance.allows(*found, *expected);
                self.elements = self.elements.saturating_add(1);
                self.largest = self.largest.max((found - expected).abs());
                self.first.get_or_insert((position, *found, *expected));
            }
        }
    }

    fn diagnostic(&self, site: Site, tensor: &TensorInfo) -> Diagnostic {
        let diagnostic = Diagnostic::new("reference-tensor", site, "the tensor's values differ from the reference");
        let Some((position, found, expected)) = self.first else { return diagnostic };
        let value = |value: f32| format!("{value:e} at element {position}");
        let summary = format!("{} of {} elements differ, by {:e} at most", self.elements, tensor.numel(), self.largest);
        diagnostic.expected(value(expected)).found(format!("{}; {summary}", value(found)))
    }
}

//! The numbers in the tensors: none is NaN or infinite. The only check that reads every byte, once, on all processors.

use super::Directory;
use super::weights::{Values, Weight, WeightsFile};
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::storage::{each_chunk, in_parallel};
use crate::verify::Report;
use std::ops::Range;

/// Bytes that one processor takes at a time, so that a model with one large tensor keeps all of them busy.
const JOB_BYTES: u64 = 1 << 22;

/// A part of a tensor, by its place among all tensors; nothing for one that is in memory.
struct Job<'a> {
    index: usize,
    file: &'a WeightsFile<'a>,
    tensor: &'a Weight,
    range: Option<Range<u64>>,
}

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let files = directory.files();
    let tensors: Vec<(&WeightsFile<'_>, &Weight)> =
        files.iter().flat_map(|file| file.tensors.iter().map(move |tensor| (file, tensor))).collect();
    report.tensors = u64::try_from(tensors.len()).unwrap_or(u64::MAX);
    report.parameters = tensors.iter().map(|(_, tensor)| tensor.numel()).fold(0, u64::saturating_add);
    for (index, broken) in count_not_finite(&tensors)? {
        let Some((file, tensor)) = tensors.get(index) else { continue };
        let site = Site::file(directory.source.path(&file.name)).at(Place::Tensor(tensor.name.clone()));
        let diagnostic = Diagnostic::new("tensor-not-finite", site, "the tensor holds NaN or infinity");
        report.findings.push(diagnostic.expected("finite numbers").found(format!("{broken} of {} elements", tensor.numel())));
    }
    Ok(())
}

/// The tensors that have any, and how many. Of tensors with the same bytes the first one counts.
fn count_not_finite(tensors: &[(&WeightsFile<'_>, &Weight)]) -> Result<Vec<(usize, u64)>> {
    let mut jobs = Vec::new();
    for (index, (file, tensor)) in tensors.iter().enumerate().filter(|(_, (_, tensor))| tensor.bytes > 0) {
        let Values::In(all) = &tensor.values else {
            jobs.push(Job { index, file, tensor, range: None });
            continue;
        };
        let mut start = all.start;
        while start < all.end {
            let end = all.end.min(start.saturating_add(JOB_BYTES));
            jobs.push(Job { index, file, tensor, range: Some(start..end) });
            start = end;
        }
    }
    let counts = in_parallel(&jobs, |job, buffer| job.count(buffer))?;
    let mut found: Vec<(usize, u64)> = Vec::new();
    for (job, broken) in jobs.iter().zip(counts).filter(|(_, broken)| *broken > 0) {
        match found.last_mut().filter(|(index, _)| *index == job.index) {
            Some((_, count)) => *count = count.saturating_add(broken),
            None => found.push((job.index, broken)),
        }
    }
    Ok(found)
}

impl Job<'_> {
    fn count(&self, buffer: &mut Vec<u8>) -> Result<u64> {
        if let Values::Held(storage) = &self.tensor.values {
            return Ok(self.tensor.dtype.count_not_finite(storage.data.held().unwrap_or(&[])));
        }
        let mut broken = 0_u64;
        each_chunk(self.file.content.as_ref(), self.range.clone().unwrap_or_default(), buffer, |_, bytes| {
            broken = broken.saturating_add(self.tensor.dtype.count_not_finite(bytes));
            Ok(())
        })?;
        Ok(broken)
    }
}

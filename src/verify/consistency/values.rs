//! The numbers in the tensors: none is NaN or infinite. The only check that reads every byte, once, on all processors.

use super::Directory;
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::safetensors::TensorInfo;
use crate::format::shards::Shard;
use crate::storage::{each_chunk, in_parallel};
use crate::verify::Report;
use std::ops::Range;

/// Bytes that one processor takes at a time, so that a model with one large tensor keeps all of them busy.
const JOB_BYTES: u64 = 1 << 22;

/// A part of a tensor, by its place among all tensors.
struct Job<'a> {
    index: usize,
    shard: &'a Shard<'a>,
    tensor: &'a TensorInfo,
    range: Range<u64>,
}

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let tensors: Vec<(&Shard<'_>, &TensorInfo)> =
        directory.shards.iter().flat_map(|shard| shard.header.tensors.iter().map(move |tensor| (shard, tensor))).collect();
    report.tensors = u64::try_from(tensors.len()).unwrap_or(u64::MAX);
    report.parameters = tensors.iter().map(|(_, tensor)| tensor.numel()).fold(0, u64::saturating_add);
    for (index, broken) in count_not_finite(&tensors)? {
        let Some((shard, tensor)) = tensors.get(index) else { continue };
        let site = Site::file(directory.source.path(&shard.name)).at(Place::Tensor(tensor.name.clone()));
        let diagnostic = Diagnostic::new("tensor-not-finite", site, "the tensor holds NaN or infinity");
        report.findings.push(diagnostic.expected("finite numbers").found(format!("{broken} of {} elements", tensor.numel())));
    }
    Ok(())
}

/// The tensors that have any, and how many.
fn count_not_finite(tensors: &[(&Shard<'_>, &TensorInfo)]) -> Result<Vec<(usize, u64)>> {
    let mut jobs = Vec::new();
    for (index, (shard, tensor)) in tensors.iter().enumerate() {
        let all = shard.header.range(tensor);
        let mut start = all.start;
        while start < all.end {
            let end = all.end.min(start.saturating_add(JOB_BYTES));
            jobs.push(Job { index, shard, tensor, range: start..end });
            start = end;
        }
    }
    let counts = in_parallel(&jobs, |job, buffer| {
        let mut broken = 0_u64;
        each_chunk(job.shard.content.as_ref(), job.range.clone(), buffer, |_, bytes| {
            broken = broken.saturating_add(job.tensor.dtype.count_not_finite(bytes));
            Ok(())
        })?;
        Ok(broken)
    })?;
    let mut found: Vec<(usize, u64)> = Vec::new();
    for (job, broken) in jobs.iter().zip(counts).filter(|(_, broken)| *broken > 0) {
        match found.last_mut().filter(|(index, _)| *index == job.index) {
            Some((_, count)) => *count = count.saturating_add(broken),
            None => found.push((job.index, broken)),
        }
    }
    Ok(found)
}

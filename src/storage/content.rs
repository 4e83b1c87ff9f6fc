//! The bytes of one file, read in pieces: from a disk or from memory, by several threads at once.

use crate::diagnostic::{Error, Result};
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a file that are looked at together: few enough to stay in a processor's cache between being read and being looked at, and a
/// multiple of every element's size.
pub const CHUNK_BYTES: u64 = 1 << 20;

/// The bytes of one file.
pub trait Content: Send + Sync {
    /// Length in bytes, as it was when the file was opened.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The file ends before, as one does that was shortened meanwhile, or the system refuses.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// The bytes of a range.
    ///
    /// # Errors
    /// Those of [`Content::read_at`]. A range beyond the end takes no memory.
    fn range(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let length = range.end.min(self.length()).saturating_sub(range.start);
        let wanted = range.end.saturating_sub(range.start);
        let Some(size) = usize::try_from(length).ok().filter(|_| length == wanted) else {
            return Err(Error::io("", "read", &io::ErrorKind::UnexpectedEof.into()));
        };
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(size).map_err(|_| Error::io("", "read", &io::ErrorKind::OutOfMemory.into()))?;
        buffer.resize(size, 0);
        self.read_at(range.start, &mut buffer)?;
        Ok(buffer)
    }
}

impl Content for &[u8] {
    fn length(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end));
        let bytes = bytes.ok_or_else(|| Error::io("", "read", &io::ErrorKind::UnexpectedEof.into()))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

/// Looks at `range` of a file chunk by chunk, with one buffer.
///
/// # Errors
/// Those of [`Content::read_at`], and of `look`, which is given the offset in the file and the bytes.
pub fn each_chunk(
    content: &dyn Content,
    range: Range<u64>,
    buffer: &mut Vec<u8>,
    mut look: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut offset = range.start;
    while offset < range.end {
        let length = CHUNK_BYTES.min(range.end.saturating_sub(offset));
        buffer.resize(usize::try_from(length).unwrap_or(0), 0);
        content.read_at(offset, buffer)?;
        look(offset, buffer)?;
        offset = offset.saturating_add(length);
    }
    Ok(())
}

/// Does `jobs` on all processors, where there are threads, and returns the results in the order of the jobs.
///
/// `work` is given a job and a buffer that is its thread's own.
///
/// # Errors
/// The first error in the order of the jobs.
pub fn in_parallel<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J, &mut Vec<u8>) -> Result<R> + Sync) -> Result<Vec<R>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let next = AtomicUsize::new(0);
    let take = || {
        let (mut buffer, mut results) = (Vec::new(), Vec::new());
        while let Some((index, job)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| jobs.get(index).map(|job| (index, job)))
        {
            results.push((index, work(job, &mut buffer)));
        }
        results
    };
    let mut results = if threads <= 1 {
        take()
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    };
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostic, Site};

    #[test]
    fn chunks_make_up_the_range() {
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 5).map(|byte| byte as u8).collect();
        let (mut together, mut offsets, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
        let mut look = |offset: u64, chunk: &[u8]| {
            offsets.push(offset);
            together.extend_from_slice(chunk);
            Ok(())
        };
        each_chunk(&bytes.as_slice(), 3..bytes.len() as u64, &mut buffer, &mut look).unwrap();
        assert_eq!(together, bytes[3..]);
        assert_eq!(offsets, [3, 3 + CHUNK_BYTES, 3 + 2 * CHUNK_BYTES, 3 + 3 * CHUNK_BYTES]);
        assert!(each_chunk(&bytes.as_slice(), 0..1 << 40, &mut buffer, |_, _| Ok(())).is_err());
    }

    #[test]
    fn a_range_beyond_the_end_is_an_error_and_takes_no_memory() {
        let bytes: &[u8] = &[1, 2, 3];
        assert_eq!(bytes.range(1..3).unwrap(), [2, 3]);
        for range in [0..4, 3..u64::MAX, u64::MAX - 1..u64::MAX] {
            assert_eq!(bytes.range(range).unwrap_err().diagnostic().code, "io");
        }
        assert!(bytes.range(3..3).unwrap().is_empty());
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..1000).collect();
        let squares = in_parallel(&jobs, |job, _| Ok(job * job)).unwrap();
        assert!(squares.iter().zip(&jobs).all(|(square, job)| *square == job * job));
        assert!(in_parallel(&[] as &[u64], |_, _| Ok(())).unwrap().is_empty());
        let error = in_parallel(&jobs, |job, _| match job {
            0..10 => Ok(()),
            job => Err(Error::misuse(Diagnostic::new("io", Site::default(), job.to_string()))),
        });
        assert_eq!(error.unwrap_err().diagnostic().message, "10");
    }
}

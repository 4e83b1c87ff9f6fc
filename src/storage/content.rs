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

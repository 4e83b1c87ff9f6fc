//! Buffers that one step leaves for the next: a fresh one would have to be cleared, page by page, by the operating system.

use burn_flex::FlexTensor;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Shorter buffers are left to the allocator.
const SHORTEST: usize = 1 << 12;

/// Most buffers of one size that wait for the next step.
const MOST: usize = 64;

/// Buffers by their size class.
static POOL: Mutex<BTreeMap<usize, Vec<Vec<f32>>>> = Mutex::new(BTreeMap::new());

/// A buffer to be written over: what it holds is left from elsewhere.
pub fn take(length: usize) -> Vec<f32> {
    if length < SHORTEST {
        return vec![0.0; length];
    }
    let class = class(length);
    match waiting(class) {
        Some(mut buffer) => {
            buffer.resize(length, 0.0);
            buffer
        }
        None => {
            let mut buffer = vec![0.0; class];
            buffer.truncate(length);
            buffer
        }
    }
}

/// The shortest buffer that is long enough, unless that is far too long.
fn waiting(class: usize) -> Option<Vec<f32>> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool.range_mut(class..=2 * class).find_map(|(_, buffers)| buffers.pop())
}

/// Takes a buffer back.
pub fn give(buffer: Vec<f32>) {
    if buffer.len() < SHORTEST {
        return;
    }
    // What it was made for, or what is left of that.
    let class = buffer.capacity() - buffer.capacity() % step(buffer.capacity());
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = pool.entry(class).or_default();
    if waiting.len() < MOST {
        waiting.push(buffer);
    }
}

/// Takes the buffer of a tensor back, unless somebody else still needs it.
pub fn give_tensor(tensor: FlexTensor) {
    if tensor.is_unique()
        && let Ok(buffer) = tensor.into_data().try_into_vec()
    {
        give(buffer);
    }
}

/// The length rounded up, to an eighth of its magnitude: batches differ in length, and are to share buffers all the same.
fn class(length: usize) -> usize {
    length.next_multiple_of(step(length))
}

fn step(length: usize) -> usize {
    (length.next_power_of_two() / 16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_with_any_length_of_their_class() {
        let length = (1 << 20) - 3;
        let buffer = take(length);
        assert_eq!(buffer.len(), length);
        let place = buffer.as_ptr();
        give(buffer);
        let again = take(length - 5);
        assert_eq!((again.len(), again.as_ptr()), (length - 5, place));
    }

    #[test]
    fn classes_waste_little() {
        for length in SHORTEST..SHORTEST * 5 {
            assert!(class(length) >= length && class(length) as f64 <= length as f64 * 1.13, "{length}");
            assert_eq!(class(class(length)), class(length));
        }
    }
}

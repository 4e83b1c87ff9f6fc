//! Buffers on the device.

use std::cell::Cell;
use std::rc::Rc;

use super::device::Gpu;

/// A buffer of 32-bit words.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) buffer: wgpu::Buffer,
    pub(super) id: u64,
    pub(super) elements: usize,
    pub(super) _counted: Rc<Counted>,
}

/// Bytes that are counted as long as somebody holds them.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) bytes: u64,
    pub(super) total: Rc<Cell<u64>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.total.set(self.total.get() - self.bytes);
    }
}

/// A tensor that grows to what is asked for, and is used again and again.
#[derive(Debug, Clone, Default)]
pub(super) struct Reused(Option<Tensor>);

impl Reused {
    /// The tensor, with room for so many elements; what it held is gone if it was too small.
    pub(super) fn with_room(&mut self, gpu: &Gpu, elements: usize) -> Tensor {
        if let Some(tensor) = &self.0 {
            if tensor.elements >= elements {
                return tensor.clone();
            }
            gpu.forget(tensor);
        }
        // A little more than needed, so that a slightly longer batch does not allocate again.
        self.0.insert(gpu.tensor(elements + elements / 8)).clone()
    }
}

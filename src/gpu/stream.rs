//! Kernel launches, collected and submitted together.

use std::rc::Rc;

use super::device::{ARGUMENTS_BYTES, Gpu};
use super::kernel::{Kernel, Pipeline};
use super::memory::Tensor;

/// A list of launches; each sees what those before it have written.
#[derive(Debug)]
pub(super) struct Stream<'g> {
    pub(super) gpu: &'g Gpu,
    commands: Vec<Command>,
    arguments: Vec<u8>,
}

#[derive(Debug)]
enum Command {
    Launch { pipeline: Rc<Pipeline>, group: wgpu::BindGroup, place: u32, grid: [u32; 3] },
    Clear(Tensor),
}

/// One argument of a kernel.
pub(super) trait Word {
    /// Its bits.
    fn word(self) -> u32;
}

impl Word for u32 {
    fn word(self) -> u32 {
        self
    }
}

impl Word for usize {
    fn word(self) -> u32 {
        u32::try_from(self).expect("sizes on a device fit 32 bits")
    }
}

impl Word for f32 {
    fn word(self) -> u32 {
        self.to_bits()
    }
}

impl Word for bool {
    fn word(self) -> u32 {
        u32::from(self)
    }
}

/// The arguments of a kernel, in the order of its `Args`.
macro_rules! words {
    ($($value:expr),* $(,)?) => {
        &[$($crate::gpu::stream::Word::word($value)),*]
    };
}
pub(super) use words;

/// Invocations of a workgroup where each makes one element.
pub(super) const ELEMENTS: usize = 64;
/// Workgroups along a row of the grid; WebGPU allows 65535.
const GRID_ROW: usize = 32768;

/// The grid for so many elements, one an invocation.
pub(super) fn elements(count: usize) -> [u32; 3] {
    let groups = count.div_ceil(ELEMENTS);
    [groups.min(GRID_ROW).word(), groups.div_ceil(GRID_ROW).word(), 1]
}

impl<'g> Stream<'g> {
    pub(super) fn new(gpu: &'g Gpu) -> Self {
        Stream { gpu, commands: Vec::new(), arguments: Vec::new() }
    }

    /// Launches a kernel.
    pub(super) fn launch(&mut self, kernel: Kernel, arguments: &[u32], tensors: &[&Tensor], grid: [u32; 3]) {
        if grid.contains(&0) {
            return;
        }
        let stride = self.gpu.argument_stride;
        if self.arguments.len() + stride > ARGUMENTS_BYTES {
            self.flush();
        }
        let pipeline = self.gpu.pipeline(kernel);
        let (group, place) = (self.gpu.group(kernel, &pipeline, tensors), self.arguments.len() as u32);
        self.arguments.extend_from_slice(bytemuck::cast_slice(arguments));
        self.arguments.resize(place as usize + stride, 0);
        self.commands.push(Command::Launch { pipeline, group, place, grid });
    }

    /// Fills a tensor with zeros.
    pub(super) fn clear(&mut self, tensor: &Tensor) {
        self.commands.push(Command::Clear(tensor.clone()));
    }

    /// Hands all launches to the device.
    pub(super) fn submit(mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        let gpu = self.gpu;
        gpu.queue.write_buffer(&gpu.arguments, 0, &self.arguments);
        self.arguments.clear();
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut commands = self.commands.drain(..).peekable();
        while let Some(command) = commands.peek() {
            if let Command::Clear(tensor) = command {
                encoder.clear_buffer(&tensor.buffer, 0, None);
                commands.next();
                continue;
            }
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            while let Some(Command::Launch { pipeline, group, place, grid }) =
                commands.next_if(|command| matches!(command, Command::Launch { .. }))
            {
                pass.set_pipeline(&pipeline.pipeline);
                pass.set_bind_group(0, &group, &[place]);
                pass.dispatch_workgroups(grid[0], grid[1], grid[2]);
            }
        }
        gpu.queue.submit([encoder.finish()]);
    }
}

//! Adapters, devices, and what a device refuses.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use wgpu::util::DeviceExt;

use super::kernel::{ARGUMENT_BYTES, Kernel, Pipeline};
use super::memory::{Counted, Tensor};
use crate::diagnostic::{Diagnostic, Error, Result, Site};

/// Room for the arguments of the launches that are submitted together.
pub(super) const ARGUMENTS_BYTES: usize = 1 << 18;

/// By which interface a GPU is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// The browser's WebGPU, or natively whatever this system has: Vulkan, Metal or Direct3D 12.
    WebGpu,
    /// Vulkan and nothing else.
    Vulkan,
}

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name; browsers often say no more than a vendor and an architecture.
    pub name: String,
    /// The interface behind it.
    pub backend: String,
    /// Whether it is a processor that plays a GPU.
    pub is_software: bool,
    /// The largest tensor that a kernel can see.
    pub max_tensor_bytes: u64,
}

/// How kernels share out their work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Each invocation works by itself: for a processor that plays a GPU, where waiting for each other is dear.
    Alone,
    /// The invocations of a workgroup load and add up together.
    Together,
}

impl Style {
    /// Both.
    pub const ALL: [Style; 2] = [Style::Alone, Style::Together];
}

/// A device with its compiled kernels.
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// The arguments of the launches that are submitted together.
    pub(super) arguments: wgpu::Buffer,
    /// Bytes from the arguments of a launch to those of the next.
    pub(super) argument_stride: usize,
    description: Description,
    style: Cell<Style>,
    pub(super) pipelines: RefCell<HashMap<Kernel, Rc<Pipeline>>>,
    pub(super) groups: RefCell<HashMap<(Kernel, Vec<u64>), wgpu::BindGroup>>,
    next_tensor: Cell<u64>,
    allocated_bytes: Rc<Cell<u64>>,
    trouble: Arc<Mutex<Trouble>>,
}

/// What a device said that nobody had asked.
#[derive(Debug, Default)]
struct Trouble {
    lost: Option<String>,
    refused: Option<String>,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("description", &self.description).finish_non_exhaustive()
    }
}

impl Gpu {
    /// Opens the fastest device.
    ///
    /// # Errors
    /// `no-device` where there is none.
    pub async fn open(api: Api) -> Result<Gpu> {
        let backends = match api {
            Api::WebGpu => wgpu::Backends::PRIMARY,
            Api::Vulkan => wgpu::Backends::VULKAN,
        };
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() });
        let options = wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
        let adapter = instance.request_adapter(&options).await.map_err(|error| no_device(&error))?;
        // What is asked for is what there is: kernels split their work by the limits.
        let descriptor = wgpu::DeviceDescriptor {
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| no_device(&error))?;
        let trouble = Arc::<Mutex<Trouble>>::default();
        listen(&device, &trouble);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let size = ARGUMENTS_BYTES as u64;
        let limits = device.limits();
        let description = describe(&adapter.get_info(), &limits);
        Ok(Gpu {
            style: Cell::new(if description.is_software { Style::Alone } else { Style::Together }),
            argument_stride: ARGUMENT_BYTES.next_multiple_of(limits.min_uniform_buffer_offset_alignment as usize),
            description,
            arguments: device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false }),
            device,
            queue,
            pipelines: RefCell::default(),
            groups: RefCell::default(),
            next_tensor: Cell::default(),
            allocated_bytes: Rc::default(),
            trouble,
        })
    }

    /// What is known of the device.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How kernels share out their work.
    pub fn style(&self) -> Style {
        self.style.get()
    }

    /// Lets the kernels of models that are made from now on share out their work otherwise.
    pub fn set_style(&self, style: Style) {
        self.style.set(style);
    }

    /// Bytes of all tensors that were made and not freed.
    pub fn allocated_bytes(&self) -> u64 {
        self.allocated_bytes.get()
    }

    /// Ends the device, as a crash of its driver would.
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// Refuses a tensor that no kernel could see.
    pub(super) fn check_size(&self, name: &str, elements: usize) -> Result<()> {
        let (bytes, limit) = (elements as u64 * 4, self.description.max_tensor_bytes);
        if bytes <= limit {
            return Ok(());
        }
        let diagnostic = Diagnostic::new("device-limit", Site::default(), format!("the device cannot hold {name}"));
        Err(Error::limit(diagnostic.expected(format!("at most {limit} bytes")).found(bytes).hint("train on the CPU, or on another device")))
    }

    /// A tensor whose values are unspecified.
    pub(super) fn tensor(&self, elements: usize) -> Tensor {
        let size = (elements.max(1) as u64 * 4).next_multiple_of(16);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        self.counted(buffer, elements)
    }

    /// A tensor of words.
    pub(super) fn tensor_of(&self, words: &[u32]) -> Tensor {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let contents = bytemuck::cast_slice(words);
        let buffer = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: None, contents, usage });
        self.counted(buffer, words.len())
    }

    fn counted(&self, buffer: wgpu::Buffer, elements: usize) -> Tensor {
        let (bytes, total) = (buffer.size(), Rc::clone(&self.allocated_bytes));
        total.set(total.get() + bytes);
        self.next_tensor.set(self.next_tensor.get() + 1);
        Tensor { buffer, id: self.next_tensor.get(), elements, _counted: Rc::new(Counted { bytes, total }) }
    }

    /// Drops everything that is kept for launches with a tensor.
    pub(super) fn forget(&self, tensor: &Tensor) {
        self.groups.borrow_mut().retain(|(_, tensors), _| !tensors.contains(&tensor.id));
    }

    /// Values from the device, once all that was submitted before is done.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub(super) async fn read(&self, parts: &[(&Tensor, usize, usize)]) -> Result<Vec<f32>> {
        let size = parts.iter().map(|(_, _, count)| *count as u64 * 4).sum::<u64>();
        if size == 0 {
            return self.check().map(|()| Vec::new());
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut place = 0;
        for (tensor, start, count) in parts.iter().filter(|(_, _, count)| *count > 0) {
            let bytes = *count as u64 * 4;
            encoder.copy_buffer_to_buffer(&tensor.buffer, *start as u64 * 4, &staging, place, bytes);
            place += bytes;
        }
        self.queue.submit([encoder.finish()]);
        let (sender, receiver) = async_channel::bounded(1);
        staging.map_async(wgpu::MapMode::Read, .., move |result| drop(sender.try_send(result)));
        // In a browser this does nothing: its event loop answers.
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        let mapped = match polled {
            Ok(_) => receiver.recv().await.is_ok_and(|result| result.is_ok()),
            Err(_) => false,
        };
        self.check()?;
        let view = mapped.then(|| staging.get_mapped_range(..).ok()).flatten();
        let view = view.ok_or_else(|| lost("the device did not give its results back"))?;
        Ok(bytemuck::pod_collect_to_vec(&view))
    }

    /// Whether the device still works.
    ///
    /// # Errors
    /// `device-lost` where it is gone, `device-refused` where it did not take a command or ran out of memory.
    pub fn check(&self) -> Result<()> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = &trouble.lost {
            return Err(lost(message));
        }
        if let Some(message) = &trouble.refused {
            let diagnostic = Diagnostic::new("device-refused", Site::default(), "the device refused its work").found(message.trim());
            return Err(Error::limit(diagnostic.hint("use smaller batches or gradient_checkpointing, or train on the CPU")));
        }
        Ok(())
    }
}

fn describe(info: &wgpu::AdapterInfo, limits: &wgpu::Limits) -> Description {
    let named = if info.name.is_empty() { info.driver.clone() } else { info.name.clone() };
    let is_software = info.device_type == wgpu::DeviceType::Cpu || named.to_lowercase().contains("swiftshader");
    let max_tensor_bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    let name = if named.is_empty() { "a GPU".to_owned() } else { named };
    Description { name, backend: info.backend.to_string(), is_software, max_tensor_bytes }
}

fn listen(device: &wgpu::Device, trouble: &Arc<Mutex<Trouble>>) {
    let heard = Arc::clone(trouble);
    device.set_device_lost_callback(move |reason, message| {
        let message = if message.is_empty() { format!("{reason:?}") } else { message };
        heard.lock().unwrap_or_else(PoisonError::into_inner).lost.get_or_insert(message);
    });
    let heard = Arc::clone(trouble);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).refused.get_or_insert(error.to_string());
    }));
}

fn no_device(error: &dyn fmt::Display) -> Error {
    let diagnostic = Diagnostic::new("no-device", Site::default(), "there is no GPU that can be used").found(error.to_string().trim());
    Error::unsupported(diagnostic.hint("train on the CPU (--device cpu), or install a driver for Vulkan, Metal or Direct3D 12"))
}

fn lost(message: &str) -> Error {
    let diagnostic = Diagnostic::new("device-lost", Site::default(), "the GPU was lost").found(message);
    Error::unsupported(diagnostic.hint("resume from the last checkpoint"))
}

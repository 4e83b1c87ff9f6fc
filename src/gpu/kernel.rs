//! The kernels by name, their WGSL, and their compilation.

use std::rc::Rc;

use super::attention::{self, Attention};
use super::device::Gpu;
use super::matmul::Matmul;
use super::memory::Tensor;

/// Room for the arguments of one launch.
pub(super) const ARGUMENT_BYTES: usize = 128;

/// A kernel of this module, with what its text depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Matmul(Matmul),
    Attention(Attention),
    /// `LayerNorm(dropout(x) + residual)` or `dropout(LayerNorm(x))`; so many invocations share a row.
    Norm {
        lanes: u32,
    },
    NormBackward {
        lanes: u32,
    },
    /// Gradients of a LayerNorm's weight and bias.
    NormColumns {
        lanes: u32,
    },
    Embed,
    /// Sums of the gradients of the tokens that chose a row of a table.
    TableGradient,
    GatherRows,
    AddToRows,
    Loss,
    SquaredSums,
    GradientNorm,
    AdamW,
}

/// A compiled kernel.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

impl Kernel {
    /// The WGSL of the kernel.
    pub(super) fn source(self) -> String {
        match self {
            Kernel::Matmul(matmul) => matmul.source(),
            Kernel::Attention(attention) => attention::source(attention),
            Kernel::Norm { lanes } => reducing(lanes, include_str!("shaders/norm.wgsl")) + MASK,
            Kernel::NormBackward { lanes } => reducing(lanes, include_str!("shaders/norm_backward.wgsl")) + MASK,
            Kernel::NormColumns { lanes } => reducing(lanes, include_str!("shaders/norm_columns.wgsl")) + MASK,
            Kernel::Embed => include_str!("shaders/embed.wgsl").to_owned(),
            Kernel::TableGradient => include_str!("shaders/table_gradient.wgsl").to_owned(),
            Kernel::GatherRows => include_str!("shaders/gather_rows.wgsl").to_owned(),
            Kernel::AddToRows => include_str!("shaders/add_to_rows.wgsl").to_owned(),
            Kernel::Loss => reducing(64, include_str!("shaders/loss.wgsl")),
            Kernel::SquaredSums => include_str!("shaders/squared_sums.wgsl").to_owned(),
            Kernel::GradientNorm => reducing(64, include_str!("shaders/gradient_norm.wgsl")),
            Kernel::AdamW => include_str!("shaders/adamw.wgsl").to_owned(),
        }
    }
}

/// The dropout of an element.
pub(super) const MASK: &str = include_str!("shaders/mask.wgsl");

/// A kernel in which the lanes of a workgroup add up what they found: `total`. A workgroup has one row, its own place; or, where a row has
/// one lane only, it has several.
fn reducing(lanes: u32, body: &str) -> String {
    let reduction = if lanes == 1 { include_str!("shaders/one_lane.wgsl") } else { include_str!("shaders/lanes.wgsl") };
    format!("const LANES = {lanes}u;\n{reduction}\n{body}")
}

/// Which bindings a text declares, in their order: whether each is only read. The first one, the arguments, is left out.
fn bindings(source: &str) -> Vec<bool> {
    let declared = source.lines().filter(|line| line.starts_with("@group(0)") && line.contains("var<storage"));
    declared.map(|line| line.contains("var<storage, read>")).collect()
}

impl Gpu {
    /// The compiled kernel.
    pub(super) fn pipeline(&self, kernel: Kernel) -> Rc<Pipeline> {
        let mut pipelines = self.pipelines.borrow_mut();
        Rc::clone(pipelines.entry(kernel).or_insert_with(|| Rc::new(self.compile(&kernel.source()))))
    }

    fn compile(&self, source: &str) -> Pipeline {
        let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
            count: None,
        };
        let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform, true)];
        let storages = (1..).zip(bindings(source));
        entries.extend(storages.map(|(binding, read_only)| entry(binding, wgpu::BufferBindingType::Storage { read_only }, false)));
        let device = &self.device;
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let module =
            device.create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(source.into()) });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        Pipeline { pipeline, layout }
    }

    /// The tensors of a launch, in the order of the kernel's bindings.
    pub(super) fn group(&self, kernel: Kernel, pipeline: &Pipeline, tensors: &[&Tensor]) -> wgpu::BindGroup {
        let key = (kernel, tensors.iter().map(|tensor| tensor.id).collect());
        if let Some(group) = self.groups.borrow().get(&key) {
            return group.clone();
        }
        let size = wgpu::BufferSize::new(ARGUMENT_BYTES as u64);
        let arguments = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &self.arguments, offset: 0, size });
        let resources = std::iter::once(arguments).chain(tensors.iter().map(|tensor| tensor.buffer.as_entire_binding()));
        let entries: Vec<_> = (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &pipeline.layout, entries: &entries });
        self.groups.borrow_mut().insert(key, group.clone());
        group
    }
}

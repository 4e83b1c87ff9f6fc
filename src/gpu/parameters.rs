//! Weights on the device: the tables by themselves, and everything else of a layer in one tensor, so that one launch moves all of it.

use std::collections::HashMap;

use super::device::Gpu;
use super::memory::Tensor;
use crate::architecture::ParameterTable;
use crate::diagnostic::Result;

/// Parameters begin at multiples of it.
const ALIGNMENT: usize = 64;

/// All parameters, what was found for them, and what the optimizer remembers.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) slabs: Vec<Slab>,
    places: HashMap<String, Place>,
    /// The places in the order of the table.
    order: Vec<(Place, usize)>,
}

/// Parameters that share tensors.
#[derive(Debug)]
pub(super) struct Slab {
    pub(super) values: Tensor,
    pub(super) gradients: Tensor,
    pub(super) exp_avg: Tensor,
    pub(super) exp_avg_sq: Tensor,
    /// Which blocks of 64 elements decay.
    pub(super) decays: Tensor,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) slab: usize,
    pub(super) start: usize,
}

impl Parameters {
    /// Puts weights, in the order of the table, on the device.
    pub(super) fn new(gpu: &Gpu, table: &ParameterTable, weights: &[Vec<f32>]) -> Result<Self> {
        let mut groups: Vec<Group> = Vec::new();
        let (mut places, mut order) = (HashMap::new(), Vec::new());
        for parameter in &table.parameters {
            let key = group(&parameter.name);
            let slab = groups.iter().position(|group| group.key == key).unwrap_or_else(|| {
                groups.push(Group { key: key.to_owned(), elements: 0, decays: Vec::new() });
                groups.len() - 1
            });
            let group = &mut groups[slab];
            let place = Place { slab, start: group.elements };
            let room = parameter.numel().next_multiple_of(ALIGNMENT);
            group.elements += room;
            group.decays.extend(std::iter::repeat_n(u32::from(parameter.weight_decay), room / ALIGNMENT));
            gpu.check_size(&parameter.name, group.elements)?;
            places.insert(parameter.name.clone(), place);
            order.push((place, parameter.numel()));
        }
        let slabs = groups.into_iter().map(|Group { elements, decays, .. }| Slab {
            values: gpu.tensor(elements),
            gradients: gpu.tensor(elements),
            exp_avg: gpu.tensor(elements),
            exp_avg_sq: gpu.tensor(elements),
            decays: gpu.tensor_of(&decays),
        });
        let parameters = Parameters { slabs: slabs.collect(), places, order };
        parameters.write(gpu, |slab| &slab.values, weights.iter().map(Vec::as_slice));
        Ok(parameters)
    }

    /// Where the parameter of that name is.
    ///
    /// # Panics
    /// Where there is no such parameter: table and network disagree, which no input can cause.
    pub(super) fn place(&self, name: &str) -> Place {
        *self.places.get(name).unwrap_or_else(|| panic!("the parameter table has no {name}"))
    }

    /// Writes one of the tensors of every slab, in the order of the table.
    pub(super) fn write<'a>(&self, gpu: &Gpu, tensor: impl Fn(&Slab) -> &Tensor, values: impl Iterator<Item = &'a [f32]>) {
        for ((place, _), values) in self.order.iter().zip(values) {
            let buffer = &tensor(&self.slabs[place.slab]).buffer;
            gpu.queue.write_buffer(buffer, place.start as u64 * 4, bytemuck::cast_slice(values));
        }
    }

    /// Reads one of the tensors of every slab, in the order of the table.
    pub(super) async fn read(&self, gpu: &Gpu, tensor: impl Fn(&Slab) -> &Tensor) -> Result<Vec<Vec<f32>>> {
        let mut all = vec![Vec::new(); self.order.len()];
        for (index, slab) in self.slabs.iter().enumerate() {
            let tensor = tensor(slab);
            let values = gpu.read(&[(tensor, 0, tensor.elements)]).await?;
            for (out, (place, elements)) in all.iter_mut().zip(&self.order).filter(|(_, (place, _))| place.slab == index) {
                *out = values[place.start..place.start + elements].to_vec();
            }
        }
        Ok(all)
    }
}

struct Group {
    key: String,
    elements: usize,
    decays: Vec<u32>,
}

/// What a parameter shares a tensor with: a table nothing, a layer's parameters each other, and the others each other.
fn group(name: &str) -> &str {
    if name.ends_with("_embeddings.weight") {
        return name;
    }
    let Some(rest) = name.strip_prefix("bert.encoder.layer.") else { return "" };
    let number = rest.find('.').unwrap_or(rest.len());
    &name[..name.len() - rest.len() + number]
}

impl Drop for Slab {
    fn drop(&mut self) {
        for tensor in [&self.values, &self.gradients, &self.exp_avg, &self.exp_avg_sq, &self.decays] {
            tensor.buffer.destroy();
        }
    }
}

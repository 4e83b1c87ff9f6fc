//! Dropout with masks made on the host.

use burn::tensor::{Tensor, TensorData};

use crate::random::FastGenerator;

/// Where dropout masks come from: a generator in training, nowhere in evaluation.
///
/// # Numerics
/// The masks depend on the generator and on the order and sizes of the tensors only, so a run is repeatable on every device.
#[derive(Debug)]
pub struct Dropout<'a> {
    generator: Option<&'a mut FastGenerator>,
}

impl<'a> Dropout<'a> {
    /// Dropout that draws from `generator`; with `None`, no dropout.
    pub fn new(generator: Option<&'a mut FastGenerator>) -> Self {
        Dropout { generator }
    }

    /// No dropout, as in evaluation.
    pub fn off() -> Self {
        Dropout { generator: None }
    }

    /// Zeroes each element with probability `probability` and multiplies the others with `1 / (1 - probability)`.
    ///
    /// Without a generator, or where `probability` is 0, the tensor stays as it is and nothing is drawn.
    ///
    /// # Shapes
    /// Any; the result has the same.
    pub fn apply<const D: usize>(&mut self, tensor: Tensor<D>, probability: f64) -> Tensor<D> {
        let Some(generator) = self.generator.as_deref_mut().filter(|_| probability > 0.0) else {
            return tensor;
        };
        let shape = tensor.shape();
        let mut mask = vec![0.0; shape.num_elements()];
        generator.keep_mask_scaled(&mut mask, probability as f32);
        let mask = Tensor::from_data(TensorData::new(mask, shape), &tensor.device());
        tensor * mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn ones() -> Tensor<2> {
        Tensor::ones([40, 50], &Device::flex())
    }

    #[test]
    fn kept_elements_are_scaled() {
        let mut generator = FastGenerator::new(1, 0);
        let dropped = Dropout::new(Some(&mut generator)).apply(ones(), 0.25).into_data().try_into_vec::<f32>().unwrap();
        assert!(dropped.iter().all(|value| [0.0, 1.0 / 0.75].contains(value)));
        let zeros = dropped.iter().filter(|value| **value == 0.0).count();
        assert!((400..600).contains(&zeros), "{zeros} of 2000");
    }

    #[test]
    fn without_a_generator_or_a_probability_nothing_changes() {
        let mut generator = FastGenerator::new(1, 0);
        for (generator, probability) in [(None, 0.5), (Some(&mut generator), 0.0)] {
            assert_eq!(Dropout::new(generator).apply(ones(), probability).into_data(), ones().into_data());
        }
    }
}

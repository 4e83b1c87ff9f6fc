//! The tensors of a model, by name.

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use indexmap::IndexMap;

use crate::architecture::ParameterTable;
use crate::kernels::Precision;

/// The parameters of a model as tensors on one device, in the order of their [`ParameterTable`].
///
/// # Shapes
/// Those of the table: embeddings are (rows, H), linear weights (out, in), and biases and LayerNorms (out).
#[derive(Debug, Clone)]
pub struct Parameters {
    tensors: IndexMap<String, ParameterTensor>,
    device: Device,
    precision: Precision,
}

#[derive(Debug, Clone)]
enum ParameterTensor {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

impl Parameters {
    /// Puts values on a device: one vector a parameter of the table, row-major.
    ///
    /// # Panics
    /// Where the values do not fit the table, or the table has a parameter that is neither a vector nor a matrix.
    pub fn from_host(table: &ParameterTable, values: Vec<Vec<f32>>, device: &Device) -> Self {
        assert_eq!(values.len(), table.parameters.len(), "one value vector a parameter");
        let tensors = table.parameters.iter().zip(values).map(|(parameter, values)| {
            assert_eq!(values.len(), parameter.numel(), "the number of values of {}", parameter.name);
            let data = TensorData::new(values, parameter.shape.clone());
            (parameter.name.clone(), ParameterTensor::from_data(data, device))
        });
        Parameters { tensors: tensors.collect(), device: device.clone(), precision: Precision::F32 }
    }

    /// The values, row-major, in the order of the table.
    pub fn to_host(&self) -> Vec<Vec<f32>> {
        self.tensors.values().map(|tensor| host_values(tensor.clone().into_data())).collect()
    }

    /// The same tensors, with other products of linear layers.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Parameters { precision, ..self }
    }

    /// How products of linear layers are computed.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The device that the tensors are on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The matrix of that name.
    ///
    /// # Panics
    /// Where the table has no such matrix: table and network disagree, which no input can cause.
    pub fn matrix(&self, name: &str) -> Tensor<2> {
        match self.tensors.get(name) {
            Some(ParameterTensor::Matrix(tensor)) => tensor.clone(),
            _ => panic!("the parameter table has no matrix {name}"),
        }
    }

    /// The vector of that name.
    ///
    /// # Panics
    /// Where the table has no such vector: table and network disagree, which no input can cause.
    pub fn vector(&self, name: &str) -> Tensor<1> {
        match self.tensors.get(name) {
            Some(ParameterTensor::Vector(tensor)) => tensor.clone(),
            _ => panic!("the parameter table has no vector {name}"),
        }
    }

    /// The same tensors as leaves of an autodiff graph; no value is copied.
    #[must_use]
    pub fn tracked(&self) -> Self {
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.tracked()));
        Parameters { tensors: tensors.collect(), device: self.device.clone().autodiff(), precision: self.precision }
    }

    /// Takes the gradients of [tracked](Self::tracked) parameters out of `gradients`, in the order of the table; `None` for a parameter
    /// that received none.
    pub fn take_gradients(&self, gradients: &mut Gradients) -> Vec<Option<TensorData>> {
        self.tensors.values().map(|tensor| tensor.take_gradient(gradients)).collect()
    }

    /// Takes the values of one parameter to the host, lets `update` change them, and puts them back.
    ///
    /// # Panics
    /// Where there is no parameter at that place of the table.
    pub fn update_one_on_host<R>(&mut self, index: usize, update: impl FnOnce(&mut [f32]) -> R) -> R {
        let (_, tensor) = self.tensors.get_index_mut(index).expect("a parameter of the table");
        let nothing = ParameterTensor::Vector(Tensor::zeros([0], &self.device));
        let mut data = std::mem::replace(tensor, nothing).into_data();
        let result = update(data.as_mut_slice().expect("parameters are f32"));
        *tensor = ParameterTensor::from_data(data, &self.device);
        result
    }

    /// Takes all values to the host, lets `update` change them, and puts them back.
    ///
    /// On the CPU nothing is copied as long as no other tensor shares the values.
    pub fn update_on_host<R>(&mut self, update: impl FnOnce(&mut [&mut [f32]]) -> R) -> R {
        let tensors = std::mem::take(&mut self.tensors);
        let (names, mut values): (Vec<_>, Vec<_>) = tensors.into_iter().map(|(name, tensor)| (name, tensor.into_data())).unzip();
        let mut slices: Vec<_> = values.iter_mut().map(|data| data.as_mut_slice().expect("parameters are f32")).collect();
        let result = update(&mut slices);
        let tensors = names.into_iter().zip(values).map(|(name, data)| (name, ParameterTensor::from_data(data, &self.device)));
        self.tensors = tensors.collect();
        result
    }
}

impl ParameterTensor {
    fn from_data(data: TensorData, device: &Device) -> Self {
        match data.rank() {
            1 => ParameterTensor::Vector(Tensor::from_data(data, device)),
            2 => ParameterTensor::Matrix(Tensor::from_data(data, device)),
            rank => panic!("a parameter of rank {rank}"),
        }
    }

    fn into_data(self) -> TensorData {
        match self {
            ParameterTensor::Vector(tensor) => tensor.into_data(),
            ParameterTensor::Matrix(tensor) => tensor.into_data(),
        }
    }

    fn tracked(&self) -> Self {
        match self.clone() {
            ParameterTensor::Vector(tensor) => ParameterTensor::Vector(tensor.autodiff().require_grad()),
            ParameterTensor::Matrix(tensor) => ParameterTensor::Matrix(tensor.autodiff().require_grad()),
        }
    }

    fn take_gradient(&self, gradients: &mut Gradients) -> Option<TensorData> {
        match self {
            ParameterTensor::Vector(tensor) => tensor.grad_remove(gradients).map(Tensor::into_data),
            ParameterTensor::Matrix(tensor) => tensor.grad_remove(gradients).map(Tensor::into_data),
        }
    }
}

fn host_values(data: TensorData) -> Vec<f32> {
    data.try_into_vec().expect("parameters are f32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{Initializer, Parameter};

    fn parameters() -> Parameters {
        let parameter = |name: &str, shape: &[usize]| Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            initializer: Initializer::Zeros,
            construction: crate::architecture::Construction::Constant,
            padding_row: None,
            weight_decay: true,
            tied_to: None,
        };
        let table = ParameterTable { parameters: vec![parameter("m", &[2, 3]), parameter("v", &[2])], base_parameters: 2 };
        Parameters::from_host(&table, vec![vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![7.0, 8.0]], &Device::flex())
    }

    #[test]
    fn values_go_to_the_device_and_back() {
        let mut parameters = parameters();
        assert_eq!(parameters.matrix("m").dims(), [2, 3]);
        assert_eq!(parameters.vector("v").into_data().try_into_vec::<f32>().unwrap(), [7.0, 8.0]);
        parameters.update_on_host(|values| values[1][0] += 1.0);
        assert_eq!(parameters.to_host(), [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![8.0, 8.0]]);
    }

    #[test]
    fn gradients_come_in_the_order_of_the_table() {
        let tracked = parameters().tracked();
        let loss = (tracked.vector("v") * 3.0).sum();
        let gradients = tracked.take_gradients(&mut loss.backward());
        assert!(gradients[0].is_none());
        assert_eq!(gradients[1].clone().map(host_values), Some(vec![3.0, 3.0]));
    }

    #[test]
    #[should_panic(expected = "the parameter table has no vector m")]
    fn a_matrix_is_no_vector() {
        parameters().vector("m");
    }
}

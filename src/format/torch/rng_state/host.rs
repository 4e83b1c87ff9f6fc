//! The generators of Python and of numpy.

use std::sync::Arc;

use crate::format::torch::pickle::{Construction, Object, Value};

/// Words of a Mersenne Twister.
pub const WORDS: usize = 624;

/// A Mersenne Twister.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twister {
    /// The words.
    pub words: [u32; WORDS],
    /// How many of them have been drawn.
    pub position: u32,
}

/// Python's `random`.
#[derive(Debug, Clone, PartialEq)]
pub struct PythonGenerator {
    /// The generator.
    pub twister: Twister,
    /// The normal sample that `gauss` keeps for the next call.
    pub gauss_next: Option<f64>,
}

/// numpy's legacy generator.
#[derive(Debug, Clone, PartialEq)]
pub struct NumpyGenerator {
    /// Which numpy wrote it.
    pub generation: Numpy,
    /// The generator.
    pub twister: Twister,
    /// Whether a normal sample is kept for the next call.
    pub has_gauss: bool,
    /// That sample, or 0.
    pub cached_gaussian: f64,
}

/// Generations of numpy, whose arrays are pickled by different names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numpy {
    /// numpy 1: `numpy.core`.
    One,
    /// numpy 2: `numpy._core`.
    Two,
}

const RECONSTRUCT_1: (&str, &str) = ("numpy.core.multiarray", "_reconstruct");
const RECONSTRUCT_2: (&str, &str) = ("numpy._core.multiarray", "_reconstruct");
const DTYPE: (&str, &str) = ("numpy", "dtype");
const ALGORITHM: &str = "MT19937";
/// The version of the state of Python's `random`.
const PYTHON_VERSION: u64 = 3;

impl PythonGenerator {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let [version, words, gauss_next] = value.as_tuple()? else { return None };
        let (position, words) = words.as_tuple()?.split_last()?;
        let words: Vec<u32> = words.iter().map(Value::as_integer).collect::<Option<_>>()?;
        let twister = Twister { words: words.try_into().ok()?, position: position.as_integer()? };
        let gauss_next = match gauss_next {
            Value::None => None,
            number => Some(number.as_float()?),
        };
        (version.as_integer() == Some(PYTHON_VERSION)).then_some(PythonGenerator { twister, gauss_next })
    }

    pub(super) fn value(&self) -> Value {
        let words = self.twister.words.into_iter().chain([self.twister.position]).map(|word| u64::from(word).into());
        Value::tuple([PYTHON_VERSION.into(), Value::tuple(words), self.gauss_next.into()])
    }
}

impl NumpyGenerator {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let [algorithm, array, position, has_gauss, cached_gaussian] = value.as_tuple()? else { return None };
        let generation = match array.as_object()?.class {
            RECONSTRUCT_1 => Numpy::One,
            RECONSTRUCT_2 => Numpy::Two,
            _ => return None,
        };
        let [_, _, _, _, bytes] = array.as_object()?.state.as_ref()?.as_tuple()? else { return None };
        let bytes = bytes.as_bytes()?;
        let (chunks, []) = bytes.as_chunks::<4>() else { return None };
        let words: Vec<u32> = chunks.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let twister = Twister { words: words.try_into().ok()?, position: position.as_integer()? };
        let has_gauss = match has_gauss.as_integer::<u8>()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let generator = NumpyGenerator { generation, twister, has_gauss, cached_gaussian: cached_gaussian.as_float()? };
        (algorithm.as_str() == Some(ALGORITHM) && *array == generator.array()).then_some(generator)
    }

    pub(super) fn value(&self) -> Value {
        let (position, has_gauss) = (u64::from(self.twister.position), u64::from(self.has_gauss));
        Value::tuple([ALGORITHM.into(), self.array(), position.into(), has_gauss.into(), self.cached_gaussian.into()])
    }

    /// An array of the words.
    fn array(&self) -> Value {
        let class = match self.generation {
            Numpy::One => RECONSTRUCT_1,
            Numpy::Two => RECONSTRUCT_2,
        };
        let byte_order = ["<".into(), Value::None, Value::None, Value::None, (-1_i64).into(), (-1_i64).into(), 0_u64.into()];
        let dtype = Object::new(Construction::Call, DTYPE, ["u4".into(), false.into(), true.into()]);
        let dtype = Object { state: Some(Value::tuple([3_u64.into()].into_iter().chain(byte_order))), ..dtype };
        let bytes: Vec<u8> = self.twister.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let shape = Value::tuple([u64::try_from(WORDS).unwrap_or(u64::MAX).into()]);
        let state = [1_u64.into(), shape, Value::Object(Arc::new(dtype)), false.into(), Value::bytes(&bytes)];
        let empty = [Value::Global("numpy", "ndarray"), Value::tuple([0_u64.into()]), Value::bytes(b"b")];
        Value::Object(Arc::new(Object { state: Some(Value::tuple(state)), ..Object::new(Construction::Call, class, empty) }))
    }
}

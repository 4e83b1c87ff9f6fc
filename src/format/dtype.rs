//! Element types of tensors: their names, their sizes, and their values.
//!
//! # Source
//! safetensors 0.8.0, `safetensors/src/tensor.rs` (`Dtype`): every type that this release knows.

use std::borrow::Cow;

/// Element types, in the order in which the writer sorts them (last first).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
#[rustfmt::skip]
pub enum Dtype {
    Bool, F4, F6E2M3, F6E3M2, U8, I8, F8E5M2, F8E4M3, F8E8M0, F8E4M3Fnuz, F8E5M2Fnuz,
    I16, U16, F16, Bf16, I32, U32, F32, C64, F64, I64, U64,
}

/// Type, name in a safetensors header, bits of one element.
pub(super) const DTYPES: [(Dtype, &str, u64); 22] = [
    (Dtype::Bool, "BOOL", 8),
    (Dtype::F4, "F4", 4),
    (Dtype::F6E2M3, "F6_E2M3", 6),
    (Dtype::F6E3M2, "F6_E3M2", 6),
    (Dtype::U8, "U8", 8),
    (Dtype::I8, "I8", 8),
    (Dtype::F8E5M2, "F8_E5M2", 8),
    (Dtype::F8E4M3, "F8_E4M3", 8),
    (Dtype::F8E8M0, "F8_E8M0", 8),
    (Dtype::F8E4M3Fnuz, "F8_E4M3FNUZ", 8),
    (Dtype::F8E5M2Fnuz, "F8_E5M2FNUZ", 8),
    (Dtype::I16, "I16", 16),
    (Dtype::U16, "U16", 16),
    (Dtype::F16, "F16", 16),
    (Dtype::Bf16, "BF16", 16),
    (Dtype::I32, "I32", 32),
    (Dtype::U32, "U32", 32),
    (Dtype::F32, "F32", 32),
    (Dtype::C64, "C64", 64),
    (Dtype::F64, "F64", 64),
    (Dtype::I64, "I64", 64),
    (Dtype::U64, "U64", 64),
];

impl Dtype {
    /// The name in a safetensors header.
    pub fn name(self) -> &'static str {
        DTYPES.iter().find(|(dtype, _, _)| *dtype == self).map_or("", |(_, name, _)| name)
    }

    /// Bits of one element.
    pub fn bits(self) -> u64 {
        DTYPES.iter().find(|(dtype, _, _)| *dtype == self).map_or(0, |(_, _, bits)| *bits)
    }

    /// Whole bytes of one element: none for the types of 4 and 6 bits.
    pub fn bytes(self) -> u64 {
        self.bits() / 8
    }

    /// The type of that name in a safetensors header.
    pub fn parse(name: &str) -> Option<Self> {
        DTYPES.iter().find(|(_, known, _)| *known == name).map(|(dtype, _, _)| *dtype)
    }

    /// The name that transformers puts into `config.json`, for the types that a model is trained or stored in.
    pub fn config_name(self) -> Option<&'static str> {
        match self {
            Dtype::F32 => Some("float32"),
            Dtype::F16 => Some("float16"),
            Dtype::Bf16 => Some("bfloat16"),
            Dtype::F64 => Some("float64"),
            _ => None,
        }
    }

    /// Whether `model.to(dtype)` of torch converts tensors of this type.
    pub fn is_float(self) -> bool {
        !matches!(self, Dtype::Bool | Dtype::U8 | Dtype::I8 | Dtype::I16 | Dtype::U16 | Dtype::I32 | Dtype::U32 | Dtype::I64 | Dtype::U64)
    }

    /// How many elements are NaN or infinite. Types without such values have none; nor have those of less than a byte.
    pub fn count_not_finite(self, data: &[u8]) -> u64 {
        let f32_is_broken = |bytes| u32::from_le_bytes(bytes) & 0x7f80_0000 == 0x7f80_0000;
        match self {
            Dtype::F32 => count(data, f32_is_broken),
            Dtype::F16 => count(data, |bytes| u16::from_le_bytes(bytes) & 0x7c00 == 0x7c00),
            Dtype::Bf16 => count(data, |bytes| u16::from_le_bytes(bytes) & 0x7f80 == 0x7f80),
            Dtype::F64 => count(data, |bytes| u64::from_le_bytes(bytes) & 0x7ff0 << 48 == 0x7ff0 << 48),
            Dtype::C64 => count(data, |[a, b, c, d, e, f, g, h]| f32_is_broken([a, b, c, d]) | f32_is_broken([e, f, g, h])),
            Dtype::F8E5M2 => count(data, |[byte]| byte & 0x7c == 0x7c),
            Dtype::F8E4M3 => count(data, |[byte]| byte & 0x7f == 0x7f),
            Dtype::F8E8M0 => count(data, |[byte]| byte == 0xff),
            Dtype::F8E4M3Fnuz | Dtype::F8E5M2Fnuz => count(data, |[byte]| byte == 0x80),
            _ => 0,
        }
    }

    /// The elements as doubles, one after another; nothing for types that rtrain does no arithmetic with.
    ///
    /// # Numerics
    /// Exact, but for integers beyond 2^53.
    pub fn values(self, data: &[u8]) -> Option<Box<dyn Iterator<Item = f64> + '_>> {
        fn of<'a, const N: usize>(data: &'a [u8], value: fn([u8; N]) -> f64) -> Option<Box<dyn Iterator<Item = f64> + 'a>> {
            Some(Box::new(data.as_chunks::<N>().0.iter().map(move |bytes| value(*bytes))))
        }
        match self {
            Dtype::Bool | Dtype::U8 => of(data, |[byte]| byte.into()),
            Dtype::I8 => of(data, |bytes| i8::from_le_bytes(bytes).into()),
            Dtype::I16 => of(data, |bytes| i16::from_le_bytes(bytes).into()),
            Dtype::U16 => of(data, |bytes| u16::from_le_bytes(bytes).into()),
            Dtype::I32 => of(data, |bytes| i32::from_le_bytes(bytes).into()),
            Dtype::U32 => of(data, |bytes| u32::from_le_bytes(bytes).into()),
            #[expect(clippy::as_conversions, reason = "rounds to the nearest double")]
            Dtype::I64 => of(data, |bytes| i64::from_le_bytes(bytes) as f64),
            #[expect(clippy::as_conversions, reason = "rounds to the nearest double")]
            Dtype::U64 => of(data, |bytes| u64::from_le_bytes(bytes) as f64),
            Dtype::F16 => of(data, |bytes| half::f16::from_le_bytes(bytes).into()),
            Dtype::Bf16 => of(data, |bytes| half::bf16::from_le_bytes(bytes).into()),
            Dtype::F32 => of(data, |bytes| f32::from_le_bytes(bytes).into()),
            Dtype::F64 => of(data, f64::from_le_bytes),
            _ => None,
        }
    }
}

/// Most blocks have none, and looking for one is faster than counting.
fn count<const N: usize>(data: &[u8], is_broken: impl Fn([u8; N]) -> bool) -> u64 {
    const BLOCK: usize = 4096;
    let in_block = |block: &[[u8; N]]| {
        let any = block.iter().fold(false, |any, &element| any | is_broken(element));
        if any { block.iter().filter(|element| is_broken(**element)).count() } else { 0 }
    };
    data.as_chunks::<N>().0.chunks(BLOCK).map(|block| u64::try_from(in_block(block)).unwrap_or(u64::MAX)).sum()
}

/// The values of a float tensor as `f32`, half precision widened; `None` for other element types.
pub fn to_f32(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    match dtype {
        Dtype::F32 => Some(data.as_chunks::<4>().0.iter().copied().map(f32::from_le_bytes).collect()),
        Dtype::F16 => Some(data.as_chunks::<2>().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect()),
        Dtype::Bf16 => Some(data.as_chunks::<2>().0.iter().map(|bytes| half::bf16::from_le_bytes(*bytes).to_f32()).collect()),
        #[expect(clippy::as_conversions, reason = "rounds to the nearest float")]
        Dtype::F64 => Some(data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()),
        _ => None,
    }
}

/// The little-endian bytes of `f32` values; where the machine is little-endian too, their own memory.
pub fn from_f32(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        return Cow::Borrowed(bytemuck::cast_slice(values));
    }
    Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// The same numbers as another float type, as torch's `tensor.to(dtype)` makes them; `None` where one of the types is not F16, BF16, F32 or,
/// to convert from, F64.
///
/// # Numerics
/// By way of `f32`, rounded to the nearest, ties to even; what is too large becomes infinite. The payload of a NaN is not torch's, which
/// itself depends on the processor.
pub fn convert(data: &[u8], from: Dtype, to: Dtype) -> Option<Vec<u8>> {
    let values = to_f32(from, data)?;
    match to {
        _ if to == from => Some(data.to_vec()),
        Dtype::F32 => Some(from_f32(&values).into_owned()),
        Dtype::F16 => Some(values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()),
        Dtype::Bf16 => Some(values.iter().flat_map(|&value| half::bf16::from_f32(value).to_le_bytes()).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_names_are_those_of_the_safetensors_crate() {
        for (dtype, name, bits) in DTYPES {
            let theirs: safetensors::Dtype = serde_json::from_str(&format!("\"{name}\"")).unwrap();
            assert_eq!((theirs.bitsize() as u64, dtype.name(), Dtype::parse(name)), (bits, name, Some(dtype)));
        }
        for pair in DTYPES.windows(2) {
            let theirs = |index: usize| serde_json::from_str::<safetensors::Dtype>(&format!("\"{}\"", pair[index].1)).unwrap();
            assert!(theirs(0) < theirs(1) && pair[0].0 < pair[1].0, "{pair:?}");
        }
    }

    /// Every 16-bit float against the `half` crate, and a few of each other type.
    #[test]
    fn broken_numbers_are_counted() {
        for bits in 0..=u16::MAX {
            let bytes = bits.to_le_bytes();
            assert_eq!(Dtype::F16.count_not_finite(&bytes) == 0, half::f16::from_bits(bits).is_finite(), "{bits:#x}");
            assert_eq!(Dtype::Bf16.count_not_finite(&bytes) == 0, half::bf16::from_bits(bits).is_finite(), "{bits:#x}");
        }
        let mut values = vec![0.5_f32; 10_000];
        for (position, broken) in [(0, f32::NAN), (4095, f32::INFINITY), (4096, f32::NEG_INFINITY), (9_999, -f32::NAN)] {
            values[position] = broken;
        }
        assert_eq!(Dtype::F32.count_not_finite(&from_f32(&values)), 4);
        assert_eq!(Dtype::C64.count_not_finite(&from_f32(&values)), 4);
        let doubles: Vec<u8> = [1.0, f64::NAN, f64::MAX, f64::NEG_INFINITY].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(Dtype::F64.count_not_finite(&doubles), 2);
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let counts = [Dtype::F8E5M2, Dtype::F8E4M3, Dtype::F8E8M0, Dtype::F8E4M3Fnuz, Dtype::F8E5M2Fnuz, Dtype::U8]
            .map(|dtype| dtype.count_not_finite(&bytes));
        assert_eq!(counts, [8, 2, 1, 1, 1, 0]);
    }

    #[test]
    fn conversion_rounds_to_even() {
        let converted =
            |value: f32, to: Dtype| convert(&value.to_le_bytes(), Dtype::F32, to).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let f32_of = f32::from_bits;
        assert_eq!(converted(f32_of(0x3f80_8000), Dtype::Bf16), Some(0x3f80));
        assert_eq!(converted(f32_of(0x3f81_8000), Dtype::Bf16), Some(0x3f82));
        assert_eq!(converted(f32_of(0x3f80_8001), Dtype::Bf16), Some(0x3f81));
        assert_eq!(converted(f32::MAX, Dtype::Bf16), Some(0x7f80));
        assert_eq!(converted(65_519.0, Dtype::F16), Some(0x7bff));
        assert_eq!(converted(65_520.0, Dtype::F16), Some(0x7c00));
        assert_eq!(converted(2.0_f32.powi(-25), Dtype::F16), Some(0));
        assert_eq!(converted(1.5 * 2.0_f32.powi(-25), Dtype::F16), Some(1));
        assert_eq!(converted(1.0, Dtype::I16), None);
        assert_eq!(convert(&[0, 0x80, 0x80, 0x3f], Dtype::F32, Dtype::F32), Some(vec![0, 0x80, 0x80, 0x3f]));
    }
}

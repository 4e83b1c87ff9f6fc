//! Uniformly distributed tensors with the bits of torch's `Tensor.uniform_` on the CPU.

use super::Mt19937;

/// Fills `out` with samples of `[from, to)`, the same as `tensor.uniform_(from, to, generator=generator)` for a contiguous `float32` tensor.
///
/// # Numerics
/// torch draws 24 bits a value and scales them in `f64` by bounds that are rounded to `f32`.
///
/// # Source
/// torch 2.15.0, `ATen/core/TransformationHelper.h` (`uniform_real`).
///
/// # Examples
/// ```
/// use rtrain::random::{Mt19937, uniform_};
/// let mut noise = [0.0; 8];
/// uniform_(&mut Mt19937::new(42), &mut noise, -0.1, 0.1);
/// ```
pub fn uniform_(generator: &mut Mt19937, out: &mut [f32], from: f32, to: f32) {
    const BITS: u32 = f32::MANTISSA_DIGITS;
    let (from, width) = (f64::from(from), f64::from(to - from));
    for value in out {
        let sample = f64::from(generator.next_u32() & ((1 << BITS) - 1)) / f64::from(1 << BITS);
        *value = (sample * width + from) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn samples_have_the_bits_of_torch() {
        golden::draws("uniform", |case| {
            let mut generator = Mt19937::new(golden::integer(case, "seed"));
            let mut out = vec![0.0; golden::integer(case, "elements") as usize];
            let bound = case["bound"].as_f64().unwrap() as f32;
            uniform_(&mut generator, &mut out, -bound, bound);
            assert_eq!(golden::sha256(out.iter().map(|value| value.to_le_bytes())), case["sha256"], "{case}");
            assert_eq!(generator.random_i64() as u64, golden::integer(case, "next"), "{case}");
        });
    }
}

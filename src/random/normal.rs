//! Normally distributed tensors with the bits of torch's `Tensor.normal_` on the CPU.
//!
//! torch has two algorithms. From 16 values on it fills blocks of 16 by Box-Muller in `f32`, with polynomial logarithm, sine and cosine
//! written for AVX2 and compiled with fused multiply-add; below 16 it draws each value in `f64` with the C library's functions.

use super::Mt19937;
use crate::simd::vectorized;
use std::f32::consts::FRAC_1_SQRT_2;

/// Values that the blocked path transforms at once: eight radii, then eight angles.
const BLOCK: usize = 16;

/// Fills `out` with normal samples, the same as `tensor.normal_(mean, std, generator=generator)` for a contiguous `float32` tensor.
///
/// `mean` and `std` are `f64` because torch takes Python floats: the short path needs all their bits, the blocked path rounds them.
///
/// # Numerics
/// With 16 or more values, bit-identical to torch on a processor with AVX2 or AVX-512 on every target of this crate; torch's plain path
/// for older processors differs in the last bits. With fewer, `f64` results are rounded to `f32`, and the platform's `log1p`, `sin` and
/// `cos` may differ from glibc's in the last bit of `f64`, which the rounding nearly always hides.
///
/// # Source
/// torch 2.15.0, `ATen/native/cpu/DistributionTemplates.h` (`NormalFill16<float>`), `ATen/native/cpu/avx_mathfun.h` (`log256_ps`,
/// `sincos256_ps`, after the Cephes library) and `ATen/core/DistributionsHelper.h` (`normal_distribution`).
///
/// # Examples
/// ```
/// use rtrain::random::{Mt19937, normal_};
/// let mut weight = [0.0f32; 2 * 768];
/// normal_(&mut Mt19937::new(42), &mut weight, 0.0, 0.02);
/// ```
pub fn normal_(generator: &mut Mt19937, out: &mut [f32], mean: f64, std: f64) {
    if out.len() < BLOCK {
        for value in out {
            *value = standard_normal(generator).mul_add(std, mean) as f32;
        }
        return;
    }
    let (mean, std) = (mean as f32, std as f32);
    fill_uniform(generator, out);
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    transform(blocks, mean, std);
    if !rest.is_empty()
        && let Some(tail) = out.last_chunk_mut::<BLOCK>()
    {
        fill_uniform(generator, tail);
        box_muller(std::slice::from_mut(tail), mean, std);
    }
}

/// Goes on as if [`normal_`] had filled `count` values.
pub fn skip_normal(generator: &mut Mt19937, count: usize) {
    if count < BLOCK {
        (0..count).for_each(|_| _ = standard_normal(generator));
    } else {
        generator.skip(if count.is_multiple_of(BLOCK) { count } else { count + BLOCK });
    }
}

/// [`box_muller`] on all threads.
fn transform(blocks: &mut [[f32; BLOCK]], mean: f32, std: f32) {
    #[cfg(feature = "train")]
    {
        use rayon::prelude::*;
        blocks.par_chunks_mut(1 << 12).for_each(|blocks| box_muller(blocks, mean, std));
    }
    #[cfg(not(feature = "train"))]
    box_muller(blocks, mean, std);
}

fn fill_uniform(generator: &mut Mt19937, out: &mut [f32]) {
    for value in out {
        *value = (generator.next_u32() & 0x00ff_ffff) as f32 / 16_777_216.0;
    }
}

vectorized! {
    /// Turns blocks of 16 uniform values in `[0, 1)` into normal ones in place.
    fn box_muller<'a>(blocks: &'a mut [[f32; BLOCK]], mean: f32, std: f32) {
        for block in blocks {
            let (radii, angles) = block.split_at_mut(BLOCK / 2);
            for (first, second) in radii.iter_mut().zip(angles) {
                let radius = (-2.0 * ln(1.0 - *first)).sqrt();
                let (sin, cos) = sin_cos(std::f32::consts::TAU * *second);
                *first = (radius * cos).mul_add(std, mean);
                *second = (radius * sin).mul_add(std, mean);
            }
        }
    }
}

/// Evaluates a polynomial, highest coefficient first, with one fused multiply-add a step.
#[inline(always)]
fn polynomial(x: f32, coefficients: &[f32]) -> f32 {
    coefficients.iter().copied().reduce(|sum, coefficient| sum.mul_add(x, coefficient)).unwrap_or(0.0)
}

/// Natural logarithm of a positive normal `f32` as `log256_ps` computes it.
#[inline(always)]
fn ln(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_84e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_4e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const LN_2_HIGH: f32 = 0.693_359_4;
    let bits = x.max(f32::MIN_POSITIVE).to_bits();
    let mut exponent = (bits >> 23) as f32 - 126.0;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0.5f32.to_bits());
    let mut fraction = mantissa - 1.0;
    if mantissa < FRAC_1_SQRT_2 {
        exponent -= 1.0;
        fraction += mantissa;
    }
    let square = fraction * fraction;
    let series = polynomial(fraction, &COEFFICIENTS) * fraction;
    let correction = series.mul_add(square, exponent * LN_2_LOW);
    let correction = (-square).mul_add(0.5, correction);
    exponent.mul_add(LN_2_HIGH, fraction + correction)
}

/// Sine and cosine of an angle in `[0, 2π]` as `sincos256_ps` computes them.
///
/// The angle is reduced by a multiple of π/4 that is subtracted in three parts; `octant` picks the polynomial and the signs.
#[inline(always)]
fn sin_cos(angle: f32) -> (f32, f32) {
    const QUARTER_PI: [f32; 3] = [-0.785_156_25, -2.418_756_5e-4, -3.774_895e-8];
    const SIN: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];
    const COS: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];
    let octant = ((angle * (4.0 / std::f32::consts::PI)) as u32).next_multiple_of(2);
    let x = QUARTER_PI.iter().fold(angle, |x, part| (octant as f32).mul_add(*part, x));
    let square = x * x;
    let cos = (polynomial(square, &COS) * square).mul_add(square, -(square * 0.5)) + 1.0;
    let sin = (polynomial(square, &SIN) * square).mul_add(x, x);
    match octant % 8 {
        0 => (sin, cos),
        2 => (cos, -sin),
        4 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// One standard normal sample in `f64`; every second call returns the sample that the generator kept from the call before.
fn standard_normal(generator: &mut Mt19937) -> f64 {
    if let Some(sample) = generator.take_cached_normal() {
        return sample;
    }
    let angle = std::f64::consts::TAU * uniform_f64(generator);
    let radius = (-2.0 * (-uniform_f64(generator)).ln_1p()).sqrt();
    generator.cache_normal(radius * angle.sin());
    radius * angle.cos()
}

fn uniform_f64(generator: &mut Mt19937) -> f64 {
    const UNIT: u64 = 1 << f64::MANTISSA_DIGITS;
    (generator.next_u64() % UNIT) as f64 / UNIT as f64
}

#[cfg(test)]
mod tests {
    use super::super::{golden, randperm};
    use super::*;
    use serde_json::Value;

    #[test]
    fn skipped_values_are_as_if_drawn() {
        for count in [0, 1, 5, 15, 16, 17, 31, 32, 1000] {
            let (mut drawn, mut skipped) = (Mt19937::new(4), Mt19937::new(4));
            normal_(&mut drawn, &mut vec![0.0; count], 0.0, 1.0);
            skip_normal(&mut skipped, count);
            let mut next = [[0.0; 3]; 2];
            normal_(&mut drawn, &mut next[0], 0.0, 1.0);
            normal_(&mut skipped, &mut next[1], 0.0, 1.0);
            assert_eq!(next[0], next[1], "{count}");
        }
    }

    fn drawn_bits(generator: &mut Mt19937, case: &Value) -> Vec<u64> {
        let mut out = vec![0.0; case["n"].as_u64().unwrap() as usize];
        normal_(generator, &mut out, case["mean"].as_f64().unwrap(), case["std"].as_f64().unwrap());
        out.into_iter().map(|value| u64::from(value.to_bits())).collect()
    }

    #[test]
    fn normal_has_the_bits_of_torch() {
        let cases = golden::random();
        let cases = cases["normal_"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let mut generator = Mt19937::new(case["seed"].as_u64().unwrap());
            let bits = drawn_bits(&mut generator, case);
            assert_eq!(bits, golden::integers(case, "bits"), "seed {}, n {}, std {}", case["seed"], case["n"], case["std"]);
        }
    }

    #[test]
    fn a_million_values_have_the_checksum_of_torch() {
        let golden = golden::random();
        for case in golden["normal_checksums"].as_array().unwrap() {
            let bits = drawn_bits(&mut Mt19937::new(case["seed"].as_u64().unwrap()), case);
            let weighted = (1u64..).zip(bits).fold(0u64, |sum, (place, bits)| sum.wrapping_add(place.wrapping_mul(bits)));
            assert_eq!(Some(weighted), case["checksum"].as_u64(), "seed {}", case["seed"]);
        }
    }

    #[test]
    fn a_cached_sample_waits_through_other_draws() {
        let golden = golden::random();
        let sequences = golden["sequences"].as_array().unwrap();
        assert!(!sequences.is_empty());
        for sequence in sequences {
            let mut generator = Mt19937::new(sequence["seed"].as_u64().unwrap());
            for (index, step) in sequence["steps"].as_array().unwrap().iter().enumerate() {
                let drawn = match step["draw"].as_str().unwrap() {
                    "normal_" => drawn_bits(&mut generator, step),
                    "randperm" => {
                        let n = step["n"].as_u64().unwrap() as usize;
                        randperm(n, &mut generator).into_iter().map(u64::from).collect()
                    }
                    "random_" => vec![generator.random_i64() as u64],
                    other => panic!("unknown draw {other}"),
                };
                assert_eq!(drawn, golden::integers(step, "bits"), "seed {}, step {index}", sequence["seed"]);
            }
        }
    }

    #[test]
    fn the_polynomials_are_close_to_the_real_functions() {
        for step in 0u16..4096 {
            let x = f32::from(step) / 4096.0;
            assert!((f64::from(ln(1.0 - x)) - f64::from(1.0 - x).ln()).abs() < 1e-6, "ln at {x}");
            let angle = std::f32::consts::TAU * x;
            let (sin, cos) = sin_cos(angle);
            assert!((f64::from(sin) - f64::from(angle).sin()).abs() < 1e-6, "sin at {angle}");
            assert!((f64::from(cos) - f64::from(angle).cos()).abs() < 1e-6, "cos at {angle}");
        }
    }

    #[test]
    fn nothing_is_drawn_for_an_empty_tensor() {
        let mut generator = Mt19937::new(1);
        normal_(&mut generator, &mut [], 0.0, 1.0);
        assert_eq!(generator.next_u32(), Mt19937::new(1).next_u32());
    }
}

//! What the loops inside of a [vectorized](crate::simd) function are made of.
//!
//! Products and sums are rounded one by one, never fused: every processor computes the same bits.

/// Lanes of the sums: enough for the widest vectors, and fixed, so that results do not depend on the processor.
const LANES: usize = 32;

/// Sums a function of two rows, in an order that the length alone decides.
#[inline(always)]
pub fn sum2(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += term(left[lane], right[lane]);
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        sums[lane] += term(*left, *right);
    }
    total(sums)
}

/// Sums a row.
#[inline(always)]
pub fn sum(row: &[f32]) -> f32 {
    sum2(row, row, |value, _| value)
}

#[inline(always)]
fn total(mut sums: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// The greatest value of a row; minus infinity for an empty one.
#[inline(always)]
pub fn max(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut greatest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            greatest[lane] = if chunk[lane] > greatest[lane] { chunk[lane] } else { greatest[lane] };
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        greatest[lane] = if *value > greatest[lane] { *value } else { greatest[lane] };
    }
    greatest.into_iter().fold(f32::NEG_INFINITY, |left, right| if right > left { right } else { left })
}

/// The exponential function: relative error below 3e-7, 0 below -87, finite above 88.
///
/// # Source
/// Reduction to `2^n · e^r` with `|r| <= ln 2 / 2`, and the Taylor polynomial of degree 7.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding it rounds to an integer, which the low bits of the sum then hold.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let exponent = shifted - ROUND;
    let r = (clamped - exponent * LN_2_HIGH) - exponent * LN_2_LOW;
    let mut polynomial = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        polynomial = polynomial * r + coefficient;
    }
    let integer = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    let power = f32::from_bits(integer << 23);
    if x < -87.0 { 0.0 } else { polynomial * power }
}

/// The normal distribution's cumulative probability and density: relative errors below 1e-5 and 5e-6, absolute below 2e-7.
///
/// # Source
/// The Chebyshev approximation of erfc in Press et al., "Numerical Recipes", 2nd edition, chapter 6.2.
#[inline(always)]
pub fn normal(x: f32) -> (f32, f32) {
    const CHEBYSHEV: [f32; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_9,
        -1.135_204,
        0.278_868_08,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_7,
        -1.265_512_2,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut polynomial = CHEBYSHEV[0];
    for coefficient in &CHEBYSHEV[1..] {
        polynomial = polynomial * t + coefficient;
    }
    let bell = exp(-0.5 * x * x);
    let tail = 0.5 * t * exp(polynomial) * bell;
    let cumulative = if x < 0.0 { tail } else { 1.0 - tail };
    (cumulative, bell * 0.398_942_3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 3e-7, "{x}: {}", exp(x));
        }
        assert_eq!((exp(0.0), exp(-100.0), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp(f32::INFINITY).is_finite() && exp(f32::NAN).is_nan());
    }

    /// The error function by its series, and its complement by a continued fraction.
    fn cumulative(x: f64) -> f64 {
        let z = x.abs() / std::f64::consts::SQRT_2;
        let tail = if z < 3.0 {
            let (mut term, mut sum) = (z, z);
            for n in 1..200 {
                term *= -z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            0.5 - sum / std::f64::consts::PI.sqrt()
        } else {
            let fraction = (1..60).rev().fold(0.0, |fraction, n| f64::from(n) / 2.0 / (z + fraction));
            0.5 * (-z * z).exp() / (std::f64::consts::PI.sqrt() * (z + fraction))
        };
        if x < 0.0 { tail } else { 1.0 - tail }
    }

    #[test]
    fn normal_is_close() {
        for step in -1200..=1200 {
            let x = step as f32 / 100.0;
            let (probability, density) = normal(x);
            let expected = cumulative(f64::from(x));
            assert!((f64::from(probability) - expected).abs() < 2e-7, "{x}: {probability}, not {expected}");
            assert!((f64::from(probability) / expected - 1.0).abs() < 1e-5, "{x}: {probability}, not {expected}");
            let expected = (-0.5 * f64::from(x).powi(2)).exp() / (2.0 * std::f64::consts::PI).sqrt();
            assert!((f64::from(density) / expected - 1.0).abs() < 5e-6, "{x}: {density}, not {expected}");
        }
    }

    #[test]
    fn sums_and_maxima_of_any_length() {
        for length in 0..100 {
            let row: Vec<f32> = (0..length).map(|value| (value * 37 % 101) as f32).collect();
            assert_eq!(sum(&row), row.iter().sum::<f32>());
            assert_eq!(max(&row), row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}

// The normal distribution's cumulative probability and density, by the Chebyshev approximation of erfc in Press et al., "Numerical Recipes",
// 2nd edition, chapter 6.2.
fn normal(x: f32) -> vec2f {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.5 * z);
    var polynomial = 0.17087277;
    polynomial = polynomial * t - 0.82215223;
    polynomial = polynomial * t + 1.4885159;
    polynomial = polynomial * t - 1.135204;
    polynomial = polynomial * t + 0.27886808;
    polynomial = polynomial * t - 0.18628806;
    polynomial = polynomial * t + 0.09678418;
    polynomial = polynomial * t + 0.37409196;
    polynomial = polynomial * t + 1.0000237;
    polynomial = polynomial * t - 1.2655122;
    let bell = exp(-0.5 * x * x);
    let tail = 0.5 * t * exp(polynomial) * bell;
    return vec2f(select(1.0 - tail, tail, x < 0.0), bell * 0.3989423);
}

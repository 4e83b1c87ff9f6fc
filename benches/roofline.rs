//! How fast this machine multiplies matrices: the roof under which a training step runs.
//!
//! `roofline [--threads N]` prints GFLOP/s: the median over rounds in which each thread multiplies, for itself, the matrices of MiniLM's feed
//! forward layer at 16 rows of 128 tokens. Threads neither share operands nor wait for each other within a round.

use std::hint::black_box;
use std::time::Instant;

/// Rows, columns and inner length of the products, as the forward pass and both gradients of a step have them.
const SHAPES: [[usize; 3]; 3] = [[1024, 1536, 384], [1024, 384, 1536], [1536, 384, 1024]];
const ROUNDS: usize = 15;
const PRODUCTS_A_ROUND: usize = 8;

fn main() {
    let threads = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        [flag, number] if flag == "--threads" => number.parse().unwrap_or_else(|_| usage()),
        _ => usage(),
    };
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| round(threads)).collect();
    rates.sort_by(f64::total_cmp);
    println!("{:.1} GFLOP/s on {threads} threads", rates[ROUNDS / 2]);
}

fn usage() -> ! {
    eprintln!("usage: roofline [--threads N]");
    std::process::exit(2)
}

/// GFLOP/s of all threads together.
fn round(threads: usize) -> f64 {
    let work: f64 = SHAPES.iter().map(|shape| 2.0 * shape.iter().product::<usize>() as f64).sum::<f64>() * PRODUCTS_A_ROUND as f64;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(multiply)).collect();
        workers.into_iter().map(|worker| work / worker.join().expect("products do not fail") / 1e9).sum()
    })
}

/// Seconds for the products of a round.
fn multiply() -> f64 {
    let mut seconds = 0.0;
    for [rows, columns, inner] in SHAPES {
        let (left, right, mut out) = (vec![0.5_f32; rows * inner], vec![0.25_f32; inner * columns], vec![0.0_f32; rows * columns]);
        let mut product = || {
            // SAFETY: the strides are those of row-major matrices of these shapes, which the vectors hold.
            #[expect(unsafe_code, reason = "the crate takes pointers and strides")]
            unsafe {
                gemm::gemm(
                    rows,
                    columns,
                    inner,
                    out.as_mut_ptr(),
                    1,
                    columns as isize,
                    false,
                    left.as_ptr(),
                    1,
                    inner as isize,
                    right.as_ptr(),
                    1,
                    columns as isize,
                    0.0_f32,
                    1.0_f32,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
        };
        product();
        let started = Instant::now();
        (0..PRODUCTS_A_ROUND).for_each(|_| product());
        seconds += started.elapsed().as_secs_f64();
        black_box(&out);
    }
    seconds
}

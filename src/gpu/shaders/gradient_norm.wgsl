// From sums of squares the norm of the mean gradient, and what gradients are multiplied with so that it stays within the limit.
struct Args {
    count: u32,
    // One over the number of micro batches.
    share: f32,
    // 0: no limit.
    max_norm: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> results: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < args.count; i += LANES) { sum += sums[i]; }
    let norm = sqrt(total(sum, lane)) * args.share;
    if (lane == 0u) {
        var factor = args.share;
        if (args.max_norm > 0.0) {
            let clip = args.max_norm / (norm + 1e-6);
            // A norm that is no number makes every gradient none, as torch has it.
            if (!(clip >= 1.0)) { factor *= clip; }
        }
        results[0] = norm;
        results[1] = factor;
    }
}

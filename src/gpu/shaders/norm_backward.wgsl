// The gradient of the sums that a LayerNorm took, and, where x had a mask, that of x.
struct Args {
    rows: u32,
    width: u32,
    weight: u32,
    // 0: no mask; 1: of x; 2: of the result.
    masked: u32,
    mask: u32,
    scale: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read> parameters: array<f32>;
@group(0) @binding(5) var<storage, read> inputs: array<u32>;
@group(0) @binding(6) var<storage, read_write> of_sums: array<f32>;
@group(0) @binding(7) var<storage, read_write> of_x: array<f32>;

fn weighted(i: u32, column: u32) -> f32 {
    var value = gradient[i] * parameters[args.weight + column];
    if (args.masked == 2u) { value *= mask(i); }
    return value;
}

@compute @workgroup_size(LANES, ROWS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let row = place(group.x, local.y);
    if (row >= args.rows) { return; }
    let first = row * args.width;
    let end = first + args.width;
    let mean = statistics[2u * row];
    let deviation = statistics[2u * row + 1u];
    var sum = 0.0;
    var product = 0.0;
    for (var i = first + local.x; i < end; i += LANES) {
        let value = weighted(i, i - first);
        sum += value;
        product += value * (sums[i] - mean) * deviation;
    }
    sum = total(sum, local.x) / f32(args.width);
    product = total(product, local.x) / f32(args.width);
    for (var i = first + local.x; i < end; i += LANES) {
        let value = deviation * (weighted(i, i - first) - sum - (sums[i] - mean) * deviation * product);
        of_sums[i] = value;
        if (args.masked == 1u) { of_x[i] = value * mask(i); }
    }
}

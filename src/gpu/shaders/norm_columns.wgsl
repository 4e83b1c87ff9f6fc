// Gradients of a LayerNorm's weight and bias: sums over rows, a column a workgroup's row.
struct Args {
    rows: u32,
    width: u32,
    weight: u32,
    bias: u32,
    accumulate: u32,
    // 2: the result had a mask.
    masked: u32,
    mask: u32,
    scale: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(LANES, ROWS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let column = place(group.x, local.y);
    if (column >= args.width) { return; }
    var of_weight = 0.0;
    var of_bias = 0.0;
    for (var row = local.x; row < args.rows; row += LANES) {
        let i = row * args.width + column;
        var value = gradient[i];
        if (args.masked == 2u) { value *= mask(i); }
        of_bias += value;
        of_weight += value * (sums[i] - statistics[2u * row]) * statistics[2u * row + 1u];
    }
    of_weight = total(of_weight, local.x);
    of_bias = total(of_bias, local.x);
    if (local.x == 0u) {
        if (args.accumulate == 1u) {
            of_weight += gradients[args.weight + column];
            of_bias += gradients[args.bias + column];
        }
        gradients[args.weight + column] = of_weight;
        gradients[args.bias + column] = of_bias;
    }
}

// A row of `out` is LayerNorm(x · mask + residual) or LayerNorm(x) · mask. The sums, if there is a residual, take the place of `x`;
// `statistics` are the mean and the reciprocal standard deviation of each row.
struct Args {
    rows: u32,
    width: u32,
    weight: u32,
    bias: u32,
    epsilon: f32,
    has_residual: u32,
    // 0: no mask; 1: of x; 2: of the result.
    masked: u32,
    mask: u32,
    scale: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read> parameters: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>;

@compute @workgroup_size(LANES, ROWS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let row = place(group.x, local.y);
    if (row >= args.rows) { return; }
    let first = row * args.width;
    let end = first + args.width;
    var sum = 0.0;
    for (var i = first + local.x; i < end; i += LANES) {
        var value = x[i];
        if (args.masked == 1u) { value *= mask(i); }
        if (args.has_residual == 1u) {
            value += residual[i];
            x[i] = value;
        }
        sum += value;
    }
    let mean = total(sum, local.x) / f32(args.width);
    var squares = 0.0;
    for (var i = first + local.x; i < end; i += LANES) {
        let centred = x[i] - mean;
        squares += centred * centred;
    }
    let deviation = inverseSqrt(total(squares, local.x) / f32(args.width) + args.epsilon);
    for (var i = first + local.x; i < end; i += LANES) {
        let column = i - first;
        var value = (x[i] - mean) * deviation * parameters[args.weight + column] + parameters[args.bias + column];
        if (args.masked == 2u) { value *= mask(i); }
        out[i] = value;
    }
    if (local.x == 0u) {
        statistics[2u * row] = mean;
        statistics[2u * row + 1u] = deviation;
    }
}

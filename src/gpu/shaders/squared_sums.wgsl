// Sums of squares of the elements, one an invocation.
struct Args {
    elements: u32,
    first: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    var sum = 0.0;
    for (var i = id.x; i < args.elements; i += groups.x * 64u) { sum += values[i] * values[i]; }
    sums[args.first + id.x] = sum;
}

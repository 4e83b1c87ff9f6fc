// Adds the rows of a matrix to other rows, none of them twice.
struct Args {
    elements: u32,
    width: u32,
    rows: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = (group.y * groups.x + group.x) * 64u + local;
    if (i >= args.elements) { return; }
    out[inputs[args.rows + i / args.width] * args.width + i % args.width] += x[i];
}

// The sum of the rows that the ids of each token choose from three tables, and of noise, if there is any.
struct Args {
    elements: u32,
    width: u32,
    first_ids: u32,
    second_ids: u32,
    third_ids: u32,
    has_noise: u32,
    noise: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> first: array<f32>;
@group(0) @binding(2) var<storage, read> second: array<f32>;
@group(0) @binding(3) var<storage, read> third: array<f32>;
@group(0) @binding(4) var<storage, read> inputs: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = (group.y * groups.x + group.x) * 64u + local;
    if (i >= args.elements) { return; }
    let token = i / args.width;
    let column = i % args.width;
    var value = first[inputs[args.first_ids + token] * args.width + column];
    value += second[inputs[args.second_ids + token] * args.width + column];
    value += third[inputs[args.third_ids + token] * args.width + column];
    if (args.has_noise == 1u) { value += bitcast<f32>(inputs[args.noise + i]); }
    out[i] = value;
}

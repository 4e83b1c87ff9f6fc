// For each row of a table that tokens chose: the sum of the gradients of these tokens.
struct Args {
    // Chosen rows times width.
    elements: u32,
    width: u32,
    rows: u32,
    // Where the tokens of each row begin, and at the end where the last ones end.
    starts: u32,
    tokens: u32,
    accumulate: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read_write> table: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let i = (group.y * groups.x + group.x) * 64u + local;
    if (i >= args.elements) { return; }
    let chosen = i / args.width;
    let column = i % args.width;
    var sum = 0.0;
    for (var place = inputs[args.starts + chosen]; place < inputs[args.starts + chosen + 1u]; place++) {
        sum += gradient[inputs[args.tokens + place] * args.width + column];
    }
    let target_place = inputs[args.rows + chosen] * args.width + column;
    if (args.accumulate == 1u) { sum += table[target_place]; }
    table[target_place] = sum;
}

// Adam with decoupled weight decay: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
struct Args {
    elements: u32,
    shrink: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    root_correction2: f32,
    epsilon: f32,
    step_size: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
// For each block of 64 elements whether they decay.
@group(0) @binding(2) var<storage, read> decays: array<u32>;
@group(0) @binding(3) var<storage, read> results: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> exp_avg: array<f32>;
@group(0) @binding(6) var<storage, read_write> exp_avg_sq: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
    let block = group.y * groups.x + group.x;
    let i = block * 64u + local;
    if (i >= args.elements) { return; }
    let gradient = gradients[i] * results[1];
    let mean = exp_avg[i] + (gradient - exp_avg[i]) * args.one_minus_beta1;
    let square = exp_avg_sq[i] * args.beta2 + gradient * gradient * args.one_minus_beta2;
    exp_avg[i] = mean;
    exp_avg_sq[i] = square;
    let denominator = sqrt(square) / args.root_correction2 + args.epsilon;
    let shrink = select(1.0, args.shrink, decays[block] == 1u);
    parameters[i] = parameters[i] * shrink - args.step_size * mean / denominator;
}

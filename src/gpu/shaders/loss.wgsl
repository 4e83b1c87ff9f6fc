// The mean loss of a batch, and the gradient of its logits.
struct Args {
    rows: u32,
    columns: u32,
    // 0: cross entropy with probabilities; 1: binary cross entropy; 2: squared error.
    kind: u32,
    targets: u32,
    slot: u32,
}
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> results: array<f32>;

fn wanted(i: u32) -> f32 {
    return bitcast<f32>(inputs[args.targets + i]);
}

fn cross_entropy(row: u32) -> f32 {
    let first = row * args.columns;
    let end = first + args.columns;
    var greatest = logits[first];
    for (var i = first + 1u; i < end; i++) { greatest = max(greatest, logits[i]); }
    var sum = 0.0;
    for (var i = first; i < end; i++) { sum += exp(logits[i] - greatest); }
    let normalizer = greatest + log(sum);
    var loss = 0.0;
    for (var i = first; i < end; i++) {
        let log_probability = logits[i] - normalizer;
        loss -= wanted(i) * log_probability;
        gradient[i] = (exp(log_probability) - wanted(i)) / f32(args.rows);
    }
    return loss / f32(args.rows);
}

fn binary_cross_entropy(row: u32) -> f32 {
    let first = row * args.columns;
    let elements = f32(args.rows * args.columns);
    var loss = 0.0;
    for (var i = first; i < first + args.columns; i++) {
        let x = logits[i];
        let small = exp(-abs(x));
        loss += (1.0 - wanted(i)) * x - min(x, 0.0) + log(1.0 + small);
        let probability = select(small, 1.0, x >= 0.0) / (1.0 + small);
        gradient[i] = (probability - wanted(i)) / elements;
    }
    return loss / elements;
}

fn squared_error(row: u32) -> f32 {
    let difference = logits[row] - wanted(row);
    gradient[row] = 2.0 * difference / f32(args.rows);
    return difference * difference / f32(args.rows);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var loss = 0.0;
    for (var row = lane; row < args.rows; row += LANES) {
        switch (args.kind) {
            case 0u: { loss += cross_entropy(row); }
            case 1u: { loss += binary_cross_entropy(row); }
            default: { loss += squared_error(row); }
        }
    }
    loss = total(loss, lane);
    if (lane == 0u) { results[args.slot] = loss; }
}

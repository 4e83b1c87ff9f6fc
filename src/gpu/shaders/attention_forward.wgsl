@group(0) @binding(1) var<storage, read> projected: array<Element>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read_write> context: array<Element>;
@group(0) @binding(4) var<storage, read_write> normalizers: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x;
    let head = id.y;
    if (row >= args.rows) { return; }
    let own = sequence(inputs[args.sequence_of_query + row]);
    let query = args.queries + row * args.width + head * VECTORS;
    let q$ = projected[query + $u];
    var sum$ = Element();
    var greatest = -3.0e38;
    var sum = 0.0;
    for (var j = 0u; j < own.tokens; j++) {
        let offset = (own.first_token + j) * args.width + head * VECTORS;
        let key = args.keys + offset;
        let value = args.values + offset;
        var score = 0.0;
        score += product(q$, projected[key + $u]);
        score *= args.factor;
        if (score > greatest) {
            let correction = exp(greatest - score);
            sum *= correction;
            sum$ *= correction;
            greatest = score;
        }
        var probability = exp(score - greatest);
        sum += probability;
        probability *= dropped(own, head, row - own.first_query, j);
        sum$ += probability * projected[value + $u];
    }
    let out = row * args.width + head * VECTORS;
    context[out + $u] = sum$ / sum;
    normalizers[head * args.rows + row] = greatest + log(sum);
}

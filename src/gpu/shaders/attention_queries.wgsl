@group(0) @binding(1) var<storage, read> projected: array<Element>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read> context: array<Element>;
@group(0) @binding(4) var<storage, read> of_context: array<Element>;
@group(0) @binding(5) var<storage, read> normalizers: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradient: array<Element>;
@group(0) @binding(7) var<storage, read_write> products: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.x;
    let head = id.y;
    if (row >= args.rows) { return; }
    let own = sequence(inputs[args.sequence_of_query + row]);
    let offset = row * args.width + head * VECTORS;
    let q$ = projected[args.queries + offset + $u];
    let g$ = of_context[offset + $u];
    var sum$ = Element();
    let normalizer = normalizers[head * args.rows + row];
    var inner = 0.0;
    inner += product(g$, context[offset + $u]);
    for (var j = 0u; j < own.tokens; j++) {
        let place = (own.first_token + j) * args.width + head * VECTORS;
        let key = args.keys + place;
        let value = args.values + place;
        var score = 0.0;
        score += product(q$, projected[key + $u]);
        var of_probability = 0.0;
        of_probability += product(g$, projected[value + $u]);
        of_probability *= dropped(own, head, row - own.first_query, j);
        let of_score = exp(score * args.factor - normalizer) * (of_probability - inner) * args.factor;
        sum$ += of_score * projected[key + $u];
    }
    gradient[args.queries + offset + $u] = sum$;
    products[head * args.rows + row] = inner;
}

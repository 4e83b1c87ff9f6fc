@group(0) @binding(1) var<storage, read> projected: array<Element>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read> of_context: array<Element>;
@group(0) @binding(4) var<storage, read> normalizers: array<f32>;
@group(0) @binding(5) var<storage, read> products: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradient: array<Element>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let token = id.x;
    let head = id.y;
    if (token >= args.tokens) { return; }
    let own = sequence(inputs[args.sequence_of_token + token]);
    let offset = token * args.width + head * VECTORS;
    let k$ = projected[args.keys + offset + $u];
    let v$ = projected[args.values + offset + $u];
    var of_key$ = Element();
    var of_value$ = Element();
    for (var i = 0u; i < own.queries; i++) {
        let row = own.first_query + i;
        let place = row * args.width + head * VECTORS;
        let query = args.queries + place;
        var score = 0.0;
        score += product(k$, projected[query + $u]);
        let probability = exp(score * args.factor - normalizers[head * args.rows + row]);
        let factor = dropped(own, head, i, token - own.first_token);
        var of_probability = 0.0;
        of_probability += product(v$, of_context[place + $u]);
        let of_score = probability * (of_probability * factor - products[head * args.rows + row]) * args.factor;
        of_key$ += of_score * projected[query + $u];
        of_value$ += probability * factor * of_context[place + $u];
    }
    gradient[args.keys + offset + $u] = of_key$;
    gradient[args.values + offset + $u] = of_value$;
}

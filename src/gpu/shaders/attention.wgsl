
struct Args {
    // Of the context and of the queries.
    rows: u32,
    tokens: u32,
    // Vectors of a row of all heads.
    width: u32,
    // Where queries, keys and values begin, in vectors.
    queries: u32,
    keys: u32,
    values: u32,
    // Words of the inputs: for each query and each token its sequence, and the sequences.
    sequence_of_query: u32,
    sequence_of_token: u32,
    sequences: u32,
    factor: f32,
    is_masked: u32,
    mask: u32,
    scale: f32,
}
@group(0) @binding(0) var<uniform> args: Args;

struct Sequence {
    first_token: u32,
    tokens: u32,
    first_query: u32,
    queries: u32,
    first_score: u32,
}

fn sequence(index: u32) -> Sequence {
    let place = args.sequences + index * 5u;
    return Sequence(inputs[place], inputs[place + 1u], inputs[place + 2u], inputs[place + 3u], inputs[place + 4u]);
}

// What dropout multiplies a probability with.
fn dropped(own: Sequence, head: u32, query: u32, key: u32) -> f32 {
    if (args.is_masked == 0u) { return 1.0; }
    return mask(own.first_score + (head * own.queries + query) * own.tokens + key);
}

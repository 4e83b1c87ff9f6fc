
fn store(batch: u32, row: u32, column: u32, value: f32) {
    let place = args.c_start + row * args.c_row + column;
    // Beyond 20 it is 1 in f32, and some devices have no value for it.
    var result = tanh(clamp(value + other[args.bias + column], -20.0, 20.0));
    c[place] = result;
    if (args.is_masked == 1u) { result *= mask(place); }
    second[place] = result;
}


fn store(batch: u32, row: u32, column: u32, value: f32) {
    let place = args.c_start + row * args.c_row + column;
    let y = other[place];
    var result = value * (1.0 - y * y);
    if (args.is_masked == 1u) { result *= mask(place); }
    c[place] = result;
}

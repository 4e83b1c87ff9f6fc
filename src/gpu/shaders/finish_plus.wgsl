fn store(batch: u32, row: u32, column: u32, value: f32) {
    let place = args.c_start + row * args.c_row + column;
    c[place] = value + other[place];
}

fn put(place: u32, value: f32) {
    if (args.accumulate == 1u) {
        c[place] += value;
    } else {
        c[place] = value;
    }
}

fn store(batch: u32, row: u32, column: u32, value: f32) {
    put(args.c_start + batch * args.c_stride + row * args.c_row + column, value);
}

fn store_bias(batch: u32, row: u32, value: f32) {
    put(args.bias + batch * args.bias_stride + row, value);
}

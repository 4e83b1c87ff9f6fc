fn store(batch: u32, row: u32, column: u32, value: f32) {
    c[args.c_start + batch * args.c_stride + row * args.c_row + column] = value;
}

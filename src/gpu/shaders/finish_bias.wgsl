fn store(batch: u32, row: u32, column: u32, value: f32) {
    let bias = other[args.bias + batch * args.bias_stride + column];
    c[args.c_start + batch * args.c_stride + row * args.c_row + column] = value + bias;
}

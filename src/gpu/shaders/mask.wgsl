
// What dropout multiplies an element with.
fn mask(i: u32) -> f32 {
    return select(0.0, args.scale, ((inputs[args.mask + (i >> 5u)] >> (i & 31u)) & 1u) == 1u);
}

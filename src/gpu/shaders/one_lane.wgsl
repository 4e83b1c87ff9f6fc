// Each invocation has a row for itself.
const ROWS = 64u;

fn place(group: u32, local: u32) -> u32 {
    return group * ROWS + local;
}

fn total(value: f32, lane: u32) -> f32 {
    return value;
}

// The invocations of a workgroup share one row.
const ROWS = 1u;
var<workgroup> sums_of_lanes: array<f32, LANES>;

fn place(group: u32, local: u32) -> u32 {
    return group;
}

fn total(value: f32, lane: u32) -> f32 {
    workgroupBarrier();
    sums_of_lanes[lane] = value;
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        workgroupBarrier();
        if (lane < width) { sums_of_lanes[lane] += sums_of_lanes[lane + width]; }
    }
    workgroupBarrier();
    return sums_of_lanes[0];
}

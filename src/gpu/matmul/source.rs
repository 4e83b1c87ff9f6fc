//! The WGSL of products of matrices, whose loops are written out: what an index chooses at run time would not stay in registers.

use std::fmt::Write;

use super::{BLOCK, BLOCKS, Finish, Layout, Matmul, Scheme, TILE};

const ARGUMENTS: &str = "
struct Args {
    m: u32,
    n: u32,
    k: u32,
    terms: u32,
    a_start: u32,
    b_start: u32,
    c_start: u32,
    a_row: u32,
    b_row: u32,
    c_row: u32,
    a_stride: u32,
    b_stride: u32,
    c_stride: u32,
    bias: u32,
    bias_stride: u32,
    accumulate: u32,
    is_masked: u32,
    mask: u32,
    scale: f32,
}
@group(0) @binding(0) var<uniform> args: Args;
";

impl Matmul {
    /// The WGSL of the kernel.
    pub(in crate::gpu) fn source(self) -> String {
        let element = if self.scheme == Scheme::Blocks { "vec4f" } else { "f32" };
        let mut bindings = vec![("read", "a", element), ("read", "b", element), ("read_write", "c", "f32")];
        bindings.extend_from_slice(self.finish.bindings());
        let mut source = ARGUMENTS.to_owned();
        for (binding, (access, name, element)) in (1..).zip(bindings) {
            line(&mut source, &format!("@group(0) @binding({binding}) var<storage, {access}> {name}: array<{element}>;"));
        }
        source.push_str(self.finish.functions());
        source.push_str(&match self.scheme {
            Scheme::Elements => self.elements(),
            Scheme::Blocks => self.blocks(),
            Scheme::Tiles => self.tiles(),
        });
        source
    }

    /// The place of an element of A or B.
    fn place(self, operand: char, major: &str, k: &str) -> String {
        let is_k_first = matches!((operand, self.layout), ('a', Layout::Tn) | ('b', Layout::Nn | Layout::Tn));
        let (row, column) = if is_k_first { (k, major) } else { (major, k) };
        format!("{operand}_start + ({row}) * args.{operand}_row + {column}")
    }

    fn elements(self) -> String {
        let (a, b) = (self.place('a', "row", "k"), self.place('b', "column", "k"));
        let has_bias = self.finish == Finish::Gradient;
        let sum_bias = if has_bias { "bias_sum += left;" } else { "" };
        let store_bias = if has_bias { "if (column == 0u) { store_bias(id.z, row, bias_sum); }" } else { "" };
        format!(
            "
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {{
    let row = id.y;
    let column = id.x;
    if (row >= args.m || column >= args.n) {{ return; }}
    var sum = 0.0;
    var bias_sum = 0.0;
    for (var term = 0u; term < args.terms; term++) {{
        let a_start = args.a_start + (id.z + term) * args.a_stride;
        let b_start = args.b_start + (id.z + term) * args.b_stride;
        for (var k = 0u; k < args.k; k++) {{
            let left = a[{a}];
            sum += left * b[{b}];
            {sum_bias}
        }}
    }}
    store(id.z, row, column, sum);
    {store_bias}
}}
"
        )
    }

    fn blocks(self) -> String {
        let mut text = format!(
            "
@compute @workgroup_size({BLOCKS}, {BLOCKS})
fn main(@builtin(global_invocation_id) id: vec3u) {{
    let row = id.y * {BLOCK}u;
    let column = id.x * {BLOCK}u;
    if (row >= args.m || column >= args.n) {{ return; }}
    let a_row = args.a_row / 4u;
    let b_row = args.b_row / 4u;
"
        );
        match self.layout {
            Layout::Nt => self.blocks_of_dots(&mut text),
            Layout::Nn | Layout::Tn => self.blocks_of_rows(&mut text),
        }
        line(&mut text, "}");
        text
    }

    /// Rows of A times rows of B, four places at a time.
    fn blocks_of_dots(self, text: &mut String) {
        each(text, BLOCK, |i| format!("let row{i} = min(row + {i}u, args.m - 1u);"));
        each(text, BLOCK, |j| format!("let column{j} = min(column + {j}u, args.n - 1u);"));
        each(text, BLOCK * BLOCK, |c| format!("var c{}_{} = 0.0;", c / BLOCK, c % BLOCK));
        terms(text);
        each(text, BLOCK, |i| format!("let at_a{i} = a_start + row{i} * a_row;"));
        each(text, BLOCK, |j| format!("let at_b{j} = b_start + column{j} * b_row;"));
        line(text, "for (var k = 0u; k < args.k / 4u; k++) {");
        each(text, BLOCK, |i| format!("let a{i} = a[at_a{i} + k];"));
        for j in 0..BLOCK {
            line(text, &format!("let b{j} = b[at_b{j} + k];"));
            each(text, BLOCK, |i| format!("c{i}_{j} += dot(a{i}, b{j});"));
        }
        line(text, "}\n}");
        for i in 0..BLOCK {
            line(text, &format!("if (row + {i}u < args.m) {{"));
            each(text, BLOCK, |j| format!("if (column + {j}u < args.n) {{ store(id.z, row + {i}u, column + {j}u, c{i}_{j}); }}"));
            line(text, "}");
        }
    }

    /// Columns of A times rows of B, of which four elements are one vector.
    fn blocks_of_rows(self, text: &mut String) {
        const VECTORS: usize = BLOCK / 4;
        let is_transposed = self.layout == Layout::Tn;
        if is_transposed {
            each(text, VECTORS, |v| format!("let row{v} = min(row / 4u + {v}u, args.m / 4u - 1u);"));
            each(text, VECTORS, |v| format!("var bias{v} = vec4f();"));
        } else {
            each(text, BLOCK, |i| format!("let row{i} = min(row + {i}u, args.m - 1u);"));
        }
        each(text, VECTORS, |v| format!("let column{v} = min(column / 4u + {v}u, args.n / 4u - 1u);"));
        each(text, BLOCK * VECTORS, |c| format!("var c{}_{} = vec4f();", c / VECTORS, c % VECTORS));
        terms(text);
        if is_transposed {
            line(text, "for (var k = 0u; k < args.k; k++) {");
            each(text, VECTORS, |v| format!("let b{v} = b[b_start + k * b_row + column{v}];"));
            for v in 0..VECTORS {
                line(text, &format!("let a{v} = a[a_start + k * a_row + row{v}];\nbias{v} += a{v};"));
                each(text, 4 * VECTORS, |c| format!("c{0}_{1} += a{v}[{2}] * b{1};", 4 * v + c / VECTORS, c % VECTORS, c / VECTORS));
            }
        } else {
            line(text, "for (var k = 0u; k < args.k / 4u; k++) {");
            each(text, BLOCK, |i| format!("let a{i} = a[a_start + row{i} * a_row + k];"));
            for place in 0..4 {
                line(text, "{");
                each(text, VECTORS, |v| format!("let b{v} = b[b_start + (4u * k + {place}u) * b_row + column{v}];"));
                each(text, BLOCK * VECTORS, |c| format!("c{0}_{1} += a{0}[{place}] * b{1};", c / VECTORS, c % VECTORS));
                line(text, "}");
            }
        }
        line(text, "}\n}");
        for i in 0..BLOCK {
            line(text, &format!("if (row + {i}u < args.m) {{"));
            for v in 0..VECTORS {
                line(text, &format!("if (column + {}u < args.n) {{", 4 * v));
                each(text, 4, |j| format!("store(id.z, row + {i}u, column + {}u, c{i}_{v}[{j}]);", 4 * v + j));
                line(text, "}");
            }
            if self.finish == Finish::Gradient {
                line(text, &format!("if (column == 0u) {{ store_bias(id.z, row + {i}u, bias{}[{}]); }}", i / 4, i % 4));
            }
            line(text, "}");
        }
    }

    fn tiles(self) -> String {
        const DEPTH: usize = 16;
        const EACH: usize = 4;
        const SIDE: usize = TILE / EACH;
        // Neighbouring invocations load neighbouring elements.
        let load = |operand: char, is_k_first: bool| {
            let (major, k) = if is_k_first { ("e % 64u", "e / 64u") } else { ("e / 16u", "e % 16u") };
            let (start, limit) = if operand == 'a' { ("first_row", "args.m") } else { ("first_column", "args.n") };
            let place = self.place(operand, "major", "k");
            format!(
                "{{ let major = {start} + {major}; let k = k0 + {k};
                {operand}_tile[({k}) * 65u + {major}] = select(0.0, {operand}[{place}], major < {limit} && k < args.k); }}"
            )
        };
        let mut text = format!(
            "
var<workgroup> a_tile: array<f32, {0}>;
var<workgroup> b_tile: array<f32, {0}>;
@compute @workgroup_size({SIDE}, {SIDE})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) index: u32) {{
    let first_row = id.y * {TILE}u;
    let first_column = id.x * {TILE}u;
",
            DEPTH * 65
        );
        each(&mut text, EACH * EACH, |c| format!("var c{}_{} = 0.0;", c / EACH, c % EACH));
        each(&mut text, EACH, |i| format!("var bias{i} = 0.0;"));
        line(&mut text, "for (var term = 0u; term < args.terms; term++) {");
        line(&mut text, "let a_start = args.a_start + (id.z + term) * args.a_stride;");
        line(&mut text, "let b_start = args.b_start + (id.z + term) * args.b_stride;");
        line(&mut text, &format!("for (var k0 = 0u; k0 < args.k; k0 += {DEPTH}u) {{"));
        line(&mut text, &format!("for (var e = index; e < {}u; e += {}u) {{", TILE * DEPTH, SIDE * SIDE));
        line(&mut text, &load('a', self.layout == Layout::Tn));
        line(&mut text, &load('b', self.layout != Layout::Nt));
        line(&mut text, "}\nworkgroupBarrier();");
        line(&mut text, &format!("for (var k = 0u; k < {DEPTH}u; k++) {{"));
        each(&mut text, EACH, |i| format!("let a{i} = a_tile[k * 65u + local.y + {}u];", i * SIDE));
        each(&mut text, EACH, |j| format!("let b{j} = b_tile[k * 65u + local.x + {}u];", j * SIDE));
        each(&mut text, EACH * EACH, |c| format!("c{0}_{1} += a{0} * b{1};", c / EACH, c % EACH));
        each(&mut text, EACH, |i| format!("bias{i} += a{i};"));
        line(&mut text, "}\nworkgroupBarrier();\n}\n}");
        for i in 0..EACH {
            line(&mut text, &format!("{{ let row = first_row + local.y + {}u;\nif (row < args.m) {{", i * SIDE));
            each(&mut text, EACH, |j| {
                let column = format!("first_column + local.x + {}u", j * SIDE);
                format!("if ({column} < args.n) {{ store(id.z, row, {column}, c{i}_{j}); }}")
            });
            if self.finish == Finish::Gradient {
                line(&mut text, &format!("if (first_column + local.x == 0u) {{ store_bias(id.z, row, bias{i}); }}"));
            }
            line(&mut text, "} }");
        }
        line(&mut text, "}");
        text
    }
}

impl Finish {
    /// Bindings besides those of the matrices: access, name, element.
    fn bindings(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Finish::Plain | Finish::Gradient => &[],
            Finish::Bias | Finish::Plus | Finish::GeluBackward => &[("read", "other", "f32")],
            Finish::BiasGelu => &[("read", "other", "f32"), ("read_write", "second", "f32")],
            Finish::BiasTanh => &[("read", "other", "f32"), ("read_write", "second", "f32"), ("read", "inputs", "u32")],
            Finish::TanhBackward => &[("read", "other", "f32"), ("read", "inputs", "u32")],
        }
    }

    /// `store` an element, and, for a gradient, `store_bias`.
    fn functions(self) -> &'static str {
        match self {
            Finish::Plain => include_str!("../shaders/finish_plain.wgsl"),
            Finish::Bias => include_str!("../shaders/finish_bias.wgsl"),
            Finish::BiasGelu => concat!(include_str!("../shaders/normal.wgsl"), include_str!("../shaders/finish_bias_gelu.wgsl")),
            Finish::BiasTanh => concat!(include_str!("../shaders/mask.wgsl"), include_str!("../shaders/finish_bias_tanh.wgsl")),
            Finish::Plus => include_str!("../shaders/finish_plus.wgsl"),
            Finish::GeluBackward => concat!(include_str!("../shaders/normal.wgsl"), include_str!("../shaders/finish_gelu_backward.wgsl")),
            Finish::TanhBackward => concat!(include_str!("../shaders/mask.wgsl"), include_str!("../shaders/finish_tanh_backward.wgsl")),
            Finish::Gradient => include_str!("../shaders/finish_gradient.wgsl"),
        }
    }
}

/// The loop over terms of [`Scheme::Blocks`], whose places count vectors.
fn terms(text: &mut String) {
    line(text, "for (var term = 0u; term < args.terms; term++) {");
    line(text, "let a_start = (args.a_start + (id.z + term) * args.a_stride) / 4u;");
    line(text, "let b_start = (args.b_start + (id.z + term) * args.b_stride) / 4u;");
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("strings take everything");
}

fn each(text: &mut String, count: usize, make: impl Fn(usize) -> String) {
    (0..count).for_each(|index| line(text, &make(index)));
}

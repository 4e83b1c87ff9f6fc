//! Matrix products, and what is done with each element of the result before it is written.

mod source;

use super::device::{Gpu, Style};
use super::kernel::Kernel;
use super::memory::Tensor;
use super::stream::{Stream, Word, words};

/// A product by its layout, what becomes of its elements, and how the work is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Matmul {
    layout: Layout,
    finish: Finish,
    scheme: Scheme,
}

/// Which operand is transposed: C is (M, N), A (M, K) and B (K, N).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Layout {
    /// B is stored as (N, K): a linear layer.
    Nt,
    /// Both are stored as they are: the gradient of a layer's input.
    Nn,
    /// A is stored as (K, M): the gradient of a weight. The sums of A over K are the gradient of the bias.
    Tn,
}

/// What becomes of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Finish {
    /// It is the result.
    Plain,
    /// A bias is added.
    Bias,
    /// A bias is added, and the second result is GELU of that.
    BiasGelu,
    /// A bias is added; the result is its hyperbolic tangent, the second one that with dropout.
    BiasTanh,
    /// Another matrix is added.
    Plus,
    /// It is multiplied with the derivative of GELU at another matrix.
    GeluBackward,
    /// It is multiplied with dropout, and with the derivative of the hyperbolic tangent whose values another matrix holds.
    TanhBackward,
    /// It is the gradient of a weight, and may be added to what is there.
    Gradient,
}

/// How the work is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    /// An invocation makes one element: for matrices of any size.
    Elements,
    /// An invocation makes 8 x 8 elements from vectors of 4, without barriers: for a processor that plays a GPU, where these are dear. The
    /// rows of what is read must be multiples of 4.
    Blocks,
    /// A workgroup makes 64 x 64 elements from what it loads together.
    Tiles,
}

/// A product of matrices that lie somewhere in tensors, or several at equal distances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) layout: Layout,
    pub(super) finish: Finish,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    /// Where the matrices begin, and how long their stored rows are.
    pub(super) a: Operand<'a>,
    pub(super) b: Operand<'a>,
    pub(super) c: Operand<'a>,
    /// How many products there are, or, if they are summed, terms.
    pub(super) count: usize,
    pub(super) is_sum: bool,
    pub(super) extra: Extra<'a>,
}

/// A matrix in a tensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) tensor: &'a Tensor,
    pub(super) start: usize,
    pub(super) row: usize,
    /// From one of several matrices to the next.
    pub(super) stride: usize,
}

/// What the finish needs besides.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extra<'a> {
    /// The tensor of the bias, or the other matrix, which has the rows of C.
    pub(super) other: Option<&'a Tensor>,
    /// Where the bias begins in it; for a gradient, where the bias's gradient begins in C.
    pub(super) bias: usize,
    /// From the bias of one of several products to the next.
    pub(super) bias_stride: usize,
    /// Where the second result goes.
    pub(super) second: Option<&'a Tensor>,
    /// The inputs, and in them the place of a mask, and its scale.
    pub(super) inputs: Option<&'a Tensor>,
    pub(super) mask: Option<(usize, f32)>,
    /// Whether a gradient is added to what is there.
    pub(super) accumulate: bool,
}

impl<'a> Operand<'a> {
    /// A matrix at the start of a tensor.
    pub(super) fn at_start(tensor: &'a Tensor, row: usize) -> Self {
        Operand { tensor, start: 0, row, stride: 0 }
    }
}

/// Rows and columns of a block.
const BLOCK: usize = 8;
/// Blocks of a workgroup along each side.
const BLOCKS: usize = 4;
/// Rows and columns of a tile.
const TILE: usize = 64;

impl Stream<'_> {
    /// Launches a product.
    pub(super) fn matmul(&mut self, product: &Product<'_>) {
        let Product { layout, finish, m, n, k, a, b, c, count, is_sum, extra } = *product;
        let scheme = Scheme::of(self.gpu, product);
        let matmul = Matmul { layout, finish, scheme };
        let (mask, scale) = extra.mask.unwrap_or_default();
        let arguments: &[u32] = words![
            m,
            n,
            k,
            if is_sum { count } else { 1 },
            a.start,
            b.start,
            c.start,
            a.row,
            b.row,
            c.row,
            a.stride,
            b.stride,
            c.stride,
            extra.bias,
            extra.bias_stride,
            extra.accumulate,
            extra.mask.is_some(),
            mask,
            scale,
        ];
        let mut tensors = vec![a.tensor, b.tensor, c.tensor];
        tensors.extend(extra.other);
        tensors.extend(extra.second);
        tensors.extend(extra.inputs);
        let batch = if is_sum { 1 } else { count };
        let [rows, columns, row_groups, column_groups] = match scheme {
            Scheme::Elements => [1, 1, 8, 8],
            Scheme::Blocks => [BLOCK, BLOCK, BLOCKS, BLOCKS],
            Scheme::Tiles => [TILE, TILE, 1, 1],
        };
        let grid = [n.div_ceil(columns * column_groups).word(), m.div_ceil(rows * row_groups).word(), batch.word()];
        self.launch(Kernel::Matmul(matmul), arguments, &tensors, grid);
    }
}

impl Scheme {
    fn of(gpu: &Gpu, product: &Product<'_>) -> Scheme {
        let Product { layout, a, b, .. } = product;
        let is_aligned = |operand: &Operand<'_>| [operand.start, operand.row, operand.stride].iter().all(|size| size.is_multiple_of(4));
        let vectors = match layout {
            Layout::Nt | Layout::Nn => product.k.is_multiple_of(4) && (*layout == Layout::Nt || product.n.is_multiple_of(4)),
            Layout::Tn => product.m.is_multiple_of(4) && product.n.is_multiple_of(4),
        };
        match gpu.style() {
            Style::Alone if vectors && is_aligned(a) && is_aligned(b) => Scheme::Blocks,
            Style::Alone => Scheme::Elements,
            Style::Together => Scheme::Tiles,
        }
    }
}

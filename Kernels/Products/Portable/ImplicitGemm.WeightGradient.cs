using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>dWeight: rows are output channels, columns are input channels at one tap; the terms are pixels.</summary>
internal static partial class ImplicitGemm
{
    internal static void WeightGradientAlignedKernel(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, ConvExtents e, int span, int lines, int columns) =>
        WeightGradient<AlignedAccess>(x, dy, partials, e, span, lines, columns);

    internal static void WeightGradientKernel(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, ConvExtents e, int span, int lines, int columns) =>
        WeightGradient<SingleAccess>(x, dy, partials, e, span, lines, columns);

    /// <summary>Parts are numbered slowest, so that groups with neighbouring numbers read the same pixels, which stay in the cache.</summary>
    /// <param name="x">(N, H, W, C).</param>
    /// <param name="dy">(N, H, W, K).</param>
    /// <param name="partials">(parts, K, R, R, C).</param>
    /// <param name="e">The extents.</param>
    /// <param name="span">Pixels of a part.</param>
    /// <param name="lines">Lines in 16 pixels, modulo H; the host computes them, since the compiler would move a division into the loop.</param>
    /// <param name="columns">Columns in 16 pixels beyond those lines.</param>
    private static void WeightGradient<TAccess>(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, ConvExtents e, int span, int lines, int columns)
        where TAccess : struct, IFloat4Access
    {
        ArrayView<Float4> a = SharedMemory.Allocate<Float4>(2 * GemmTile.Slice);
        ArrayView<Float4> b = SharedMemory.Allocate<Float4>(2 * GemmTile.Slice);
        int thread = Group.IdxX, index = Grid.IdxX;
        int mTiles = (e.K + GemmTile.Extent - 1) / GemmTile.Extent, nTiles = (e.C + GemmTile.Extent - 1) / GemmTile.Extent;
        int tileM = index % mTiles * GemmTile.Extent;
        index /= mTiles;
        int tileN = index % nTiles * GemmTile.Extent;
        index /= nTiles;
        int tap = index % e.Taps, part = index / e.Taps;
        int pixel = part * span + (thread >> 4);
        int end = part * span + span < e.Pixels ? part * span + span : e.Pixels;
        int row = tileM + 4 * (thread & 15), column = tileN + 4 * (thread & 15);
        var neighbours = new PatchLines(pixel, column, tap, e);
        int rowRun = GemmTile.RowRun(thread), columnRun = GemmTile.ColumnRun(thread);
        var sums = default(TileSums);

        int steps = (end - part * span + GemmTile.Depth - 1) / GemmTile.Depth, stage = 0;
        FourLoads nextA = Cotangents<TAccess>(dy, pixel, row, end, e);
        FourLoads nextB = neighbours.Load<TAccess>(x, pixel, end, e);
        for (int step = 0; step < steps; step++)
        {
            GemmTile.StoreAlongLines<TAccess>(a.SubView(stage), thread, nextA);
            GemmTile.StoreAlongLines<TAccess>(b.SubView(stage), thread, nextB);
            Group.Barrier();

            // As in Forward: the next step is loaded first, and each step has one barrier.
            pixel += GemmTile.Depth;
            neighbours.Advance(lines, columns, e);
            nextA = Cotangents<TAccess>(dy, pixel, row, end, e);
            nextB = neighbours.Load<TAccess>(x, pixel, end, e);
            GemmTile.Accumulate(ref sums, a.SubView(stage), b.SubView(stage), rowRun, columnRun);
            stage = GemmTile.Slice - stage;
        }

        int stride = e.Taps * e.C;
        var target = new TileTarget { Matrix = partials.SubView(part * e.K * stride + tap * e.C), Rows = e.K, Columns = e.C, Stride = stride };
        target.Store<TAccess>(sums, tileM + 4 * rowRun, tileN + 4 * columnRun);
    }

    /// <summary>Loads four pixels of dy, 4 apart: output channels from <paramref name="row"/> on; zeros beyond the last one and from pixel <paramref name="end"/> on.</summary>
    private static FourLoads Cotangents<TAccess>(ArrayView<float> dy, int pixel, int row, int end, ConvExtents e)
        where TAccess : struct, IFloat4Access
    {
        int index = pixel * e.K + row, line = 4 * e.K, left = end - pixel, count = e.K - row;
        return FourLoads.From<TAccess>(
            dy,
            index, left > 0 ? count : 0,
            index + line, left > 4 ? count : 0,
            index + 2 * line, left > 8 ? count : 0,
            index + 3 * line, left > 12 ? count : 0);
    }
}

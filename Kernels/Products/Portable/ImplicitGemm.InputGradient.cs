using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>dx: rows are pixels, columns are input channels; the terms are flipped taps times output channels.</summary>
internal static partial class ImplicitGemm
{
    internal static void InputGradientAlignedKernel(
        ArrayView<float> dy, ArrayView<float> weight, ArrayView<float> dx, ConvExtents e, int add) =>
        InputGradient<AlignedAccess>(dy, weight, dx, e, add);

    internal static void InputGradientKernel(
        ArrayView<float> dy, ArrayView<float> weight, ArrayView<float> dx, ConvExtents e, int add) =>
        InputGradient<SingleAccess>(dy, weight, dx, e, add);

    private static void InputGradient<TAccess>(ArrayView<float> dy, ArrayView<float> weight, ArrayView<float> dx, ConvExtents e, int add)
        where TAccess : struct, IFloat4Access
    {
        ArrayView<Float4> a = SharedMemory.Allocate<Float4>(2 * GemmTile.Slice);
        ArrayView<Float4> b = SharedMemory.Allocate<Float4>(2 * GemmTile.Slice);
        int thread = Group.IdxX;
        int nTiles = (e.C + GemmTile.Extent - 1) / GemmTile.Extent;
        int tileM = Grid.IdxX / nTiles * GemmTile.Extent, tileN = Grid.IdxX % nTiles * GemmTile.Extent;
        var pixels = new PatchRows(tileM + (thread >> 2), 4 * (thread & 3), e.K, e);
        int rowRun = GemmTile.RowRun(thread), columnRun = GemmTile.ColumnRun(thread);
        var sums = default(TileSums);

        int steps = e.Taps * ((e.K + GemmTile.Depth - 1) / GemmTile.Depth);
        int tap = 0, first = 0, stage = 0;
        FourLoads nextA = pixels.Load<TAccess>(dy, 0, 0, e.K, e);
        FourLoads nextB = Filters<TAccess>(weight, 0, thread >> 4, tileN + 4 * (thread & 15), e);
        for (int step = 0; step < steps; step++)
        {
            GemmTile.StoreAlongTerms<TAccess>(a.SubView(stage), thread, nextA);
            GemmTile.StoreAlongLines<TAccess>(b.SubView(stage), thread, nextB);
            Group.Barrier();

            // As in Forward: the next step is loaded first, taps advance fastest, and each step has one barrier.
            tap++;
            int wrapped = tap == e.Taps ? 1 : 0;
            tap *= 1 - wrapped;
            first += wrapped * GemmTile.Depth;
            nextA = pixels.Load<TAccess>(dy, tap, first, e.K, e);
            nextB = Filters<TAccess>(weight, tap, first + (thread >> 4), tileN + 4 * (thread & 15), e);
            GemmTile.Accumulate(ref sums, a.SubView(stage), b.SubView(stage), rowRun, columnRun);
            stage = GemmTile.Slice - stage;
        }

        var target = new TileTarget { Matrix = dx, Rows = e.Pixels, Columns = e.C, Stride = e.C, Add = add };
        target.Store<TAccess>(sums, tileM + 4 * rowRun, tileN + 4 * columnRun);
    }

    /// <summary>
    /// Loads four output channels, 4 apart, of the filters at the tap opposite to <paramref name="tap"/>: input channels from
    /// <paramref name="column"/> on; zeros beyond the last input or output channel.
    /// </summary>
    private static FourLoads Filters<TAccess>(ArrayView<float> weight, int tap, int filter, int column, ConvExtents e)
        where TAccess : struct, IFloat4Access
    {
        int line = 4 * e.Taps * e.C;
        int index = (filter * e.Taps + e.Taps - 1 - tap) * e.C + column;
        int left = e.K - filter, count = e.C - column;
        return FourLoads.From<TAccess>(
            weight,
            index, left > 0 ? count : 0,
            index + line, left > 4 ? count : 0,
            index + 2 * line, left > 8 ? count : 0,
            index + 3 * line, left > 12 ? count : 0);
    }
}

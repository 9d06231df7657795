using ILGPU;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>y: rows are pixels, columns are output channels; the terms are taps times input channels.</summary>
internal static partial class ImplicitGemm
{
    internal static void ForwardAlignedKernel(
        ArrayView<float> x, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> y, ConvExtents e, int biasedRows, int add) =>
        Forward<AlignedAccess>(x, weight, bias, y, e, biasedRows, add);

    internal static void ForwardKernel(
        ArrayView<float> x, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> y, ConvExtents e, int biasedRows, int add) =>
        Forward<SingleAccess>(x, weight, bias, y, e, biasedRows, add);

    private static void Forward<TAccess>(
        ArrayView<float> x, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> y, ConvExtents e, int biasedRows, int add)
        where TAccess : struct, IFloat4Access
    {
        ArrayView<Float4> a = SharedMemory.Allocate<Float4>(2 * GemmTile.Slice);
        ArrayView<Float4> b = SharedMemory.Allocate<Float4>(2 * GemmTile.Slice);
        int thread = Group.IdxX;
        int nTiles = (e.K + GemmTile.Extent - 1) / GemmTile.Extent;
        int tileM = Grid.IdxX / nTiles * GemmTile.Extent, tileN = Grid.IdxX % nTiles * GemmTile.Extent;
        var pixels = new PatchRows(tileM + (thread >> 2), 4 * (thread & 3), e.C, e);
        var filters = new FilterRows(tileN + (thread >> 2), 4 * (thread & 3), e);
        int rowRun = GemmTile.RowRun(thread), columnRun = GemmTile.ColumnRun(thread);
        var sums = default(TileSums);

        int steps = e.Taps * ((e.C + GemmTile.Depth - 1) / GemmTile.Depth);
        int tap = 0, first = 0, stage = 0;
        FourLoads nextA = pixels.Load<TAccess>(x, 0, 0, e.C, e);
        FourLoads nextB = filters.Load<TAccess>(weight, 0, 0, e);
        for (int step = 0; step < steps; step++)
        {
            GemmTile.StoreAlongTerms<TAccess>(a.SubView(stage), thread, nextA);
            GemmTile.StoreAlongTerms<TAccess>(b.SubView(stage), thread, nextB);
            Group.Barrier();

            // The next slice is loaded while this one is summed; after the last there are no channels left to load. Taps advance fastest: for the
            // same channels they read nearly the same pixels, which then come from the first-level cache.
            tap++;
            int wrapped = tap == e.Taps ? 1 : 0;
            tap *= 1 - wrapped;
            first += wrapped * GemmTile.Depth;
            nextA = pixels.Load<TAccess>(x, tap, first, e.C, e);
            nextB = filters.Load<TAccess>(weight, tap, first, e);
            GemmTile.Accumulate(ref sums, a.SubView(stage), b.SubView(stage), rowRun, columnRun);

            // Two stages take turns, so one barrier for each step suffices: a thread that stores here has passed the last barrier, as have all
            // others, after they had read this stage.
            stage = GemmTile.Slice - stage;
        }

        var target = new TileTarget { Matrix = y, Bias = bias, Rows = e.Pixels, Columns = e.K, Stride = e.K, BiasedRows = biasedRows, Add = add };
        target.Store<TAccess>(sums, tileM + 4 * rowRun, tileN + 4 * columnRun);
    }

    /// <summary>Four output channels, 16 apart, whose filters a thread reads tap by tap, four input channels at a time.</summary>
    private readonly struct FilterRows
    {
        private readonly int channel;
        private readonly int base0, base1, base2, base3;

        public FilterRows(int filter, int channel, ConvExtents e)
        {
            this.channel = channel;
            // Filters beyond the last read its values again; their columns are not stored.
            int size = e.Taps * e.C, last = e.K - 1;
            base0 = (filter < last ? filter : last) * size + channel;
            base1 = (filter + 16 < last ? filter + 16 : last) * size + channel;
            base2 = (filter + 32 < last ? filter + 32 : last) * size + channel;
            base3 = (filter + 48 < last ? filter + 48 : last) * size + channel;
        }

        /// <summary>Loads the filters at a tap, from input channel <paramref name="first"/> on; zeros beyond the last channel.</summary>
        public FourLoads Load<TAccess>(ArrayView<float> weight, int tap, int first, ConvExtents e)
            where TAccess : struct, IFloat4Access
        {
            int shift = tap * e.C + first, count = e.C - first - channel;
            return FourLoads.From<TAccess>(weight, base0 + shift, count, base1 + shift, count, base2 + shift, count, base3 + shift, count);
        }
    }
}

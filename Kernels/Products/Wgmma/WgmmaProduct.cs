using System.Reflection;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolutions and matrix products of bf16 tensors on Hopper's tensor cores, each an implicit matrix product
/// (<see cref="WgmmaConvolution"/>, <see cref="WgmmaWeightGradient"/>): choice of tiles, tensor maps and launches.
/// </summary>
/// <remarks>Channels are multiples of 8, since a pixel must begin at a multiple of 16 bytes; any number of pixels.</remarks>
internal static class WgmmaProduct
{
    private const string Architecture = "sm_90a";

    private static readonly MethodInfo Convolve = ((Delegate)WgmmaConvolution.Convolve).Method,
        Accumulate = ((Delegate)WgmmaWeightGradient.Accumulate).Method, Sum = ((Delegate)WgmmaGradientSum.Sum).Method;

    /// <summary>y = alpha (conv(x) + bias for the first biasedRows pixels) + beta residual.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents, of tangents too.</param>
    /// <param name="x">(N, H, W, C), bf16.</param>
    /// <param name="weight">(K, R, R, C), bf16.</param>
    /// <param name="bias">(K), fp32, or null.</param>
    /// <param name="y">(N, H, W, K), bf16 or fp32.</param>
    /// <param name="biasedRows">Pixels that take the bias.</param>
    /// <param name="alpha">Factor of product and bias.</param>
    /// <param name="residual">Of y's shape and type, perhaps y itself, or null.</param>
    /// <param name="beta">Factor of the residual.</param>
    /// <param name="tile">A tile to take instead of the best; for measurements.</param>
    /// <param name="more">The last of the C channels where x has only the first, a multiple of 64; or null.</param>
    /// <param name="shortcut">Added to the convolution, where there is a bias and y is bf16; or null.</param>
    public static Action Forward(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor weight, Tensor? bias, Tensor y, int biasedRows, float alpha = 1, Tensor? residual = null,
        float beta = 0, WgmmaTile? tile = null, Tensor? more = null, Shortcut? shortcut = null) =>
        Launch(gpu, e, x, more, weight, 0, bias, y, bias is null ? 0 : biasedRows, alpha, residual, beta, inputGradient: false, tile, shortcut);

    /// <summary>dx = alpha times the input gradient of dy, added to dx if <paramref name="add"/> is 1.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents; C are the weight's channels.</param>
    /// <param name="dy">(N, H, W, K), bf16.</param>
    /// <param name="weight">(K, R, R, C), bf16.</param>
    /// <param name="dx">(N, H, W, channels), bf16 or fp32: the gradient of as many channels as it has.</param>
    /// <param name="alpha">Factor of the gradient.</param>
    /// <param name="add">1 to add to dx, 0 to overwrite it.</param>
    /// <param name="firstChannel">The first channel of the weight whose gradient is wanted, a multiple of 8.</param>
    /// <param name="tile">A tile to take instead of the best; for measurements.</param>
    public static Action InputGradient(
        GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, Tensor dx, float alpha, int add, int firstChannel = 0, WgmmaTile? tile = null) =>
        Launch(gpu, e, dy, null, weight, firstChannel, null, dx, 0, alpha, add != 0 ? dx : null, 1, inputGradient: true, tile);

    /// <summary>The fp32 gradient of the weight from x and dy, its sums in an order that depends on the shapes and the number of multiprocessors alone.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents.</param>
    /// <param name="x">(N, H, W, C), bf16.</param>
    /// <param name="dy">(N, H, W, K), bf16.</param>
    /// <param name="partials">What <see cref="Partials"/> returned for the same extents.</param>
    /// <param name="dWeight">Where the gradient goes.</param>
    /// <param name="alpha">Factor of the gradient.</param>
    /// <param name="more">The last of the C channels where x has only the first, a multiple of 64; or null.</param>
    /// <param name="dBias">Where alpha times the sum of dy over pixels goes, fp32 (K); or null.</param>
    public static Action WeightGradient(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor dy, Tensor partials, GradientSlot dWeight, float alpha, Tensor? more = null,
        GradientSlot? dBias = null)
    {
        e = Flat(e);
        WgmmaSplit split = WgmmaSplit.Of(e, gpu.Multiprocessors);
        WgmmaGradientTile tile = split.Tile;
        PixelBox box = split.Box;
        PtxKernel kernel = PtxKernel.Load(gpu, GradientSpecification(tile));
        bool shared = split.SharedTiles > 0;
        PtxKernel? sum = shared ? PtxKernel.Load(gpu, SumSpecification()) : null;
        var maps = new TensorMaps(gpu, 5);
        int tileBlocks = split.SharedTiles * WgmmaGradientSum.BlocksOfTile(tile.Columns, split.Slots);
        return () =>
        {
            maps.Encode(set =>
            {
                Images(set, 0, dy, e, e.K, box);
                Images(set, 1, x, e, x.Shape.C, box);
                Images(set, 2, more ?? x, e, (more ?? x).Shape.C, box);
                Sums(set, 3, dWeight.Tensor.Address, e.C, e.Taps, e.K);
                if (shared)
                    Sums(set, 4, partials.Address, tile.Columns, 1, split.SharedTiles * split.Slots * WgmmaTile.Rows);
            });
            long biasSums = dBias is null ? 0L : shared ? partials.Address + sizeof(float) * (long)split.PartialCount : dBias.Value.Tensor.Address;
            kernel.Launch(
                split.Blocks, maps.Address, biasSums, e.K, box.WidthLog, box.HeightLog, box.Across(e), box.Down(e), split.Boxes, split.RowTiles, split.ColumnTiles,
                split.WholeTiles, split.Ranges, split.Range, split.Rest, split.Slots, split.Takers, Ceiling(e.C, 64), Ceiling(x.Shape.C, 64), e.R / 2, tile.Stages,
                tile.StageBytes, tile.Chunks, alpha, dWeight.Add, shared ? 1f : alpha, shared ? 0 : dBias?.Add ?? 0);
            sum?.Launch(
                tileBlocks + (dBias is null ? 0 : Ceiling(e.K, WgmmaGradientSum.BiasRows)), partials.Address, biasSums, dWeight.Tensor.Address, dBias?.Tensor.Address ?? 0L,
                tileBlocks, e.K, e.C, e.Taps, tile.Columns, split.Boxes, split.RowTiles, split.ColumnTiles, split.WholeTiles, split.Ranges, split.Range, split.Rest,
                split.Slots, split.Takers, WgmmaGradientSum.Sharers(split.Slots), alpha, dWeight.Add, dBias?.Add ?? 0);
        };
    }

    /// <summary>Room for the partial sums of a weight gradient and behind them those of a bias, where there are any.</summary>
    public static Tensor Partials(ComputeProgram program, ConvExtents e)
    {
        WgmmaSplit split = WgmmaSplit.Of(Flat(e), ((GpuDevice)program.Device).Multiprocessors);
        return program.Allocate(new Shape(Math.Max(1, split.PartialCount + split.BiasCount(e.K))));
    }

    private static Action Launch(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor? more, Tensor weight, int firstChannel, Tensor? bias, Tensor y, int biasedRows, float alpha,
        Tensor? residual, float beta, bool inputGradient, WgmmaTile? chosen, Shortcut? shortcut = null)
    {
        e = Flat(e);
        int inner = inputGradient ? e.K : e.C, columns = y.Shape.C;
        bool single = y.Type == DType.Float32;
        var box = PixelBox.Covering(e, WgmmaTile.Rows);
        int slices = Ceiling(inner, WgmmaTile.Depth), boxes = box.Count(e), shortcutSlices = Ceiling(shortcut?.Channels ?? 0, WgmmaTile.Depth);
        WgmmaTile tile = chosen ?? WgmmaTiles.Best(columns, boxes, slices * e.Taps + shortcutSlices, gpu.Multiprocessors, Straddles(x, more, e));
        tile = tile with { TransposeB = inputGradient, Residual = residual is not null && !single, Single = single, Shortcut = shortcut is not null };
        if (tile.Splits > 1)
            return LaunchShared(gpu, e, x, more, weight, firstChannel, bias, y, biasedRows, alpha, residual, beta, tile, shortcut);
        tile = tile with { LastDepth = Ceiling(inner - (slices - 1) * WgmmaTile.Depth, 16) };
        PtxKernel kernel = Load(gpu, Convolve, tile);
        int rowTiles = Ceiling(boxes, tile.Cluster), columnTiles = Ceiling(columns, tile.Columns), inputs = shortcut is null ? 5 : 8;
        bool clipped = tile.EndsWithinChunk(columnTiles);
        var maps = new TensorMaps(gpu, inputs + (clipped ? columnTiles : 0));
        int blocks = Math.Min(gpu.Multiprocessors / tile.Cluster, rowTiles * columnTiles) * tile.Cluster;
        return () =>
        {
            maps.Encode(set =>
            {
                Images(set, 0, x, e, x.Shape.C, box);
                Images(set, 4, more ?? x, e, (more ?? x).Shape.C, box);
                Weights(set, 1, weight, firstChannel, e, inputGradient ? 64 : WgmmaTile.Depth, inputGradient ? tile.PartDepth : tile.PartColumns);
                if (shortcut is { X: var first, More: var second })
                {
                    Images(set, 5, first, e, first.Shape.C, box);
                    Images(set, 6, second ?? first, e, (second ?? first).Shape.C, box);
                    Weights(set, 7, shortcut.Weight, 0, e with { C = shortcut.Channels, R = 1 }, WgmmaTile.Depth, tile.PartColumns);
                }

                if (single)
                    return;
                Images(set, 2, y, e, columns, box.Half);
                for (int i = 0; clipped && i < columnTiles; i++)
                    Images(set, inputs + i, y, e, columns, box.Half, Math.Min(columns, (i + 1) * tile.Columns));
                Images(set, 3, residual ?? y, e, columns, box.Half);
            });
            kernel.Launch(
                blocks, maps.Address, (clipped ? inputs : 2) * TensorMap.Bytes, clipped ? TensorMap.Bytes : 0, y.Address, bias?.Address ?? 0L, alpha, residual is null ? 0f : beta, biasedRows, columns, e.N, e.H, e.W,
                box.WidthLog, box.HeightLog, box.Across(e), box.Down(e), rowTiles, columnTiles, tile.Columns, e.R / 2, inputGradient ? -1 : 1, slices, Ceiling(x.Shape.C, 64),
                tile.Stages, tile.StageBytes, 2 * WgmmaTile.ChunkBytes + tile.BytesOfB, inputGradient ? 1 : 0, tile.Chunks, single ? 1 : 0,
                tile.Residual ? 1 : 0, tile.Cluster, shortcutSlices, Ceiling(shortcut?.X.Shape.C ?? 0, WgmmaTile.Depth), shortcut is null ? 0L : shortcut.Bias.Address - bias!.Address);
        };
    }

    /// <summary>The same where the blocks of a cluster share a tile.</summary>
    private static Action LaunchShared(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor? more, Tensor weight, int firstChannel, Tensor? bias, Tensor y, int biasedRows, float alpha,
        Tensor? residual, float beta, WgmmaTile tile, Shortcut? shortcut)
    {
        int columns = y.Shape.C, inner = tile.TransposeB ? e.K : e.C;
        var box = PixelBox.Covering(e, WgmmaTile.Rows);
        var shared = new WgmmaSharedTile(tile with { Residual = residual is not null });
        PtxKernel kernel = PtxKernel.Load(gpu, shared.Specification());
        var maps = new TensorMaps(gpu, shortcut is null ? 5 : 8);
        int columnTiles = Ceiling(columns, tile.Columns);
        return () =>
        {
            maps.Encode(set =>
            {
                Images(set, 0, x, e, x.Shape.C, box);
                Images(set, 4, more ?? x, e, (more ?? x).Shape.C, box);
                Weights(set, 1, weight, firstChannel, e, tile.TransposeB ? 64 : WgmmaTile.Depth, tile.TransposeB ? WgmmaTile.Depth : tile.Columns);
                if (shortcut is not { X: var first, More: var second })
                    return;
                Images(set, 5, first, e, first.Shape.C, box);
                Images(set, 6, second ?? first, e, (second ?? first).Shape.C, box);
                Weights(set, 7, shortcut.Weight, 0, e with { C = shortcut.Channels, R = 1 }, WgmmaTile.Depth, tile.Columns);
            });
            kernel.Launch(
                box.Count(e) * columnTiles * tile.Splits, maps.Address, y.Address, bias?.Address ?? 0L, residual is null ? 0L : residual.Address - y.Address, alpha,
                residual is null ? 0f : beta, biasedRows, columns, e.N, e.H, e.W, box.WidthLog, box.HeightLog, box.Across(e), box.Down(e), columnTiles, tile.Columns,
                e.R / 2, tile.TransposeB ? -1 : 1, Ceiling(inner, WgmmaTile.Depth), Ceiling(x.Shape.C, 64), shared.Stages, tile.StageBytes,
                2 * WgmmaTile.ChunkBytes + tile.BytesOfB, tile.TransposeB ? 1 : 0, tile.Single ? 2 : 1, tile.Splits, shared.Share,
                Ceiling(shortcut?.Channels ?? 0, WgmmaTile.Depth), Ceiling(shortcut?.X.Shape.C ?? 0, WgmmaTile.Depth),
                shortcut is null ? 0L : shortcut.Bias.Address - bias!.Address);
        };
    }

    /// <summary>Whether pixels of the images, or rows of the weights, begin within a line of 128 bytes, so that most slices lie in two.</summary>
    private static bool Straddles(Tensor x, Tensor? more, ConvExtents e) => new[] { x.Shape.C, more?.Shape.C ?? 0, e.C }.Any(channels => channels > 64 && channels % 64 != 0);

    /// <summary>Rows of a matrix as the pixels of one line: boxes of such are runs of rows.</summary>
    private static ConvExtents Flat(ConvExtents e) => e is { H: 1, W: 1 } ? e with { N = 1, W = e.N } : e;

    private static PtxKernel Load(GpuDevice gpu, MethodInfo method, WgmmaTile tile) => PtxKernel.Load(gpu, Specification(method, tile));

    /// <summary>Every form of these kernels, at the plain widths: even widths for odd numbers of channels are not listed.</summary>
    internal static IEnumerable<PtxKernelSpec> Specifications()
    {
        foreach ((int columns, _) in WgmmaTiles.Widths)
        {
            foreach ((bool transposed, bool residual, bool single) in new[] { (false, false, false), (false, true, false), (false, false, true), (true, false, false), (true, true, false), (true, false, true) })
            {
                WgmmaTile tile = WgmmaTiles.Of(columns, columns == 128 ? 2 : 1) with { TransposeB = transposed, Residual = residual, Single = single };
                yield return Specification(Convolve, tile);
            }

            yield return Specification(Convolve, WgmmaTiles.Of(columns, 1) with { Shortcut = true });
            yield return GradientSpecification(new WgmmaGradientTile(columns));
        }

        foreach ((int columns, int splits) in ((int, int)[])[(64, 8), (64, 4), (128, 4)])
            yield return new WgmmaSharedTile(WgmmaTiles.Of(columns, 1) with { Splits = splits }).Specification();
        yield return SumSpecification();
    }

    /// <summary>What a kernel for a tile is compiled from.</summary>
    internal static PtxKernelSpec Specification(MethodInfo method, WgmmaTile tile) =>
        new(method, tile.Name, Architecture, WgmmaTile.Threads, tile.SharedBytes, tile.Macros()) { Cluster = tile.Cluster, Resident = 1 };

    /// <summary>What the kernel of a weight gradient is compiled from.</summary>
    internal static PtxKernelSpec GradientSpecification(WgmmaGradientTile tile) =>
        new(Accumulate, tile.Name, Architecture, WgmmaTile.Threads, tile.SharedBytes, tile.Macros()) { Resident = 1 };

    /// <summary>What the kernel that adds its partial sums up is compiled from.</summary>
    internal static PtxKernelSpec SumSpecification() =>
        new(Sum, "", Architecture, WgmmaGradientSum.Threads, WgmmaGradientSum.SharedBytes, WgmmaGradientSum.Macros());

    /// <summary>Parts of a tile of sums: 32 columns of 64 rows.</summary>
    private static void Sums(nint set, int place, long address, int columns, int taps, int rows) => TensorMap.Encode(
        set + place * TensorMap.Bytes, (nint)address, [columns, taps, rows], [columns, (long)taps * columns], [WgmmaGradientTile.PartColumns, 1, 64], DType.Float32);

    /// <param name="set">Where the maps are.</param>
    /// <param name="place">Number of the map.</param>
    /// <param name="tensor">Images.</param>
    /// <param name="e">Their extents.</param>
    /// <param name="channels">Their channels.</param>
    /// <param name="box">Pixels of a copy.</param>
    /// <param name="end">The channel at which copies end; 0 for the last.</param>
    private static void Images(nint set, int place, Tensor tensor, ConvExtents e, int channels, PixelBox box, int end = 0) => TensorMap.Encode(
        set + place * TensorMap.Bytes, (nint)tensor.Address, [end == 0 ? channels : end, e.W, e.H, e.N], [channels, (long)e.W * channels, (long)e.H * e.W * channels],
        [64, box.Width, box.Height, box.Images]);

    private static void Weights(nint set, int place, Tensor weight, int firstChannel, ConvExtents e, int channels, int filters) => TensorMap.Encode(
        set + place * TensorMap.Bytes, (nint)weight.Address + 2 * firstChannel, [e.C - firstChannel, e.Taps, e.K], [e.C, (long)e.Taps * e.C], [channels, 1, filters]);

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}

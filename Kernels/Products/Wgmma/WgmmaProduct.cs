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
    /// <param name="xSkip">The last of the C channels where x has only the first, a multiple of 64; or null.</param>
    /// <param name="shortcut">Added to the convolution, where there is a bias and y is bf16; or null.</param>
    public static Action Forward(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor weight, Tensor? bias, Tensor y, int biasedRows, float alpha = 1, Tensor? residual = null,
        float beta = 0, Tensor? xSkip = null, ProjectionShortcut? shortcut = null) =>
        Launch(gpu, e, x, xSkip, weight, 0, bias, y, bias is null ? 0 : biasedRows, alpha, residual, beta, inputGradient: false, shortcut);

    /// <summary>dx = alpha times the input gradient of dy, added to dx if <paramref name="add"/> is 1.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents; C are the weight's channels.</param>
    /// <param name="dy">(N, H, W, K), bf16.</param>
    /// <param name="weight">(K, R, R, C), bf16.</param>
    /// <param name="dx">(N, H, W, channels), bf16 or fp32: the gradient of as many channels as it has.</param>
    /// <param name="alpha">Factor of the gradient.</param>
    /// <param name="add">1 to add to dx, 0 to overwrite it.</param>
    /// <param name="firstChannel">The first channel of the weight whose gradient is wanted, a multiple of 8.</param>
    public static Action InputGradient(GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, Tensor dx, float alpha, int add, int firstChannel = 0) =>
        Launch(gpu, e, dy, null, weight, firstChannel, null, dx, 0, alpha, add != 0 ? dx : null, 1, inputGradient: true);

    /// <summary>The fp32 gradient of the weight from x and dy, its sums in an order that depends on the shapes and the number of multiprocessors alone.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents.</param>
    /// <param name="x">(N, H, W, C), bf16.</param>
    /// <param name="dy">(N, H, W, K), bf16.</param>
    /// <param name="partials">What <see cref="Partials"/> returned for the same extents.</param>
    /// <param name="dWeight">Where the gradient goes.</param>
    /// <param name="alpha">Factor of the gradient.</param>
    /// <param name="xSkip">The last of the C channels where x has only the first, a multiple of 64; or null.</param>
    /// <param name="dBias">Where alpha times the sum of dy over pixels goes, fp32 (K); or null.</param>
    public static Action WeightGradient(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor dy, Tensor partials, GradientSlot dWeight, float alpha, Tensor? xSkip = null,
        GradientSlot? dBias = null)
    {
        e = Flat(e);
        StreamKPlan plan = StreamKPlan.Of(e, gpu.Multiprocessors);
        PtxKernel kernel = PtxKernel.Load(gpu, GradientSpecification(plan.Tile));
        bool shared = plan.SharedTiles > 0;
        PtxKernel? sum = shared ? PtxKernel.Load(gpu, SumSpecification()) : null;
        var maps = new TensorMaps(gpu, WeightGradientArguments.MapCount);
        WeightGradientArguments arguments = plan.Arguments(e, x.Shape.C);
        (arguments.Alpha, arguments.BiasAlpha) = (alpha, shared ? 1f : alpha);
        (arguments.Add, arguments.BiasAdd) = (dWeight.Add, shared ? 0 : dBias?.Add ?? 0);
        GradientSumArguments sums = plan.SumArguments(e);
        (sums.Alpha, sums.Add, sums.BiasAdd) = (alpha, dWeight.Add, dBias?.Add ?? 0);
        return () =>
        {
            maps.Encode(set =>
            {
                ConvolutionMaps.EncodeImages(set + WeightGradientArguments.DyMap, dy, e, plan.Box);
                ConvolutionMaps.EncodeImages(set + WeightGradientArguments.XMap, x, e, plan.Box);
                ConvolutionMaps.EncodeImages(set + WeightGradientArguments.XSkipMap, xSkip ?? x, e, plan.Box);
                ConvolutionMaps.EncodeSums(set + WeightGradientArguments.GradientMap, dWeight.Tensor.Address, e.C, e.Taps, e.K);
                if (shared)
                    ConvolutionMaps.EncodeSums(set + WeightGradientArguments.PartialsMap, partials.Address, plan.Tile.Columns, 1, plan.SharedTiles * plan.Slots * WgmmaTile.Rows);
            });
            arguments.Maps = maps.Address;
            arguments.BiasSums = dBias is null ? 0L : shared ? partials.Address + sizeof(float) * (long)plan.PartialCount : dBias.Value.Tensor.Address;
            kernel.Launch(plan.Blocks, in arguments);
            if (sum is null)
                return;
            (sums.Partials, sums.BiasSums, sums.Gradient, sums.Bias) = (partials.Address, arguments.BiasSums, dWeight.Tensor.Address, dBias?.Tensor.Address ?? 0L);
            sum.Launch(sums.TileBlocks + (dBias is null ? 0 : WgmmaGradientSum.BiasBlocks(e.K)), in sums);
        };
    }

    /// <summary>Room for the partial sums of a weight gradient and behind them those of a bias, where there are any.</summary>
    public static Tensor Partials(ComputeProgram program, ConvExtents e)
    {
        StreamKPlan plan = StreamKPlan.Of(Flat(e), ((GpuDevice)program.Device).Multiprocessors);
        return program.Allocate(new Shape(Math.Max(1, plan.PartialCount + plan.BiasCount(e.K))));
    }

    private static Action Launch(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor? xSkip, Tensor weight, int firstChannel, Tensor? bias, Tensor y, int biasedRows, float alpha,
        Tensor? residual, float beta, bool inputGradient, ProjectionShortcut? shortcut = null)
    {
        e = Flat(e);
        int inner = inputGradient ? e.K : e.C, boxes = PixelBox.Covering(e, WgmmaTile.Rows).Count(e), chunks = Ceiling(inner, WgmmaTile.Depth);
        bool fp32 = y.Type == DType.Float32;
        WgmmaTile tile = WgmmaTiles.Best(y.Shape.C, boxes, chunks * e.Taps + Ceiling(shortcut?.Channels ?? 0, WgmmaTile.Depth), gpu.Multiprocessors, Straddles(x, xSkip, e));
        tile = tile with { TransposeB = inputGradient, Fp32Output = fp32, Shortcut = shortcut is not null };
        tile = tile.Splits > 1
            ? tile with { Residual = residual is not null }
            : tile with { Residual = residual is not null && !fp32, LastDepth = Ceiling(inner - (chunks - 1) * WgmmaTile.Depth, 16) };
        var plan = new WgmmaConvolutionPlan(e, tile, y.Shape.C, x.Shape.C) { Projection = (shortcut?.Channels ?? 0, shortcut?.X.Shape.C ?? 0) };
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(tile));
        var maps = new TensorMaps(gpu, plan.InputMaps + (plan.HasStoreMaps ? plan.NTiles : 0));
        ConvolutionArguments arguments = plan.Arguments();
        (arguments.Epilogue.Alpha, arguments.Epilogue.Beta, arguments.Epilogue.BiasedRows) = (alpha, residual is null ? 0f : beta, biasedRows);
        return () =>
        {
            maps.Encode(set => Encode(set, plan, x, xSkip, weight, firstChannel, y, residual, shortcut));
            arguments.Maps = maps.Address;
            arguments.Epilogue.StoreMaps = maps.Address + (plan.HasStoreMaps ? plan.InputMaps * TensorMap.Bytes : ConvolutionMaps.Y);
            (arguments.Epilogue.Y, arguments.Epilogue.Bias) = (y.Address, bias?.Address ?? 0L);
            arguments.Epilogue.ProjectionBias = shortcut is null ? 0L : shortcut.Bias.Address - bias!.Address;
            arguments.Epilogue.Residual = residual is null ? 0L : residual.Address - y.Address;
            kernel.Launch(plan.Blocks(gpu.Multiprocessors), in arguments);
        };
    }

    private static void Encode(
        long maps, WgmmaConvolutionPlan plan, Tensor x, Tensor? xSkip, Tensor weight, int firstChannel, Tensor y, Tensor? residual, ProjectionShortcut? shortcut)
    {
        (ConvExtents e, WgmmaTile tile, PixelBox box) = (plan.Extents, plan.Tile, plan.Box);
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.X, x, e, box);
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.XSkip, xSkip ?? x, e, box);
        ConvolutionMaps.EncodeWeights(maps + ConvolutionMaps.Weight, weight, firstChannel, e, tile.TransposeB ? (64, tile.PartDepth) : (WgmmaTile.Depth, tile.PartColumns));
        if (shortcut is { X: var first, XSkip: var second })
        {
            ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.ProjectionX, first, e, box);
            ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.ProjectionXSkip, second ?? first, e, box);
            ConvolutionMaps.EncodeWeights(maps + ConvolutionMaps.ProjectionWeight, shortcut.Weight, 0, e with { C = shortcut.Channels, R = 1 }, (WgmmaTile.Depth, tile.PartColumns));
        }

        if (tile.Fp32Output || tile.Splits > 1)
            return;
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.Y, y, e, box.Half);
        for (int i = 0; plan.HasStoreMaps && i < plan.NTiles; i++)
            ConvolutionMaps.EncodeImages(maps + (plan.InputMaps + i) * TensorMap.Bytes, y, e, box.Half, Math.Min(plan.Columns, (i + 1) * tile.Columns));
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.Residual, residual ?? y, e, box.Half);
    }

    /// <summary>Whether pixels of the images, or rows of the weights, begin within a line of 128 bytes, so that most chunks lie in two.</summary>
    private static bool Straddles(Tensor x, Tensor? xSkip, ConvExtents e) => new[] { x.Shape.C, xSkip?.Shape.C ?? 0, e.C }.Any(channels => channels > 64 && channels % 64 != 0);

    /// <summary>Rows of a matrix as the pixels of one line: boxes of such are runs of rows.</summary>
    private static ConvExtents Flat(ConvExtents e) => e is { H: 1, W: 1 } ? e with { N = 1, W = e.N } : e;

    /// <summary>Every form of these kernels, at the plain widths: even widths for odd numbers of channels are not listed.</summary>
    internal static IEnumerable<PtxKernelSpec> Specifications()
    {
        foreach ((int columns, _) in WgmmaTiles.Widths)
        {
            foreach ((bool transposed, bool residual, bool fp32) in new[] { (false, false, false), (false, true, false), (false, false, true), (true, false, false), (true, true, false), (true, false, true) })
                yield return Specification(WgmmaTiles.Of(columns, columns == 128 ? 2 : 1) with { TransposeB = transposed, Residual = residual, Fp32Output = fp32 });
            yield return Specification(WgmmaTiles.Of(columns, 1) with { Shortcut = true });
            yield return GradientSpecification(new WgmmaGradientTile(columns));
        }

        foreach ((int columns, int splits) in ((int, int)[])[(64, 8), (64, 4), (128, 4)])
            yield return Specification(WgmmaTiles.Of(columns, 1) with { Splits = splits });
        yield return SumSpecification();
    }

    /// <summary>What the kernel of a convolution is compiled from.</summary>
    internal static PtxKernelSpec Specification(WgmmaTile tile) => tile.Splits > 1
        ? new ClusterSplitKTile(tile).Specification()
        : new(Convolve, tile.Name, Architecture, WgmmaBlock.Threads, tile.SharedBytes, WgmmaConvolutionPtx.Macros(tile)) { Cluster = tile.Cluster, Resident = 1 };

    /// <summary>What the kernel of a weight gradient is compiled from.</summary>
    internal static PtxKernelSpec GradientSpecification(WgmmaGradientTile tile) =>
        new(Accumulate, tile.Name, Architecture, WgmmaBlock.Threads, tile.SharedBytes, WgmmaGradientPtx.Macros(tile)) { Resident = 1 };

    /// <summary>What the kernel that adds its partial sums up is compiled from.</summary>
    internal static PtxKernelSpec SumSpecification() =>
        new(Sum, "", Architecture, WgmmaGradientSum.Threads, WgmmaGradientSum.SharedBytes, WgmmaGradientSumPtx.Macros());

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}

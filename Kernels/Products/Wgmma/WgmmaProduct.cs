using System.Reflection;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Products of bf16 tensors on Hopper's tensor cores, each an implicit matrix product (<see cref="WgmmaConvolution"/>,
/// <see cref="WgmmaWeightGradient"/>): choice of tiles, tensor maps and launches.
/// </summary>
internal sealed class WgmmaProduct : ProductPath
{
    /// <summary>The path.</summary>
    public static readonly WgmmaProduct Path = new();

    private const string Architecture = "sm_90a";

    /// <summary>Elements of 16 bytes; a pixel must begin at a multiple of them.</summary>
    private const int Grain = 8;

    private static readonly MethodInfo Convolve = ((Delegate)WgmmaConvolution.Convolve).Method,
        Accumulate = ((Delegate)WgmmaWeightGradient.Accumulate).Method, Sum = ((Delegate)WgmmaGradientSum.Sum).Method;

    /// <inheritdoc/>
    public override ProductFeatures Features => new(DType.BFloat16)
    {
        ChannelGrain = Grain,
        FusesResidual = true,
        FirstSourceGrain = WgmmaTile.Depth, // a k-iteration reads one source
        AddsProjections = true,
        SumsBiasGradient = true,
        SuitsIm2Col = true,
    };

    /// <inheritdoc/>
    public override Action Forward(GpuDevice gpu, ConvExtents e, ForwardOperands operands, Tensor y) =>
        Launch(gpu, Flat(e), new(operands, y) { BiasedRows = operands.Bias is null ? 0 : operands.BiasedRows });

    /// <inheritdoc/>
    public override Action InputGradient(GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, int firstChannel, GradientSlot dx, float alpha) => Launch(
        gpu, Flat(e), new(new(dy, weight) { Residual = dx.ReadTensor, Alpha = alpha }, dx.Tensor) { IsInputGradient = true, FirstChannel = firstChannel });

    /// <inheritdoc/>
    public override Action WeightGradient(
        GpuDevice gpu, ConvExtents e, WeightGradientOperands operands, Tensor partials, GradientSlot dWeight, GradientSlot? dBias, float alpha)
    {
        (Tensor x, Tensor? xSkip, Tensor dy) = operands;
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

    /// <summary>Allocates the partial sums of a weight gradient and, after them, those of a bias, if there are any.</summary>
    public override Tensor Partials(ComputeProgram program, ConvExtents e)
    {
        StreamKPlan plan = StreamKPlan.Of(Flat(e), ((GpuDevice)program.Device).Multiprocessors);
        return program.Allocate(new Shape(Math.Max(1, plan.PartialCount + plan.BiasCount(e.K))));
    }

    private static Action Launch(GpuDevice gpu, ConvExtents e, Request request)
    {
        (ForwardOperands operands, Tensor y) = request;
        ProjectionShortcut? shortcut = operands.Shortcut;
        int inner = request.IsInputGradient ? e.K : e.C, boxes = PixelBox.Covering(e, WgmmaTile.Rows).Count(e), chunks = Ceiling(inner, WgmmaTile.Depth);
        bool fp32 = y.Type == DType.Float32, residual = operands.Residual is not null;
        WgmmaTile tile = WgmmaTiles.Best(
            y.Shape.C, boxes, chunks * e.Taps + Ceiling(shortcut?.Channels ?? 0, WgmmaTile.Depth), gpu.Multiprocessors, Straddles(operands.X, operands.XSkip, e));
        tile = tile with { TransposeB = request.IsInputGradient, Fp32Output = fp32, Shortcut = shortcut is not null };
        tile = tile.Splits > 1
            ? tile with { Residual = residual }
            : tile with { Residual = residual && !fp32, LastDepth = Ceiling(inner - (chunks - 1) * WgmmaTile.Depth, 16) };
        var plan = new WgmmaConvolutionPlan(e, tile, y.Shape.C, operands.X.Shape.C) { Projection = (shortcut?.Channels ?? 0, shortcut?.X.Shape.C ?? 0) };
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(tile));
        var maps = new TensorMaps(gpu, plan.InputMaps + (plan.HasStoreMaps ? plan.NTiles : 0));
        ConvolutionArguments arguments = plan.Arguments();
        (arguments.Epilogue.Alpha, arguments.Epilogue.Beta, arguments.Epilogue.BiasedRows) = (operands.Alpha, residual ? operands.Beta : 0f, request.BiasedRows);
        return () =>
        {
            maps.Encode(set => Encode(set, plan, request));
            arguments.Maps = maps.Address;
            arguments.Epilogue.StoreMaps = maps.Address + (plan.HasStoreMaps ? plan.InputMaps * TensorMap.Bytes : ConvolutionMaps.Y);
            (arguments.Epilogue.Y, arguments.Epilogue.Bias) = (y.Address, operands.Bias?.Address ?? 0L);
            arguments.Epilogue.ProjectionBias = shortcut?.Bias is { } further ? further.Address - operands.Bias!.Address : 0L;
            arguments.Epilogue.Residual = operands.Residual is { } added ? added.Address - y.Address : 0L;
            kernel.Launch(plan.Blocks(gpu.Multiprocessors), in arguments);
        };
    }

    private static void Encode(long maps, WgmmaConvolutionPlan plan, Request request)
    {
        (ConvExtents e, WgmmaTile tile, PixelBox box) = (plan.Extents, plan.Tile, plan.Box);
        (ForwardOperands operands, Tensor y) = request;
        (int C, int K) part = tile.TransposeB ? (64, tile.PartDepth) : (WgmmaTile.Depth, tile.PartColumns);
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.X, operands.X, e, box);
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.XSkip, operands.XSkip ?? operands.X, e, box);
        ConvolutionMaps.EncodeWeights(maps + ConvolutionMaps.Weight, operands.Weight, request.FirstChannel, e, part);
        if (operands.Shortcut is { } shortcut)
        {
            ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.ProjectionX, shortcut.X, e, box);
            ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.ProjectionXSkip, shortcut.XSkip ?? shortcut.X, e, box);
            ConvolutionMaps.EncodeWeights(maps + ConvolutionMaps.ProjectionWeight, shortcut.Weight, 0, e with { C = shortcut.Channels, R = 1 }, part);
        }

        if (tile.Fp32Output || tile.Splits > 1)
            return;
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.Y, y, e, box.Half);
        for (int i = 0; plan.HasStoreMaps && i < plan.NTiles; i++)
            ConvolutionMaps.EncodeImages(maps + (plan.InputMaps + i) * TensorMap.Bytes, y, e, box.Half, Math.Min(plan.Columns, (i + 1) * tile.Columns));
        ConvolutionMaps.EncodeImages(maps + ConvolutionMaps.Residual, operands.Residual ?? y, e, box.Half);
    }

    /// <summary>Whether pixels of the images, or rows of the weights, begin within a 128-byte line, so that most chunks lie in two lines.</summary>
    private static bool Straddles(Tensor x, Tensor? xSkip, ConvExtents e) => new[] { x.Shape.C, xSkip?.Shape.C ?? 0, e.C }.Any(channels => channels > 64 && channels % 64 != 0);

    /// <summary>Takes the rows of a matrix as the pixels of one line, so that boxes are runs of rows.</summary>
    private static ConvExtents Flat(ConvExtents e) => e is { H: 1, W: 1 } ? e with { N = 1, W = e.N } : e;

    /// <summary>Lists every form of these kernels at the plain widths; the widths that divide other numbers of channels evenly are not listed.</summary>
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

    /// <summary>The specification of a convolution's kernel.</summary>
    internal static PtxKernelSpec Specification(WgmmaTile tile) => tile.Splits > 1
        ? new ClusterSplitKTile(tile).Specification()
        : new(Convolve, tile.Name, Architecture, WgmmaBlock.Threads, tile.SharedBytes, WgmmaConvolutionPtx.Macros(tile)) { Cluster = tile.Cluster, MinResidentBlocks = 1 };

    /// <summary>The specification of a weight gradient's kernel.</summary>
    internal static PtxKernelSpec GradientSpecification(WgmmaGradientTile tile) =>
        new(Accumulate, tile.Name, Architecture, WgmmaBlock.Threads, tile.SharedBytes, WgmmaGradientPtx.Macros(tile)) { MinResidentBlocks = 1 };

    /// <summary>The specification of <see cref="WgmmaGradientSum"/>.</summary>
    internal static PtxKernelSpec SumSpecification() =>
        new(Sum, "", Architecture, WgmmaGradientSum.Threads, WgmmaGradientSum.SharedBytes, WgmmaGradientSumPtx.Macros());

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;

    /// <summary>A convolution, or an input gradient, whose input is dy.</summary>
    private sealed record Request(ForwardOperands Operands, Tensor Y)
    {
        public bool IsInputGradient { get; init; }

        /// <summary>First channel of the weight whose gradient is computed, a multiple of 8.</summary>
        public int FirstChannel { get; init; }

        /// <summary>Number of pixels that take the bias.</summary>
        public int BiasedRows { get; init; }
    }
}

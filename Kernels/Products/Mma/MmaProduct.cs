using System.Reflection;
using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolutions and matrix products of bf16 tensors on the tensor cores of sm_80 and newer GPUs (mma.sync). Each is an implicit matrix product: the
/// patches of the pixels are gathered while the product runs, and never stored.
/// </summary>
/// <remarks>
/// x (N, H, W, C), weight (K, R, R, C) and y (N, H, W, K) are bf16, C and K multiples of 8; sums are fp32. Results may be fp32.
/// A block copies 32 terms of its rows and columns into a pipeline of four stages in shared memory (<see cref="MmaTile"/>, <see cref="MmaLayout"/>);
/// taps outside of the image, channels beyond the last and pixels beyond the last become zeros.
/// </remarks>
internal sealed partial class MmaProduct : ProductPath
{
    /// <summary>The path.</summary>
    public static readonly MmaProduct Path = new();

    private const string Architecture = "sm_80";

    /// <summary>Elements of a piece of 16 bytes; channels are a multiple of it.</summary>
    private const int Grain = 8;

    /// <inheritdoc/>
    public override ProductFeatures Features => new(DType.BFloat16) { ChannelGrain = Grain, FusesResidual = true, SuitsIm2Col = true };

    /// <inheritdoc/>
    public override Action Forward(GpuDevice gpu, ConvExtents e, ForwardOperands operands, Tensor y)
    {
        (Tensor x, Tensor weight, Tensor? bias, Tensor? residual) = (operands.X, operands.Weight, operands.Bias, operands.Residual);
        MmaTile tile = MmaTile.For(e.Pixels, e.K, gpu.Multiprocessors);
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(ForwardVariant(tile, y.Type, bias is not null, residual is not null)));
        MmaForwardArguments arguments = new()
        {
            Problem = MmaProblem.Of(e),
            Tile = tile.Shape,
            Grouped = tile.GroupedTiles,
            BiasedRows = operands.BiasedRows,
            Alpha = operands.Alpha,
            Beta = operands.Beta,
        };
        return () =>
        {
            (arguments.X, arguments.Weight, arguments.Y) = (x.Address, weight.Address, y.Address);
            (arguments.Bias, arguments.Residual) = (bias?.Address ?? 0, residual?.Address ?? 0);
            kernel.Launch(tile.Count(e.Pixels, e.K), in arguments);
        };
    }

    /// <inheritdoc/>
    public override Action InputGradient(GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, int firstChannel, GradientSlot dx, float alpha)
    {
        MmaTile tile = MmaTile.For(e.Pixels, e.C, gpu.Multiprocessors);
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(InputGradientVariant(tile, dx.Tensor.Type, dx.Accumulate)));
        MmaInputGradientArguments arguments = new() { Problem = MmaProblem.Of(e), Tile = tile.Shape, Grouped = tile.GroupedTiles, Alpha = alpha };
        return () =>
        {
            (arguments.Dy, arguments.Weight, arguments.Dx) = (dy.Address, weight.Address, dx.Tensor.Address);
            kernel.Launch(tile.Count(e.Pixels, e.C), in arguments);
        };
    }

    /// <inheritdoc/>
    public override Action WeightGradient(
        GpuDevice gpu, ConvExtents e, WeightGradientOperands operands, Tensor partials, GradientSlot dWeight, GradientSlot? dBias, float alpha)
    {
        var split = MmaPixelSplit.Of(e, gpu.Multiprocessors);
        MmaTile tile = split.Tile;
        bool whole = split.Parts == 1;
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(WeightGradientVariant(tile, whole && dWeight.Accumulate)));
        ColumnSum? sum = whole ? null : new ColumnSum(gpu);
        int count = e.Taps * e.K * e.C;
        MmaWeightGradientArguments arguments = split.Arguments(e);
        arguments.Alpha = alpha;
        return () =>
        {
            (arguments.X, arguments.Dy, arguments.Partials) = (operands.X.Address, operands.Dy.Address, whole ? dWeight.Tensor.Address : partials.Address);
            kernel.Launch(split.Parts * e.Taps * tile.Count(e.K, e.C), in arguments);
            if (sum is null)
                return;
            ArrayView<float> rows = partials.View;
            sum.Launch(rows, split.Parts, count, rows, split.Parts * count, dWeight.Tensor.View, dWeight.Add);
        };
    }

    /// <inheritdoc/>
    public override Tensor Partials(ComputeProgram program, ConvExtents e)
    {
        int parts = MmaPixelSplit.Of(e, ((GpuDevice)program.Device).Multiprocessors).Parts;
        return program.Allocate(parts == 1 ? new Shape(1) : new Shape(parts + ColumnSum.ScratchRows(parts), e.Taps * e.K * e.C));
    }

    /// <summary>The specifications of all kernels of this path.</summary>
    internal static IEnumerable<PtxKernelSpec> Specifications() =>
        from tile in MmaTile.All
        from specification in (IEnumerable<PtxKernelSpec>)
        [
            .. from type in (DType[])[DType.BFloat16, DType.Float32]
               from options in Enumerable.Range(0, 4)
               select Specification(ForwardVariant(tile, type, (options & 1) != 0, (options & 2) != 0)),
            .. from type in (DType[])[DType.BFloat16, DType.Float32]
               from add in Enumerable.Range(0, 2)
               select Specification(InputGradientVariant(tile, type, add != 0)),
            .. from add in Enumerable.Range(0, 2)
               select Specification(WeightGradientVariant(tile, add != 0)),
        ]
        select specification;

    private static (string Kernel, MmaVariant Variant) ForwardVariant(MmaTile tile, DType output, bool bias, bool residual) =>
        (nameof(ForwardKernel), new MmaVariant(tile, false, false, output, bias, residual));

    private static (string Kernel, MmaVariant Variant) InputGradientVariant(MmaTile tile, DType output, bool add) =>
        (nameof(InputGradientKernel), new MmaVariant(tile, false, true, output, false, add));

    private static (string Kernel, MmaVariant Variant) WeightGradientVariant(MmaTile tile, bool add) =>
        (nameof(WeightGradientKernel), new MmaVariant(tile, true, true, DType.Float32, false, add));

    private static PtxKernelSpec Specification((string Kernel, MmaVariant Variant) kernel) => new(
        typeof(MmaProduct).GetMethod(kernel.Kernel, BindingFlags.Static | BindingFlags.NonPublic)!,
        kernel.Variant.ToString(), Architecture, MmaTile.Threads, kernel.Variant.Tile.SharedBytes, MmaProductPtx.Macros(kernel.Variant));
}

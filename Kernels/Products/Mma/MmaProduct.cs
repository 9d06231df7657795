using System.Reflection;
using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolutions and matrix products of bf16 tensors on the tensor cores of sm_80 and newer GPUs (mma.sync), each a product of
/// matrices of which one, the pixels' patches, is gathered while the product runs and never stored.
/// </summary>
/// <remarks>
/// x (N, H, W, C), weight (K, R, R, C) and y (N, H, W, K) are bf16, C and K multiples of 8; sums are fp32. Results may be fp32.
/// A block copies 32 terms of its rows and columns into a ring of four stages in shared memory (<see cref="MmaTile"/>,
/// <see cref="MmaLayout"/>); taps outside of the image, channels beyond the last and pixels beyond the last arrive as zeros.
/// The order of all sums depends on the shapes and the number of multiprocessors alone.
/// </remarks>
internal static partial class MmaProduct
{
    private const string Architecture = "sm_80";

    /// <summary>Whether the extents suit these kernels: rows of whole 16-byte pieces, filters of 1 x 1 or 3 x 3.</summary>
    public static bool Fits(ConvExtents e) => e.C % 8 == 0 && e.K % 8 == 0 && e.R is 1 or 3;

    /// <summary>y = alpha (conv(x) + bias) + beta residual; the bias is added to the first <paramref name="biasedRows"/> pixels.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents of the convolution.</param>
    /// <param name="x">Input, bf16.</param>
    /// <param name="weight">Filters, bf16.</param>
    /// <param name="bias">fp32 (K), or null.</param>
    /// <param name="y">Output, bf16 or fp32.</param>
    /// <param name="biasedRows">Pixels that get the bias.</param>
    /// <param name="alpha">Factor of the sums.</param>
    /// <param name="residual">Of y's shape and type, or null; may be y.</param>
    /// <param name="beta">Factor of the residual.</param>
    public static Action Forward(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor weight, Tensor? bias, Tensor y, int biasedRows, float alpha, Tensor? residual, float beta)
    {
        MmaTile tile = MmaTile.For(e.Pixels, e.K, gpu.Multiprocessors);
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(ForwardVariant(tile, y.Type, bias is not null, residual is not null)));
        MmaForwardArguments arguments = new()
        {
            Problem = MmaProblem.Of(e),
            Tile = tile.Shape,
            Grouped = tile.GroupedTiles,
            BiasedRows = biasedRows,
            Alpha = alpha,
            Beta = beta,
        };
        return () =>
        {
            (arguments.X, arguments.Weight, arguments.Y) = (x.Address, weight.Address, y.Address);
            (arguments.Bias, arguments.Residual) = (bias?.Address ?? 0, residual?.Address ?? 0);
            kernel.Launch(tile.Count(e.Pixels, e.K), in arguments);
        };
    }

    /// <summary>dx = alpha times the input's cotangent, added to dx if <paramref name="add"/> is 1.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents of the convolution.</param>
    /// <param name="dy">Cotangent of the output, bf16.</param>
    /// <param name="weight">Filters, bf16.</param>
    /// <param name="dx">Cotangent of the input, bf16 or fp32.</param>
    /// <param name="alpha">Factor of the sums.</param>
    /// <param name="add">1 to add, 0 to overwrite.</param>
    public static Action InputGradient(GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, Tensor dx, float alpha, int add)
    {
        MmaTile tile = MmaTile.For(e.Pixels, e.C, gpu.Multiprocessors);
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(InputGradientVariant(tile, dx.Type, add != 0)));
        MmaInputGradientArguments arguments = new() { Problem = MmaProblem.Of(e), Tile = tile.Shape, Grouped = tile.GroupedTiles, Alpha = alpha };
        return () =>
        {
            (arguments.Dy, arguments.Weight, arguments.Dx) = (dy.Address, weight.Address, dx.Address);
            kernel.Launch(tile.Count(e.Pixels, e.C), in arguments);
        };
    }

    /// <summary>dWeight (K, R, R, C) from alpha times sums over parts of the pixels, themselves summed in fixed order.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents of the convolution.</param>
    /// <param name="x">Input, bf16.</param>
    /// <param name="dy">Cotangent of the output, bf16.</param>
    /// <param name="partials">What <see cref="Partials"/> returned for the same extents.</param>
    /// <param name="dWeight">Where the fp32 gradient goes.</param>
    /// <param name="alpha">Factor of the sums.</param>
    public static Action WeightGradient(
        GpuDevice gpu, ConvExtents e, Tensor x, Tensor dy, Tensor partials, GradientSlot dWeight, float alpha)
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
            (arguments.X, arguments.Dy, arguments.Partials) = (x.Address, dy.Address, whole ? dWeight.Tensor.Address : partials.Address);
            kernel.Launch(split.Parts * e.Taps * tile.Count(e.K, e.C), in arguments);
            if (sum is null)
                return;
            ArrayView<float> rows = partials.View;
            sum.Launch(rows, split.Parts, count, rows, split.Parts * count, dWeight.Tensor.View, dWeight.Add);
        };
    }

    /// <summary>Room for the partial sums of a weight gradient; null on the host.</summary>
    public static Tensor? Partials(ComputeProgram program, ConvExtents e)
    {
        if (program.Device is not GpuDevice gpu)
            return null;
        int parts = MmaPixelSplit.Of(e, gpu.Multiprocessors).Parts;
        return program.Allocate(parts == 1 ? new Shape(1) : new Shape(parts + ColumnSum.ScratchRows(parts), e.Taps * e.K * e.C));
    }

    /// <summary>Everything these kernels are ever loaded from.</summary>
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

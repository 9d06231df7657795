using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolutions and matrix products on a GPU in fp32. Each is an implicit matrix product: the patches of the pixels are gathered while the product
/// runs, and never stored. Groups of 64 threads compute tiles of 64 x 64 outputs (<see cref="GemmTile"/>).
/// </summary>
/// <remarks>
/// Every kernel exists twice: with 16-byte accesses for channel counts that are all multiples of four (tensors begin at multiples of 256 bytes, hence
/// every row at a multiple of 16), and element by element for others. The order of all sums depends on the shapes alone.
/// </remarks>
internal static partial class ImplicitGemm
{
    /// <summary>Groups that a multiprocessor should hold at a time; this leaves 168 registers for a thread.</summary>
    private const int ResidentGroups = 6;

    /// <summary>Target number of tiles of partial weight gradients, 16 KiB each: a few for each group that the largest GPUs hold at a time.</summary>
    private const int PartialTiles = 2048;

    /// <summary>Minimum number of pixels of a partial weight gradient.</summary>
    private const int MinSpan = 128;

    /// <summary>Loads y (N, H, W, K) from x (N, H, W, C); the bias is added to the first <paramref name="biasedRows"/> pixels.</summary>
    public static Action Forward(
        GpuDevice gpu, ConvExtents extents, Tensor x, Tensor weight, Tensor? bias, Tensor y, int biasedRows, int add = 0)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ConvExtents, int, int>(
            Aligned(extents) ? ForwardAlignedKernel : ForwardKernel, Specialization(gpu));
        KernelConfig config = (Tiles(extents.Pixels) * Tiles(extents.K), GemmTile.Threads);
        return () => kernel(gpu.Stream, config, x.View, weight.View, (bias ?? weight).View, y.View, extents, biasedRows, add);
    }

    /// <summary>Loads dx (N, H, W, C) from dy (N, H, W, K).</summary>
    public static Action InputGradient(GpuDevice gpu, ConvExtents extents, Tensor dy, Tensor weight, Tensor dx, int add)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ConvExtents, int>(
            Aligned(extents) ? InputGradientAlignedKernel : InputGradientKernel, Specialization(gpu));
        KernelConfig config = (Tiles(extents.Pixels) * Tiles(extents.C), GemmTile.Threads);
        return () => kernel(gpu.Stream, config, dy.View, weight.View, dx.View, extents, add);
    }

    /// <summary>Loads dWeight (K, R, R, C) from x (N, H, W, C) and dy (N, H, W, K).</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="extents">Extents of the convolution.</param>
    /// <param name="x">Input.</param>
    /// <param name="dy">Cotangent of the output.</param>
    /// <param name="partials">Result of <see cref="Partials"/> for the same extents.</param>
    /// <param name="dWeight">Receives the gradient.</param>
    public static Action WeightGradient(GpuDevice gpu, ConvExtents extents, Tensor x, Tensor dy, Tensor partials, GradientSlot dWeight)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, ConvExtents, int, int, int>(
            Aligned(extents) ? WeightGradientAlignedKernel : WeightGradientKernel, Specialization(gpu));
        var sum = new ColumnSum(gpu);
        int span = Span(extents), parts = Parts(extents), count = dWeight.Tensor.Count;
        int lines = GemmTile.Depth / extents.W % extents.H, columns = GemmTile.Depth % extents.W;
        KernelConfig config = (parts * extents.Taps * Tiles(extents.C) * Tiles(extents.K), GemmTile.Threads);
        return () =>
        {
            ArrayView<float> rows = partials.View;
            kernel(gpu.Stream, config, x.View, dy.View, rows, extents, span, lines, columns);
            sum.Launch(rows, parts, count, rows, parts * count, dWeight.Tensor.View, dWeight.Add);
        };
    }

    /// <summary>Allocates the partial sums of a weight gradient, at most about 32 MiB beside one gradient; null on the host.</summary>
    public static Tensor? Partials(ComputeProgram program, ConvExtents extents)
    {
        int parts = Parts(extents);
        return program.Device is GpuDevice
            ? program.Allocate(new Shape(parts + ColumnSum.ScratchRows(parts), extents.Taps * extents.K * extents.C))
            : null;
    }

    /// <summary>Number of partial sums of a weight gradient.</summary>
    private static int Parts(ConvExtents extents) => (extents.Pixels + Span(extents) - 1) / Span(extents);

    /// <summary>Pixels of a partial weight gradient, a multiple of <see cref="GemmTile.Depth"/>.</summary>
    private static int Span(ConvExtents extents)
    {
        int tiles = extents.Taps * Tiles(extents.C) * Tiles(extents.K);
        int parts = Math.Max(1, PartialTiles / tiles);
        int span = Math.Max(MinSpan, (extents.Pixels + parts - 1) / parts);
        return (span + GemmTile.Depth - 1) / GemmTile.Depth * GemmTile.Depth;
    }

    private static bool Aligned(ConvExtents extents) => extents.C % 4 == 0 && extents.K % 4 == 0;

    private static int Tiles(int extent) => (extent + GemmTile.Extent - 1) / GemmTile.Extent;

    /// <summary>Occupancy that the driver's compiler should aim at; the simulator has one multiprocessor for one group.</summary>
    private static KernelSpecialization Specialization(GpuDevice gpu) =>
        new(GemmTile.Threads, gpu.Accelerator.AcceleratorType == AcceleratorType.Cuda ? ResidentGroups : null);
}

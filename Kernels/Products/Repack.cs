using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Copies a matrix into one of another element type or of other extents: columns and rows that the source lacks become zeros,
/// those that the target lacks are dropped. How a product whose channels no fast kernel takes becomes one that does.
/// </summary>
internal static class Repack
{
    /// <summary>Records a copy in another form; the tensor itself where it has that form already.</summary>
    /// <param name="program">Program that records the step.</param>
    /// <param name="op">Name of the step.</param>
    /// <param name="source">Any tensor; its last axis are columns, the others rows. A tangent is taken along.</param>
    /// <param name="shape">Extents of the copy.</param>
    /// <param name="type">Element type of the copy.</param>
    public static Tensor To(ComputeProgram program, string op, Tensor source, Shape shape, DType type)
    {
        if (source.Shape == shape && source.Type == type)
            return source;
        Tensor target = program.Allocate(shape, source.HasTangent, type);
        Into(program, op, source, new GradientSlot(target, false));
        return target;
    }

    /// <summary>Records the copy of one tensor over another, or its addition.</summary>
    public static void Into(ComputeProgram program, string op, Tensor source, GradientSlot target) => program.Emit(
        op, [source, target.ReadTensor], [target.Tensor],
        _ => throw new NotSupportedException($"{op}: tensors keep their form on the host"), gpu => Load(gpu, source, target));

    internal static void RepackKernel<TSource, TTarget>(
        Index1D i, ArrayView<TSource> source, ArrayView<TTarget> target, int sourceRows, int sourceColumns, int columns, int add)
        where TSource : unmanaged, IElement<TSource>
        where TTarget : unmanaged, IElement<TTarget>
    {
        int row = i / columns, column = i - row * columns;
        float value = 0f;
        if (row < sourceRows && column < sourceColumns)
            value = TSource.ToSingle(source[row * sourceColumns + column]);
        if (add != 0)
            value += TTarget.ToSingle(target[i]);
        target[i] = TTarget.FromSingle(value);
    }

    private static Action Load(GpuDevice gpu, Tensor source, GradientSlot target) => (source.Type, target.Tensor.Type) switch
    {
        (DType.Float32, DType.Float32) => Load<Single32, Single32>(gpu, source, target),
        (DType.Float32, DType.BFloat16) => Load<Single32, BFloat16>(gpu, source, target),
        (DType.BFloat16, DType.Float32) => Load<BFloat16, Single32>(gpu, source, target),
        (DType.BFloat16, DType.BFloat16) => Load<BFloat16, BFloat16>(gpu, source, target),
        _ => throw new ArgumentException($"repack: {source} to {target.Tensor}"),
    };

    private static Action Load<TSource, TTarget>(GpuDevice gpu, Tensor source, GradientSlot target)
        where TSource : unmanaged, IElement<TSource>
        where TTarget : unmanaged, IElement<TTarget>
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TSource>, ArrayView<TTarget>, int, int, int, int>(RepackKernel);
        int rows = (int)(source.StoredCount / source.Shape.C);
        return () => kernel(
            gpu.Stream, (int)target.Tensor.StoredCount, source.ViewOf<TSource>(), target.Tensor.ViewOf<TTarget>(), rows, source.Shape.C,
            target.Tensor.Shape.C, target.Add);
    }
}

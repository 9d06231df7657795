using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>A thread converts eight elements where the extents stay and their number allows it, otherwise one of the target's.</summary>
public static partial class Cast
{
    /// <param name="i">Index in the target.</param>
    /// <param name="source">(rows, from).</param>
    /// <param name="target">(..., to).</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="from">Columns of the source.</param>
    /// <param name="to">Columns of the target.</param>
    /// <param name="add">1 to add to the target, 0 to overwrite it.</param>
    internal static void ElementKernel<TFrom, TTo>(
        Index1D i, ArrayView<TFrom> source, ArrayView<TTo> target, int rows, int from, int to, int add)
        where TFrom : unmanaged, IElement<TFrom>
        where TTo : unmanaged, IElement<TTo>
    {
        int row = i / to, column = i - row * to;
        float value = 0f;
        if (row < rows && column < from)
            value = TFrom.ToSingle(source[row * from + column]);
        target[i] = TTo.FromSingle(add != 0 ? TTo.ToSingle(target[i]) + value : value);
    }

    internal static void NarrowKernel(Index1D i, ArrayView<float> source, ArrayView<Bf16x8> target, int add)
    {
        Float8 values = Bf16x8.LoadSingles(source, i);
        target[i] = Bf16x8.Narrow(add != 0 ? Bf16x8.Widen(target[i]) + values : values);
    }

    internal static void WidenKernel(Index1D i, ArrayView<Bf16x8> source, ArrayView<float> target, int add)
    {
        Float8 values = Bf16x8.Widen(source[i]);
        Bf16x8.StoreSingles(target, i, add != 0 ? Bf16x8.LoadSingles(target, i) + values : values);
    }

    private static Action CastGpu(GpuDevice gpu, Tensor source, GradientSlot target)
    {
        DType from = source.Type, to = target.Tensor.Type;
        bool alike = source.StoredCount == target.Tensor.StoredCount && source.Shape.C == target.Tensor.Shape.C;
        if (from != to && alike && source.Count % Bf16x8.Width == 0)
            return from == DType.Float32 ? Narrow(gpu, source, target) : Widen(gpu, source, target);
        if (from == DType.Float32)
            return to == DType.Float32 ? Element<Single32, Single32>(gpu, source, target) : Element<Single32, BFloat16>(gpu, source, target);
        return to == DType.Float32 ? Element<BFloat16, Single32>(gpu, source, target) : Element<BFloat16, BFloat16>(gpu, source, target);
    }

    private static Action Element<TFrom, TTo>(GpuDevice gpu, Tensor source, GradientSlot target)
        where TFrom : unmanaged, IElement<TFrom>
        where TTo : unmanaged, IElement<TTo>
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TFrom>, ArrayView<TTo>, int, int, int, int>(ElementKernel);
        return () => kernel(
            gpu.Stream, (int)target.Tensor.StoredCount, source.ViewOf<TFrom>(), target.Tensor.ViewOf<TTo>(),
            Rows(source), source.Shape.C, target.Tensor.Shape.C, target.Add);
    }

    private static Action Narrow(GpuDevice gpu, Tensor source, GradientSlot target)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<Bf16x8>, int>(NarrowKernel);
        return () => kernel(
            gpu.Stream, (int)source.StoredCount / Bf16x8.Width, source.View, Packs.View<Bf16x8>(target.Tensor), target.Add);
    }

    private static Action Widen(GpuDevice gpu, Tensor source, GradientSlot target)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<Bf16x8>, ArrayView<float>, int>(WidenKernel);
        return () => kernel(
            gpu.Stream, (int)source.StoredCount / Bf16x8.Width, Packs.View<Bf16x8>(source), target.Tensor.View, target.Add);
    }
}

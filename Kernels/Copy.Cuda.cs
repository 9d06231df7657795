using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Copies are the driver's; adding takes one thread an element.</summary>
public static partial class Copy
{
    internal static void AddKernel(Index1D i, ArrayView<float> dy, ArrayView<float> dx, int add) => dx[i] = add != 0 ? dx[i] + dy[i] : dy[i];

    private static Action IntoGpu(GpuDevice gpu, Tensor source, Tensor target) => source.Type.Size() switch
    {
        2 => () => Move<ushort>(gpu, source, target),
        4 => source.Type == DType.Float32 ? () => Move<float>(gpu, source, target) : () => Move<int>(gpu, source, target),
        _ => () => Move<double>(gpu, source, target),
    };

    private static void Move<T>(GpuDevice gpu, Tensor source, Tensor target)
        where T : unmanaged => source.ViewOf<T>().CopyTo(gpu.Stream, target.ViewOf<T>());

    private static Action BackwardGpu(GpuDevice gpu, Tensor dy, GradientSlot dx)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int>(AddKernel);
        return () => kernel(gpu.Stream, dy.Count, dy.View, dx.Tensor.View, dx.Add);
    }
}

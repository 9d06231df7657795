using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Copies are the driver's; adding takes one thread a pack of elements.</summary>
public static partial class Copy
{
    internal static void AddKernel<TPack>(Index1D i, ArrayView<TPack> dy, ArrayView<TPack> dx, int add)
        where TPack : unmanaged, IPack<TPack> =>
        dx[i] = add != 0 ? TPack.Narrow(TPack.Widen(dx[i]) + TPack.Widen(dy[i])) : dy[i];

    private static Action IntoGpu(GpuDevice gpu, Tensor source, Tensor target) => source.Type.SizeInBytes() switch
    {
        2 => () => Move<ushort>(gpu, source, target),
        4 => source.Type == DType.Float32 ? () => Move<float>(gpu, source, target) : () => Move<int>(gpu, source, target),
        _ => () => Move<double>(gpu, source, target),
    };

    private static void Move<T>(GpuDevice gpu, Tensor source, Tensor target)
        where T : unmanaged => source.ViewOf<T>().CopyTo(gpu.Stream, target.ViewOf<T>());

    private static Action BackwardGpu(GpuDevice gpu, Tensor dy, GradientSlot dx) =>
        Packs.Load(dy.Type, dy.Count, new BackwardLaunch(gpu, dy, dx));

    private sealed record BackwardLaunch(GpuDevice Gpu, Tensor Dy, GradientSlot Dx) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TPack>, ArrayView<TPack>, int>(AddKernel);
            return () => kernel(Gpu.Stream, Dy.Count / TPack.Width, Packs.View<TPack>(Dy), Packs.View<TPack>(Dx.Tensor), Dx.Add);
        }
    }
}

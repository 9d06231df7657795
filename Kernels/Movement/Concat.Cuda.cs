using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread writes one pack, so that writes are contiguous, and reads too within a pixel of an operand. Kernels count channels in packs.</summary>
public static partial class Concat
{
    internal static void ForwardKernel<TPack>(
        Index1D i, ArrayView<TPack> a, ArrayView<TPack> b, ArrayView<TPack> y, int aChannels, int bChannels, int aPixels, int bPixels)
        where TPack : unmanaged, IPack<TPack>
    {
        int channels = aChannels + bChannels;
        int pixel = i / channels;
        int channel = i - pixel * channels;
        TPack value = default;
        if (channel < aChannels)
        {
            if (pixel < aPixels)
                value = a[pixel * aChannels + channel];
        }
        else if (pixel < bPixels)
        {
            value = b[pixel * bChannels + channel - aChannels];
        }

        y[i] = value;
    }

    internal static void BackwardKernel<TPack>(
        Index1D i, ArrayView<TPack> dy, ArrayView<TPack> dx, int dyChannels, int dxChannels, int first, int add)
        where TPack : unmanaged, IPack<TPack>
    {
        int pixel = i / dxChannels;
        TPack contribution = dy[pixel * dyChannels + first + i - pixel * dxChannels];
        dx[i] = add != 0 ? TPack.Narrow(TPack.Widen(dx[i]) + TPack.Widen(contribution)) : contribution;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor a, Tensor b, Tensor y) =>
        Packs.Load(y.Type, a.Shape.C | b.Shape.C, new ForwardLaunch(gpu, a, b, y));

    private static Action BackwardGpu(GpuDevice gpu, Tensor dy, GradientSlot dx, int first) =>
        Packs.Load(dy.Type, dy.Shape.C | dx.Tensor.Shape.C | first, new BackwardLaunch(gpu, dy, dx, first));

    private sealed record ForwardLaunch(GpuDevice Gpu, Tensor A, Tensor B, Tensor Y) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, int, int, int, int>(ForwardKernel);
            return () => kernel(
                Gpu.Stream, (int)Y.StoredCount / TPack.Width, Packs.View<TPack>(A), Packs.View<TPack>(B), Packs.View<TPack>(Y),
                A.Shape.C / TPack.Width, B.Shape.C / TPack.Width, StoredPixels(A), StoredPixels(B));
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Tensor Dy, GradientSlot Dx, int First) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, int, int, int, int>(BackwardKernel);
            Tensor target = Dx.Tensor;
            return () => kernel(
                Gpu.Stream, target.Count / TPack.Width, Packs.View<TPack>(Dy), Packs.View<TPack>(target),
                Dy.Shape.C / TPack.Width, target.Shape.C / TPack.Width, First / TPack.Width, Dx.Add);
        }
    }
}

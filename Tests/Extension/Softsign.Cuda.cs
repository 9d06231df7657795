using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Extension;

/// <summary>On a GPU, each thread computes one pack of elements: eight of bf16, or one; the simulator runs the same kernels.</summary>
public static partial class Softsign
{
    private static void ForwardKernel<TPack>(Index1D i, ArrayView<TPack> x, ArrayView<TPack> y)
        where TPack : unmanaged, IPack<TPack> => y[i] = TPack.Narrow(Value(TPack.Widen(x[i])));

    private static void TangentKernel<TPack>(Index1D i, ArrayView<TPack> x, ArrayView<TPack> y, int packs)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 primal = TPack.Widen(x[i]);
        y[i] = TPack.Narrow(Value(primal));
        y[i + packs] = TPack.Narrow(Slope(primal) * TPack.Widen(x[i + packs]));
    }

    private static void BackwardKernel<TPack>(Index1D i, ArrayView<TPack> x, ArrayView<TPack> dy, ArrayView<TPack> dx, int add)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 contribution = Slope(TPack.Widen(x[i])) * TPack.Widen(dy[i]);
        dx[i] = TPack.Narrow(add != 0 ? TPack.Widen(dx[i]) + contribution : contribution);
    }

    private static Float8 Value(Float8 x) => Float8.Of(Value(x.Lower), Value(x.Upper));

    private static Float4 Value(Float4 x) => Float4.Of(Value(x.X), Value(x.Y), Value(x.Z), Value(x.W));

    private static float Value(float x) => x / (1f + MathF.Abs(x));

    private static Float8 Slope(Float8 x) => Float8.Of(Slope(x.Lower), Slope(x.Upper));

    private static Float4 Slope(Float4 x) => Float4.Of(Slope(x.X), Slope(x.Y), Slope(x.Z), Slope(x.W));

    private static float Slope(float x) => 1f / ((1f + MathF.Abs(x)) * (1f + MathF.Abs(x)));

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor y) => Packs.Load(x.Type, x.Count, new ForwardLaunch(gpu, x, y));

    private static Action BackwardGpu(GpuDevice gpu, Tensor x, Tensor dy, GradientSlot dx) => Packs.Load(x.Type, x.Count, new BackwardLaunch(gpu, x, dy, dx));

    private sealed record ForwardLaunch(GpuDevice Gpu, Tensor X, Tensor Y) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            int packs = X.Count / TPack.Width;
            if (X.HasTangent)
            {
                var both = Gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TPack>, ArrayView<TPack>, int>(TangentKernel);
                return () => both(Gpu.Stream, packs, Packs.View<TPack>(X), Packs.View<TPack>(Y), packs);
            }

            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TPack>, ArrayView<TPack>>(ForwardKernel);
            return () => kernel(Gpu.Stream, packs, Packs.View<TPack>(X), Packs.View<TPack>(Y));
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Tensor X, Tensor Dy, GradientSlot Dx) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, int>(BackwardKernel);
            return () => kernel(Gpu.Stream, X.Count / TPack.Width, Packs.View<TPack>(X), Packs.View<TPack>(Dy), Packs.View<TPack>(Dx.Tensor), Dx.Add);
        }
    }
}

using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one pack of elements.</summary>
public static partial class ScaledAdd
{
    /// <summary>Value instead of <see cref="GradientSlot.Add"/> for an operand that needs no gradient.</summary>
    private const int NoGradient = -1;

    /// <param name="i">Index of the pack.</param>
    /// <param name="longer">Operand with a tangent, if either has one.</param>
    /// <param name="shorter">Other operand.</param>
    /// <param name="y">Output, as long as the longer operand.</param>
    /// <param name="shorterCount">Number of packs of the shorter operand.</param>
    /// <param name="scale">Factor of the sum.</param>
    internal static void ForwardKernel<TPack>(
        Index1D i, ArrayView<TPack> longer, ArrayView<TPack> shorter, ArrayView<TPack> y, int shorterCount, float scale)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 sum = TPack.Widen(longer[i]);
        if (i < shorterCount)
            sum += TPack.Widen(shorter[i]);
        y[i] = TPack.Narrow(scale * sum);
    }

    internal static void BackwardKernel<TPack>(
        Index1D i, ArrayView<TPack> dy, ArrayView<TPack> da, ArrayView<TPack> db, float scale, int addA, int addB)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 contribution = scale * TPack.Widen(dy[i]);
        if (addA != NoGradient)
            da[i] = TPack.Narrow(addA != 0 ? TPack.Widen(da[i]) + contribution : contribution);
        if (addB != NoGradient)
            db[i] = TPack.Narrow(addB != 0 ? TPack.Widen(db[i]) + contribution : contribution); // after da, since both are one tensor in x + x
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor longer, Tensor shorter, Tensor y, float scale) =>
        Packs.Load(y.Type, y.Count, new ForwardLaunch(gpu, longer, shorter, y, scale));

    private static Action BackwardGpu(GpuDevice gpu, Tensor dy, GradientSlot? da, GradientSlot? db, float scale) =>
        Packs.Load(dy.Type, dy.Count, new BackwardLaunch(gpu, dy, da, db, scale));

    private sealed record ForwardLaunch(GpuDevice Gpu, Tensor Longer, Tensor Shorter, Tensor Y, float Scale) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, int, float>(ForwardKernel);
            int count = (int)Y.StoredCount / TPack.Width, shorterCount = (int)Shorter.StoredCount / TPack.Width;
            return () => kernel(
                Gpu.Stream, count, Packs.View<TPack>(Longer), Packs.View<TPack>(Shorter), Packs.View<TPack>(Y), shorterCount, Scale);
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Tensor Dy, GradientSlot? Da, GradientSlot? Db, float Scale) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, float, int, int>(BackwardKernel);
            return () => kernel(
                Gpu.Stream, Dy.Count / TPack.Width, Packs.View<TPack>(Dy), Packs.View<TPack>(Da?.Tensor ?? Dy),
                Packs.View<TPack>(Db?.Tensor ?? Dy), Scale, Da?.Add ?? NoGradient, Db?.Add ?? NoGradient);
        }
    }
}

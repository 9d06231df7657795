using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread reads one pack, and writes only if an element of it is out of bounds.</summary>
public static partial class Clamp
{
    /// <param name="i">Index of the pack.</param>
    /// <param name="x">Primal, then the tangent if there is one.</param>
    /// <param name="bound">Largest magnitude.</param>
    /// <param name="tangent">Packs from the primal to the tangent, or 0.</param>
    internal static void ForwardKernel<TPack>(Index1D i, ArrayView<TPack> x, float bound, int tangent)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 value = TPack.Widen(x[i]);
        if (!(Largest(value) > bound))
            return;
        x[i] = TPack.Narrow(Float8.Of(Bounded(value.Lower, bound), Bounded(value.Upper, bound)));
        if (tangent != 0)
        {
            Float8 old = TPack.Widen(x[i + tangent]);
            x[i + tangent] = TPack.Narrow(Float8.Of(Kept(value.Lower, old.Lower, bound), Kept(value.Upper, old.Upper, bound)));
        }
    }

    /// <param name="i">Index of the pack.</param>
    /// <param name="x">Clamped primal.</param>
    /// <param name="dx">Gradient.</param>
    /// <param name="below">The largest number below the bound: larger magnitudes were clamped.</param>
    internal static void BackwardKernel<TPack>(Index1D i, ArrayView<TPack> x, ArrayView<TPack> dx, float below)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 value = TPack.Widen(x[i]);
        if (!(Largest(value) > below))
            return;
        Float8 old = TPack.Widen(dx[i]);
        dx[i] = TPack.Narrow(Float8.Of(Kept(value.Lower, old.Lower, below), Kept(value.Upper, old.Upper, below)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Float8 a)
    {
        Float4 largest = Float4.Max(Float4.Max(a.Lower, -1f * a.Lower), Float4.Max(a.Upper, -1f * a.Upper));
        return MathF.Max(MathF.Max(largest.X, largest.Y), MathF.Max(largest.Z, largest.W));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Bounded(Float4 a, float bound) => Float4.Of(Bounded(a.X, bound), Bounded(a.Y, bound), Bounded(a.Z, bound), Bounded(a.W, bound));

    /// <summary>The value within bounds; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Bounded(float a, float bound) => a > bound ? bound : a < -bound ? -bound : a;

    /// <summary>Elements of the second tensor where the first is within bounds; 0 elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Kept(Float4 a, Float4 of, float bound) => Float4.Of(
        MathF.Abs(a.X) > bound ? 0f : of.X, MathF.Abs(a.Y) > bound ? 0f : of.Y, MathF.Abs(a.Z) > bound ? 0f : of.Z, MathF.Abs(a.W) > bound ? 0f : of.W);

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, float bound) => Packs.Load(x.Type, x.Count, new ForwardLaunch(gpu, x, bound));

    private static Action BackwardGpu(GpuDevice gpu, Tensor x, Tensor dx, float bound) => Packs.Load(x.Type, x.Count, new BackwardLaunch(gpu, x, dx, MathF.BitDecrement(bound)));

    private sealed record ForwardLaunch(GpuDevice Gpu, Tensor X, float Bound) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TPack>, float, int>(ForwardKernel);
            int packs = X.Count / TPack.Width;
            return () => kernel(Gpu.Stream, packs, Packs.View<TPack>(X), Bound, X.HasTangent ? packs : 0);
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Tensor X, Tensor Dx, float Below) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<TPack>, ArrayView<TPack>, float>(BackwardKernel);
            return () => kernel(Gpu.Stream, X.Count / TPack.Width, Packs.View<TPack>(X), Packs.View<TPack>(Dx), Below);
        }
    }
}

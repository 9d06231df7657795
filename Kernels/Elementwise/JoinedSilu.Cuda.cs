using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one pack of the output and its tangent. Kernels count channels in packs.</summary>
public static partial class JoinedSilu
{
    internal static void ForwardKernel<TPack>(
        Index1D i, ArrayView<TPack> a, ArrayView<TPack> b, ArrayView<TPack> y, JoinFactors factors, int aChannels, int bChannels, int tangentPixels)
        where TPack : unmanaged, IPack<TPack>
    {
        int channels = aChannels + bChannels, pixel = i / channels, channel = i - pixel * channels;
        bool first = channel < aChannels;
        float factor = first ? factors.A : factors.B;
        TPack primal, tangent = default;
        if (first)
        {
            primal = a[pixel * aChannels + channel];
            if (tangentPixels > 0)
                tangent = a[(pixel + tangentPixels) * aChannels + channel];
        }
        else
        {
            primal = b[pixel * bChannels + channel - aChannels];
            if (tangentPixels > 0)
                tangent = b[(pixel + tangentPixels) * bChannels + channel - aChannels];
        }

        Float8 x = factor * TPack.Widen(primal), s = Logistic<TPack>(x);
        y[i] = TPack.Narrow(factors.Gain * (x * s));
        if (tangentPixels > 0)
            y[i + tangentPixels * channels] = TPack.Narrow(factors.Gain * factor * (Float8.SiluSlope(x * s, s) * TPack.Widen(tangent)));
    }

    internal static void BackwardKernel<TPack>(
        Index1D i, ArrayView<TPack> a, ArrayView<TPack> b, ArrayView<TPack> dy, ArrayView<TPack> deferred, ArrayView<TPack> da, ArrayView<TPack> db,
        JoinFactors factors, float deferredFactor, int aChannels, int bChannels, int addA, int addB)
        where TPack : unmanaged, IPack<TPack>
    {
        int channels = aChannels + bChannels, pixel = i / channels, channel = i - pixel * channels;
        if (channel < aChannels)
        {
            if (addA < 0)
                return;
            int at = pixel * aChannels + channel;
            Float8 gradient = Gradient<TPack>(a[at], dy[i], factors.A, factors.Gain);
            if (deferredFactor != 0f)
                gradient += deferredFactor * TPack.Widen(deferred[at]);
            if (addA != 0)
                gradient += TPack.Widen(da[at]);
            da[at] = TPack.Narrow(gradient);
        }
        else if (addB >= 0)
        {
            int at = pixel * bChannels + channel - aChannels;
            Float8 gradient = Gradient<TPack>(b[at], dy[i], factors.B, factors.Gain);
            if (addB != 0)
                gradient += TPack.Widen(db[at]);
            db[at] = TPack.Narrow(gradient);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float8 Gradient<TPack>(TPack x, TPack dy, float factor, float gain)
        where TPack : unmanaged, IPack<TPack>
    {
        Float8 value = factor * TPack.Widen(x), s = Logistic<TPack>(value);
        return gain * factor * (Float8.SiluSlope(value * s, s) * TPack.Widen(dy));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float8 Logistic<TPack>(Float8 x)
        where TPack : unmanaged, IPack<TPack>
    {
        if (TPack.Width > 1)
            return Float8.CoarseLogistic(x);
        return Float8.All(1f / (1f + MathF.Exp(-x.Lower.X)));
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor a, Tensor? b, Tensor y, JoinFactors factors) =>
        Packs.Load(y.Type, a.Shape.C | (b?.Shape.C ?? 0), new ForwardLaunch(gpu, a, b, y, factors));

    private static Action BackwardGpu(GpuDevice gpu, Tensor a, Tensor? b, Gradients gradients, JoinFactors factors) =>
        Packs.Load(a.Type, a.Shape.C | (b?.Shape.C ?? 0), new BackwardLaunch(gpu, a, b, gradients, factors));

    private sealed record ForwardLaunch(GpuDevice Gpu, Tensor A, Tensor? B, Tensor Y, JoinFactors Factors) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, JoinFactors, int, int, int>(ForwardKernel);
            return () => kernel(
                Gpu.Stream, Y.Count / TPack.Width, Packs.View<TPack>(A), Packs.View<TPack>(B ?? A), Packs.View<TPack>(Y), Factors,
                A.Shape.C / TPack.Width, (B?.Shape.C ?? 0) / TPack.Width, A.HasTangent ? A.Count / A.Shape.C : 0);
        }
    }

    private sealed record BackwardLaunch(GpuDevice Gpu, Tensor A, Tensor? B, Gradients Gradients, JoinFactors Factors) : IPackLaunch
    {
        public Action Load<TPack>()
            where TPack : unmanaged, IPack<TPack>
        {
            var kernel = Gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, ArrayView<TPack>, JoinFactors, float, int, int,
                int, int>(BackwardKernel);
            return () => kernel(
                Gpu.Stream, Gradients.Dy.Count / TPack.Width, Packs.View<TPack>(A), Packs.View<TPack>(B ?? A), Packs.View<TPack>(Gradients.Dy),
                Packs.View<TPack>(Gradients.Deferred ?? A), Packs.View<TPack>(Gradients.A?.Tensor ?? A), Packs.View<TPack>(Gradients.B?.Tensor ?? A), Factors,
                Gradients.DeferredFactor, A.Shape.C / TPack.Width, (B?.Shape.C ?? 0) / TPack.Width, Gradients.A?.Add ?? -1, Gradients.B?.Add ?? -1);
        }
    }
}

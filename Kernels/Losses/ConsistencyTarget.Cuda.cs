using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>One group a sample, one thread four elements: g goes to the target first, then, its norm known, F- is added.</summary>
public static partial class ConsistencyTarget
{
    /// <param name="f">F-, then its derivative.</param>
    /// <param name="xt">Noisy samples.</param>
    /// <param name="dxdt">Their velocities.</param>
    /// <param name="cos">cos t.</param>
    /// <param name="sin">sin t.</param>
    /// <param name="r">The warm-up.</param>
    /// <param name="target">Receives the target.</param>
    /// <param name="norm">Receives the norm of g.</param>
    /// <param name="count">Elements of F-.</param>
    /// <param name="size">Elements of a sample.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    /// <param name="c">The constant beside the norm.</param>
    /// <param name="normScale">Factor of the norm.</param>
    /// <param name="aligned">1 if a sample's elements are a multiple of four.</param>
    internal static void ForwardKernel(
        ArrayView<float> f, ArrayView<float> xt, ArrayView<float> dxdt, ArrayView<float> cos, ArrayView<float> sin, ArrayView<float> r,
        ArrayView<float> target, ArrayView<float> norm, int count, int size, float sigmaData, float c, float normScale, int aligned)
    {
        int n = Grid.IdxX;
        int end = (n + 1) * size;
        float cosine = cos[n];
        float flow = -cosine * cosine;
        float drift = -r[0] * cosine * sin[n];
        float change = -r[0] * sigmaData;
        double partial = 0;
        for (int i = n * size + 4 * Group.IdxX; i < end; i += 4 * Group.DimX)
        {
            Float4 value = Float4.Load(f, i, end - i, aligned);
            Float4 velocity = Float4.Load(dxdt, i, end - i, aligned);
            Float4 sample = Float4.Load(xt, i, end - i, aligned);
            Float4 derivative = Float4.Load(f, count + i, end - i, aligned);
            Float4 g = flow * (sigmaData * value - velocity) + drift * sample + change * derivative;
            Float4.Store(target, i, end - i, aligned, g);
            partial += Float4.Squares(g); // a square can leave the range of float32 where g itself does not
        }

        float length = (float)Math.Sqrt(GroupSum.Of(partial));
        float scale = 1f / (length * normScale + c);
        for (int i = n * size + 4 * Group.IdxX; i < end; i += 4 * Group.DimX)
        {
            Float4 value = Float4.Load(f, i, end - i, aligned);
            Float4.Store(target, i, end - i, aligned, Float4.MultiplyAdd(scale, Float4.Load(target, i, end - i, aligned), value));
        }

        if (Group.IdxX == 0)
            norm[n] = length;
    }

    private static Action ForwardGpu(GpuDevice gpu, Inputs x, Tensor target, Tensor norm)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            ArrayView<float>, ArrayView<float>, int, int, float, float, float, int>(ForwardKernel);
        return () => kernel(
            gpu.Stream, new KernelConfig(x.F.Shape.N, gpu.ReductionGroup), x.F.View, x.Xt.View, x.DxDt.View, x.Cos.View, x.Sin.View, x.R.View,
            target.View, norm.View, x.F.Count, x.Size, x.SigmaData, x.C, x.NormScale,
            x.Size % 4 == 0 ? 1 : 0);
    }
}

using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each group takes one sample, four elements per thread: one pass stores g in the target, the next normalises it and adds F-.</summary>
public static partial class ConsistencyTarget
{
    /// <param name="f">F-, then its tangent J.</param>
    /// <param name="xt">Noisy samples x_t.</param>
    /// <param name="dxdt">Velocities dx_t/dt.</param>
    /// <param name="cos">cos t.</param>
    /// <param name="sin">sin t.</param>
    /// <param name="r">Warm-up factor of the tangent.</param>
    /// <param name="target">Receives the target.</param>
    /// <param name="norm">Receives the norm of g.</param>
    /// <param name="count">Number of elements of F-.</param>
    /// <param name="size">Number of elements of a sample.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    /// <param name="c">Constant added to the scaled norm.</param>
    /// <param name="normScale">Factor of the norm.</param>
    /// <param name="aligned">1 if the elements of a sample are a multiple of four, else 0.</param>
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
            partial += Float4.Squares(g); // in float64, since a square can overflow fp32 although g does not
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

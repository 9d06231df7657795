using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One group a sample: g goes to the target first, then, its norm known, F- is added.</summary>
public static partial class ConsistencyTarget
{
    internal static void ForwardKernel(
        ArrayView<float> f, ArrayView<float> xt, ArrayView<float> dxdt, ArrayView<float> cos, ArrayView<float> sin, ArrayView<float> r,
        ArrayView<float> target, ArrayView<float> norm, int count, int size, float sigmaData, float c, float normScale)
    {
        int n = Grid.IdxX;
        float cosine = cos[n];
        float flow = -cosine * cosine;
        float drift = -r[0] * cosine * sin[n];
        float change = -r[0] * sigmaData;
        double partial = 0;
        for (int i = n * size + Group.IdxX; i < (n + 1) * size; i += Group.DimX)
        {
            float g = flow * (sigmaData * f[i] - dxdt[i]) + drift * xt[i] + change * f[count + i];
            target[i] = g;
            partial += (double)g * g; // a square can leave the range of float32 where g itself does not
        }

        float length = (float)Math.Sqrt(GroupSum.Of(partial));
        float scale = 1f / (length * normScale + c);
        for (int i = n * size + Group.IdxX; i < (n + 1) * size; i += Group.DimX)
            target[i] = f[i] + target[i] * scale;
        if (Group.IdxX == 0)
            norm[n] = length;
    }

    private static Action ForwardGpu(GpuDevice gpu, Inputs x, Tensor target, Tensor norm)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            ArrayView<float>, ArrayView<float>, int, int, float, float, float>(ForwardKernel);
        return () => kernel(
            gpu.Stream, new KernelConfig(x.F.Shape.N, gpu.ReductionGroup), x.F.View, x.Xt.View, x.DxDt.View, x.Cos.View, x.Sin.View, x.R.View,
            target.View, norm.View, x.F.Count, x.Size, x.SigmaData, x.C, x.NormScale);
    }
}

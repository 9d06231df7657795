using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread takes one frequency of a sample and writes the sine, the cosine and their tangents.</summary>
public static partial class TimeEmbedding
{
    /// <param name="i">n half + index of the frequency, for sample n.</param>
    /// <param name="t">Times in radians, then their tangents if there are any.</param>
    /// <param name="y">Embeddings, then their tangents if there are any.</param>
    /// <param name="half">Number of frequencies.</param>
    /// <param name="rate">Rate of decay: ln f[i] = -i rate. A rounding error e of the exponent shifts the phase by t f e, at most 4e-7.</param>
    /// <param name="tangentSamples">N, or 0 if there are no tangents.</param>
    internal static void ForwardKernel(Index1D i, ArrayView<float> t, ArrayView<float> y, int half, float rate, int tangentSamples)
    {
        int n = i / half;
        int k = i - n * half;
        float frequency = MathF.Exp(-k * rate);
        DeviceMath.Angle angle = DeviceMath.SinCos(t[n] * frequency);
        int sine = 2 * n * half + k;
        y[sine] = angle.Sin;
        y[sine + half] = angle.Cos;
        if (tangentSamples > 0)
        {
            float tPhase = t[n + tangentSamples] * frequency;
            int offset = 2 * half * tangentSamples;
            y[offset + sine] = angle.Cos * tPhase;
            y[offset + sine + half] = -angle.Sin * tPhase;
        }
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor t, Tensor y)
    {
        int half = y.Shape.C / 2;
        float rate = (float)(Math.Log(Period) / (half - 1));
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, float, int>(ForwardKernel);
        return () => kernel(gpu.Stream, t.Count * half, t.View, y.View, half, rate, t.HasTangent ? t.Count : 0);
    }
}

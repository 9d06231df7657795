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
    /// <param name="factor">Factor of sines and cosines.</param>
    /// <param name="sineStart">Channel of the first sine: 0, or half if the cosines are first.</param>
    /// <param name="tangentSamples">N, or 0 if there are no tangents.</param>
    internal static void ForwardKernel(
        Index1D i, ArrayView<float> t, ArrayView<float> y, int half, float rate, float factor, int sineStart, int tangentSamples)
    {
        int n = i / half;
        int k = i - n * half;
        float frequency = MathF.Exp(-k * rate);
        DeviceMath.Angle angle = DeviceMath.SinCos(t[n] * frequency);
        float sin = factor * angle.Sin, cos = factor * angle.Cos;
        int sine = 2 * n * half + sineStart + k, cosine = 2 * n * half + half - sineStart + k;
        y[sine] = sin;
        y[cosine] = cos;
        if (tangentSamples > 0)
        {
            float tPhase = t[n + tangentSamples] * frequency;
            int offset = 2 * half * tangentSamples;
            y[offset + sine] = cos * tPhase;
            y[offset + cosine] = -sin * tPhase;
        }
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor t, Tensor y, TimeEmbeddingKind kind)
    {
        int half = y.Shape.C / 2, sineStart = kind == TimeEmbeddingKind.SinesFirst ? 0 : half;
        float rate = (float)(Math.Log(Period) / Math.Max(1, half - 1)), factor = FactorOf(kind);
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, float, float, int, int>(ForwardKernel);
        return () => kernel(gpu.Stream, t.Count * half, t.View, y.View, half, rate, factor, sineStart, t.HasTangent ? t.Count : 0);
    }
}

using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, recording computes the frequencies once, in float64; threads take blocks of samples.</summary>
public static partial class TimeEmbedding
{
    private const int Block = 32;

    private static Action<CpuDevice> ForwardCpu(Tensor t, Tensor y)
    {
        int half = y.Shape.C / 2;
        float[] frequencies = [.. Enumerable.Range(0, half).Select(i => (float)Math.Pow(Period, -i / (half - 1.0)))];
        return cpu => cpu.For(t.Count, Block, (start, end) =>
        {
            for (int n = (int)start; n < end; n++)
            {
                Span<float> sin = y.Span.Slice(2 * n * half, half), cos = y.Span.Slice((2 * n + 1) * half, half);
                TensorPrimitives.Multiply(frequencies, t.Span[n], cos);
                TensorPrimitives.SinCos(cos, sin, cos);
                if (!t.HasTangent)
                    continue;
                Span<float> tSin = y.Span.Slice(2 * (n + t.Count) * half, half), tCos = y.Span.Slice((2 * (n + t.Count) + 1) * half, half);
                TensorPrimitives.Multiply(frequencies, t.Span[n + t.Count], tSin);
                TensorPrimitives.Multiply(tSin, sin, tCos);
                TensorPrimitives.Negate(tCos, tCos);
                TensorPrimitives.Multiply(tSin, cos, tSin);
            }
        });
    }
}

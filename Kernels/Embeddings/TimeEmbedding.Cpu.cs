using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, recording computes the frequencies once, in float64; threads take blocks of samples.</summary>
public static partial class TimeEmbedding
{
    private const int Block = 32;

    private static Action<CpuDevice> ForwardCpu(Tensor t, Tensor y, TimeEmbeddingKind kind)
    {
        int half = y.Shape.C / 2, first = kind == TimeEmbeddingKind.SinesFirst ? 0 : 1;
        float factor = FactorOf(kind);
        float[] frequencies = [.. Enumerable.Range(0, half).Select(i => (float)Math.Pow(Period, -i / Math.Max(1, half - 1.0)))];
        return cpu => cpu.For(t.Count, Block, (start, end) =>
        {
            for (int n = (int)start; n < end; n++)
            {
                Span<float> sin = y.Span.Slice((2 * n + first) * half, half), cos = y.Span.Slice((2 * n + 1 - first) * half, half);
                TensorPrimitives.Multiply(frequencies, t.Span[n], cos);
                TensorPrimitives.SinCos(cos, sin, cos);
                TensorPrimitives.Multiply(sin, factor, sin);
                TensorPrimitives.Multiply(cos, factor, cos);
                if (!t.HasTangent)
                    continue;
                int tangent = n + t.Count;
                Span<float> tSin = y.Span.Slice((2 * tangent + first) * half, half), tCos = y.Span.Slice((2 * tangent + 1 - first) * half, half);
                TensorPrimitives.Multiply(frequencies, t.Span[tangent], tSin);
                TensorPrimitives.Multiply(tSin, sin, tCos);
                TensorPrimitives.Negate(tCos, tCos);
                TensorPrimitives.Multiply(tSin, cos, tSin);
            }
        });
    }
}

using System.Numerics;
using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, one vector loop adds both terms, since the target may be an operand; threads take samples.</summary>
public static partial class Combine
{
    private const int Block = 8192;

    private static void IntoCpu(CpuDevice cpu, Tensor a, Tensor ca, float sa, Tensor? b, Tensor? cb, float sb, Tensor target)
    {
        int elements = a.Count / a.Shape.N;
        cpu.For(a.Shape.N, Math.Max(1, Block / elements), (start, end) =>
        {
            for (int n = (int)start; n < end; n++)
            {
                Span<float> sum = target.Span.Slice(n * elements, elements);
                ReadOnlySpan<float> first = a.Span.Slice(n * elements, elements);
                if (b is null)
                    TensorPrimitives.Multiply(first, sa * ca.Span[n], sum);
                else
                    Mix(first, sa * ca.Span[n], b.Span.Slice(n * elements, elements), sb * cb!.Span[n], sum);
            }
        });
    }

    private static void Mix(ReadOnlySpan<float> a, float factorA, ReadOnlySpan<float> b, float factorB, Span<float> sum)
    {
        int i = 0;
        for (; i <= sum.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(a[i..]) * factorA + new Vector<float>(b[i..]) * factorB).CopyTo(sum[i..]);
        for (; i < sum.Length; i++)
            sum[i] = a[i] * factorA + b[i] * factorB;
    }
}

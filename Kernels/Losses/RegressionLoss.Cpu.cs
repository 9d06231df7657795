using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, each item takes one sample.</summary>
public static partial class RegressionLoss
{
    private const int Block = 1024;

    private static void ForwardCpu(CpuDevice cpu, Terms terms)
    {
        int size = terms.Size;
        cpu.For(terms.F.Shape.N, n =>
        {
            ReadOnlySpan<float> f = terms.F.Span.Slice(n * size, size), target = terms.Target.Span.Slice(n * size, size);
            double squares = HostSum.SquaredDifferences(f, target);
            terms.Error.Span[n] = (float)(squares / size);
            if (terms.Kind != LossKind.Squared) // for Squared, Error and Distance are one tensor
                terms.Distance.Span[n] = terms.Kind == LossKind.Huber ? Huber(squares, terms.Constant) : Magnitudes(f, target) / size;
            terms.Loss.Span[n] = MathF.Exp(terms.W.Span[n]) * terms.Distance.Span[n] - terms.W.Span[n];
        });
    }

    private static float Magnitudes(ReadOnlySpan<float> f, ReadOnlySpan<float> target)
    {
        double sum = 0;
        for (int i = 0; i < f.Length; i++)
            sum += MathF.Abs(f[i] - target[i]);
        return (float)sum;
    }

    private static void BackwardCpu(CpuDevice cpu, Terms terms, Tensor dloss, GradientSlot df)
    {
        int size = terms.Size;
        cpu.For(terms.F.Shape.N, n =>
        {
            float weight = dloss.Span[n] * MathF.Exp(terms.W.Span[n]);
            float factor = terms.Kind switch
            {
                LossKind.Squared => weight * (2f / size),
                LossKind.Huber => weight * HuberSlope(terms.Error.Span[n], size, terms.Constant),
                _ => weight / size,
            };
            Span<float> buffer = stackalloc float[Block];
            for (int start = 0; start < size; start += Block)
            {
                int length = Math.Min(Block, size - start);
                Span<float> difference = buffer[..length];
                Span<float> gradient = df.Tensor.Span.Slice(n * size + start, length);
                TensorPrimitives.Subtract(terms.F.Span.Slice(n * size + start, length), terms.Target.Span.Slice(n * size + start, length), difference);
                if (terms.Kind == LossKind.Absolute)
                {
                    foreach (ref float each in difference)
                        each = Sign(each);
                }

                if (df.Accumulate)
                    TensorPrimitives.MultiplyAdd(difference, factor, gradient, gradient);
                else
                    TensorPrimitives.Multiply(difference, factor, gradient);
            }
        });
    }

    private static void BackwardWeightCpu(Terms terms, Tensor dloss, GradientSlot dw)
    {
        ReadOnlySpan<float> w = terms.W.Span, distance = terms.Distance.Span;
        for (int n = 0; n < w.Length; n++)
        {
            float contribution = dloss.Span[n] * (MathF.Exp(w[n]) * distance[n] - 1f);
            dw.Tensor.Span[n] = dw.Accumulate ? dw.Tensor.Span[n] + contribution : contribution;
        }
    }
}

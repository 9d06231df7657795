using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One sample an item.</summary>
public static partial class WeightedSquaredError
{
    private static void ForwardCpu(CpuDevice cpu, Tensor f, Tensor target, Tensor w, Tensor loss, Tensor error)
    {
        int size = f.Count / f.Shape.N;
        cpu.For(f.Shape.N, n =>
        {
            float mean = (float)(HostSum.SquaredDifferences(f.Span.Slice(n * size, size), target.Span.Slice(n * size, size)) / size);
            error.Span[n] = mean;
            loss.Span[n] = MathF.Exp(w.Span[n]) * mean - w.Span[n];
        });
    }

    private static void BackwardCpu(CpuDevice cpu, Tensor f, Tensor target, Tensor w, Tensor dloss, GradientSlot df)
    {
        const int block = 1024;
        int size = f.Count / f.Shape.N;
        cpu.For(f.Shape.N, n =>
        {
            float factor = dloss.Span[n] * MathF.Exp(w.Span[n]) * (2f / size);
            Span<float> buffer = stackalloc float[block];
            for (int start = 0; start < size; start += block)
            {
                int length = Math.Min(block, size - start);
                Span<float> difference = buffer[..length];
                Span<float> gradient = df.Tensor.Span.Slice(n * size + start, length);
                TensorPrimitives.Subtract(f.Span.Slice(n * size + start, length), target.Span.Slice(n * size + start, length), difference);
                if (df.Accumulate)
                    TensorPrimitives.MultiplyAdd(difference, factor, gradient, gradient);
                else
                    TensorPrimitives.Multiply(difference, factor, gradient);
            }
        });
    }

    private static void BackwardWeightCpu(Tensor w, Tensor error, Tensor dloss, GradientSlot dw)
    {
        for (int n = 0; n < w.Count; n++)
        {
            float contribution = dloss.Span[n] * (MathF.Exp(w.Span[n]) * error.Span[n] - 1f);
            dw.Tensor.Span[n] = dw.Accumulate ? dw.Tensor.Span[n] + contribution : contribution;
        }
    }
}

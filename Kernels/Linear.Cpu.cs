using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One item per row, or per row of the weight for its gradient.</summary>
public static partial class Linear
{
    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        (int k, int c) = (weight.Shape[0], weight.Shape[1]);
        cpu.For((int)(x.StoredCount / c), row =>
        {
            ReadOnlySpan<float> source = x.Span.Slice(row * c, c), ws = weight.Span;
            Span<float> target = y.Span.Slice(row * k, k);
            for (int j = 0; j < k; j++)
                target[j] = TensorPrimitives.Dot(source, ws.Slice(j * c, c)) + (bias is not null && row < x.Count / c ? bias.Span[j] : 0f);
        });
    }

    private static void InputGradientCpu(CpuDevice cpu, Tensor dy, Tensor weight, GradientSlot dx)
    {
        (int k, int c) = (weight.Shape[0], weight.Shape[1]);
        cpu.For(dy.Count / k, row =>
        {
            ReadOnlySpan<float> source = dy.Span.Slice(row * k, k), ws = weight.Span;
            Span<float> target = dx.Tensor.Span.Slice(row * c, c);
            if (!dx.Accumulate)
                target.Clear();
            for (int j = 0; j < k; j++)
                TensorPrimitives.MultiplyAdd(ws.Slice(j * c, c), source[j], target, target);
        });
    }

    private static void WeightGradientCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dWeight)
    {
        (int k, int c) = (dWeight.Tensor.Shape[0], dWeight.Tensor.Shape[1]);
        cpu.For(k, j =>
        {
            ReadOnlySpan<float> xs = x.Span, dys = dy.Span;
            Span<float> target = dWeight.Tensor.Span.Slice(j * c, c);
            if (!dWeight.Accumulate)
                target.Clear();
            for (int row = 0; row < xs.Length / c; row++)
                TensorPrimitives.MultiplyAdd(xs.Slice(row * c, c), dys[row * k + j], target, target);
        });
    }

    private static void BiasGradientCpu(CpuDevice cpu, Tensor dy, GradientSlot dBias)
    {
        int k = dy.Shape.C;
        cpu.For(k, j =>
        {
            ReadOnlySpan<float> dys = dy.Span;
            double sum = 0;
            for (int i = j; i < dys.Length; i += k)
                sum += dys[i];
            dBias.Tensor.Span[j] = (dBias.Accumulate ? dBias.Tensor.Span[j] : 0f) + (float)sum;
        });
    }
}

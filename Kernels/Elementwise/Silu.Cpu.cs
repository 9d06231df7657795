using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take blocks of <see cref="Block"/> elements, whose logistic values stay in the first-level cache.</summary>
public static partial class Silu
{
    private const int Block = 2048;

    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor y) => cpu.For(x.Count, Block, (start, end) =>
    {
        int length = (int)(end - start);
        ReadOnlySpan<float> primal = x.Span.Slice((int)start, length);
        Span<float> target = y.Span.Slice((int)start, length);
        TensorPrimitives.Sigmoid(primal, target);
        TensorPrimitives.Multiply(primal, target, target);
    });

    private static void TangentCpu(CpuDevice cpu, Tensor x, Tensor y) => cpu.For(x.Count, Block, (start, end) =>
    {
        int length = (int)(end - start);
        Span<float> slope = stackalloc float[Block];
        slope = slope[..length];
        ReadOnlySpan<float> primal = x.Span.Slice((int)start, length);
        Slope(primal, y.Span.Slice((int)start, length), slope);
        TensorPrimitives.Multiply(slope, x.Span.Slice((int)start + x.Count, length), y.Span.Slice((int)start + x.Count, length));
    });

    private static void BackwardCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dx) => cpu.For(x.Count, Block, (start, end) =>
    {
        int length = (int)(end - start);
        Span<float> value = stackalloc float[Block];
        Span<float> slope = stackalloc float[Block];
        slope = slope[..length];
        Slope(x.Span.Slice((int)start, length), value[..length], slope);
        Span<float> target = dx.Tensor.Span.Slice((int)start, length);
        if (dx.Accumulate)
            TensorPrimitives.MultiplyAdd(slope, dy.Span.Slice((int)start, length), target, target);
        else
            TensorPrimitives.Multiply(slope, dy.Span.Slice((int)start, length), target);
    });

    /// <summary>value = x s and slope = s (1 + x (1 - s)) = s + value (1 - s).</summary>
    private static void Slope(ReadOnlySpan<float> x, Span<float> value, Span<float> slope)
    {
        TensorPrimitives.Sigmoid(x, slope);
        TensorPrimitives.Multiply(x, slope, value);
        for (int i = 0; i < slope.Length; i++)
            slope[i] += value[i] * (1f - slope[i]);
    }
}

using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take blocks of rows, of about <see cref="NormGrain"/> elements.</summary>
public static partial class LayerNorm
{
    private const int NormGrain = 16384;

    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        int channels = x.Shape.C;
        cpu.For(x.Count / channels, Math.Max(1, NormGrain / channels), (start, end) =>
        {
            for (int row = (int)start; row < end; row++)
            {
                ReadOnlySpan<float> source = x.Span.Slice(row * channels, channels);
                Span<float> target = y.Span.Slice(row * channels, channels);
                TensorPrimitives.Subtract(source, TensorPrimitives.Sum(source) / channels, target);
                TensorPrimitives.Multiply(target, 1f / MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(target) / channels + epsilon), target);
                TensorPrimitives.MultiplyAdd(target, weight.Span, bias.Span, target);
            }
        });
    }
}

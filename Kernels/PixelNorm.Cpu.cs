using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Pieces of whole rows, of about <see cref="Grain"/> elements each.</summary>
public static partial class PixelNorm
{
    private const int Grain = 16384;

    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor y, float epsilon) => ForRows(cpu, x, (row, channels) =>
    {
        ReadOnlySpan<float> source = x.Span.Slice(row * channels, channels);
        Span<float> target = y.Span.Slice(row * channels, channels);
        float r = ReciprocalRoot(source, epsilon);
        TensorPrimitives.Multiply(source, r, target);
        if (!x.HasTangent)
            return;
        ReadOnlySpan<float> tangent = x.Span.Slice(x.Count + row * channels, channels);
        Span<float> tangentTarget = y.Span.Slice(x.Count + row * channels, channels);
        float projection = TensorPrimitives.Dot(target, tangent) / channels;
        TensorPrimitives.Multiply(tangent, r, tangentTarget);
        TensorPrimitives.MultiplyAdd(target, -r * projection, tangentTarget, tangentTarget);
    });

    private static void BackwardCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dx, float epsilon) =>
        ForRows(cpu, x, (row, channels) =>
        {
            ReadOnlySpan<float> source = x.Span.Slice(row * channels, channels);
            ReadOnlySpan<float> cotangent = dy.Span.Slice(row * channels, channels);
            Span<float> target = dx.Tensor.Span.Slice(row * channels, channels);
            float r = ReciprocalRoot(source, epsilon);
            float projection = r * TensorPrimitives.Dot(source, cotangent) / channels;
            if (dx.Accumulate)
                TensorPrimitives.MultiplyAdd(cotangent, r, target, target);
            else
                TensorPrimitives.Multiply(cotangent, r, target);
            TensorPrimitives.MultiplyAdd(source, -r * r * projection, target, target);
        });

    private static void ForRows(CpuDevice cpu, Tensor x, Action<int, int> body)
    {
        int channels = x.Shape.C;
        cpu.For((long)Rows(x), Math.Max(1, Grain / channels), (start, end) =>
        {
            for (int row = (int)start; row < end; row++)
                body(row, channels);
        });
    }

    private static float ReciprocalRoot(ReadOnlySpan<float> x, float epsilon) =>
        1f / MathF.Sqrt(TensorPrimitives.SumOfSquares(x) / x.Length + epsilon);
}

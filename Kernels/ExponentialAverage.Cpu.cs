using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Pieces that fit the first-level cache together with the difference.</summary>
public static partial class ExponentialAverage
{
    private const int Piece = 2048;

    private static void IntoCpu(CpuDevice cpu, Tensor values, Tensor average, Tensor gain, Tensor verdict)
    {
        if (verdict.Span[1] == 0f)
            return;
        cpu.For(values.Count, 16 * Piece, (start, end) =>
        {
            Span<float> buffer = stackalloc float[Piece];
            for (int i = (int)start; i < end; i += Piece)
            {
                int length = Math.Min(Piece, (int)end - i);
                Span<float> difference = buffer[..length];
                Span<float> target = average.Span.Slice(i, length);
                TensorPrimitives.Subtract(values.Span.Slice(i, length), target, difference);
                TensorPrimitives.MultiplyAdd(difference, gain.Span[0], target, target);
            }
        });
    }
}

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
            Range piece = (int)start..(int)end;
            Move(values.Span[piece], average.Span[piece], gain.Span[0]);
        });
    }

    /// <summary>average += gain (values - average).</summary>
    internal static void Move(ReadOnlySpan<float> values, Span<float> average, float gain)
    {
        Span<float> buffer = stackalloc float[Piece];
        for (int i = 0; i < values.Length; i += Piece)
        {
            int length = Math.Min(Piece, values.Length - i);
            Span<float> difference = buffer[..length], target = average.Slice(i, length);
            TensorPrimitives.Subtract(values.Slice(i, length), target, difference);
            TensorPrimitives.MultiplyAdd(difference, gain, target, target);
        }
    }
}

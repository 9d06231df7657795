using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, loops take blocks that fit the first-level cache together with their differences.</summary>
public static partial class ExponentialAverage
{
    private const int Block = 2048;

    private static void IntoCpu(CpuDevice cpu, Tensor values, Tensor average, Tensor gain, Tensor clip)
    {
        if (clip.Span[1] == 0f)
            return;
        cpu.For(values.Count, 16 * Block, (start, end) =>
        {
            Range block = (int)start..(int)end;
            Move(values.Span[block], average.Span[block], gain.Span[0]);
        });
    }

    /// <summary>average += gain (values - average).</summary>
    internal static void Move(ReadOnlySpan<float> values, Span<float> average, float gain)
    {
        Span<float> buffer = stackalloc float[Block];
        for (int i = 0; i < values.Length; i += Block)
        {
            int length = Math.Min(Block, values.Length - i);
            Span<float> difference = buffer[..length], target = average.Slice(i, length);
            TensorPrimitives.Subtract(values.Slice(i, length), target, difference);
            TensorPrimitives.MultiplyAdd(difference, gain, target, target);
        }
    }
}

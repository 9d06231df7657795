using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, the op is bound by memory, so blocks are large enough to hide the cost of scheduling them.</summary>
public static partial class ScaledAdd
{
    private const int Block = 8192;

    private static void ForwardCpu(CpuDevice cpu, Tensor longer, Tensor shorter, Tensor y, float scale)
    {
        long both = shorter.StoredCount;
        cpu.For(both, Block, (start, end) => TensorPrimitives.AddMultiply(
            longer.Span[(int)start..(int)end], shorter.Span[(int)start..(int)end], scale, y.Span[(int)start..(int)end]));
        cpu.For(y.StoredCount - both, Block, (start, end) => TensorPrimitives.Multiply(
            longer.Span[(int)(both + start)..(int)(both + end)], scale, y.Span[(int)(both + start)..(int)(both + end)]));
    }

    private static void BackwardCpu(CpuDevice cpu, Tensor dy, GradientSlot? da, GradientSlot? db, float scale) =>
        cpu.For(dy.Count, Block, (start, end) =>
        {
            Contribute(dy, da, scale, (int)start, (int)end);
            Contribute(dy, db, scale, (int)start, (int)end);
        });

    private static void Contribute(Tensor dy, GradientSlot? slot, float scale, int start, int end)
    {
        if (slot is not { } dx)
            return;
        Span<float> target = dx.Tensor.Span[start..end];
        if (dx.Accumulate)
            TensorPrimitives.MultiplyAdd(dy.Span[start..end], scale, target, target);
        else
            TensorPrimitives.Multiply(dy.Span[start..end], scale, target);
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take blocks of elements and write only what changes.</summary>
public static partial class Clamp
{
    private const int Block = 16384;

    private static void ForwardCpu(CpuDevice cpu, Tensor x, float bound) => cpu.For(x.Count, Block, (start, end) =>
    {
        Span<float> values = x.Span;
        for (int i = (int)start; i < end; i++)
        {
            if (!(MathF.Abs(values[i]) > bound))
                continue;
            values[i] = MathF.CopySign(bound, values[i]);
            if (x.HasTangent)
                values[i + x.Count] = 0f;
        }
    });

    private static void BackwardCpu(CpuDevice cpu, Tensor x, Tensor dx, float bound) => cpu.For(x.Count, Block, (start, end) =>
    {
        ReadOnlySpan<float> values = x.Span;
        Span<float> gradient = dx.Span;
        for (int i = (int)start; i < end; i++)
            if (MathF.Abs(values[i]) >= bound)
                gradient[i] = 0f;
    });
}

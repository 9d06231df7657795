using TrigFlowNative.Engine;

namespace TrigFlowNative.Extension;

/// <summary>On the host, which has fp32 alone, threads take blocks of <see cref="Block"/> elements.</summary>
public static partial class Softsign
{
    private const int Block = 2048;

    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor y) => cpu.For(x.Count, Block, (start, end) =>
    {
        for (int i = (int)start; i < end; i++)
            y.Span[i] = Value(x.Span[i]);
    });

    private static void TangentCpu(CpuDevice cpu, Tensor x, Tensor y) => cpu.For(x.Count, Block, (start, end) =>
    {
        for (int i = (int)start; i < end; i++)
        {
            y.Span[i] = Value(x.Span[i]);
            y.Span[i + x.Count] = Slope(x.Span[i]) * x.Span[i + x.Count];
        }
    });

    private static void BackwardCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dx) => cpu.For(x.Count, Block, (start, end) =>
    {
        for (int i = (int)start; i < end; i++)
        {
            float contribution = Slope(x.Span[i]) * dy.Span[i];
            dx.Tensor.Span[i] = dx.Accumulate ? dx.Tensor.Span[i] + contribution : contribution;
        }
    });
}

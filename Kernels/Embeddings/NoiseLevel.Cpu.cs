using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take blocks of samples.</summary>
public static partial class NoiseLevel
{
    private const int Block = 256;

    private static void ForwardCpu(CpuDevice cpu, Tensor t, Tensor y, float sigmaData) => cpu.For(t.Count, Block, (start, end) =>
    {
        for (int n = (int)start; n < end; n++)
            y.Span[n] = LevelOf(t.Span[n], sigmaData);
    });
}

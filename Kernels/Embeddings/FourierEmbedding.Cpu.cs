using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take blocks of samples.</summary>
public static partial class FourierEmbedding
{
    private const int Block = 32;

    private static void ForwardCpu(CpuDevice cpu, Tensor a, Tensor frequencies, Tensor phases, Tensor y) => cpu.For(a.Count, Block, (start, end) =>
    {
        ReadOnlySpan<float> f = frequencies.Span, p = phases.Span;
        for (int n = (int)start; n < end; n++)
        {
            float level = a.Span[n];
            Span<float> row = y.Span.Slice(n * f.Length, f.Length);
            for (int i = 0; i < f.Length; i++)
                row[i] = Feature(level, f[i], p[i]);
        }
    });

    private static float Feature(float level, float frequency, float phase)
    {
        const float rootOfTwo = 1.41421356f;
        return rootOfTwo * DeviceMath.SinCos((double)level * frequency + phase).Cos;
    }
}

using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, each item sums one block of gradients; one thread then adds the sums in order.</summary>
public static partial class GradientNorm
{
    private static void SquaresCpu(CpuDevice cpu, Tensor gradients, Tensor partials) => cpu.For(gradients.Count, Block, (start, end) =>
        partials.SpanOf<double>()[(int)(start / Block)] = HostSum.Squares(gradients.Span[(int)start..(int)end]));

    private static void ClipCpu(Tensor partials, Tensor losses, float maxNorm, Tensor clip, Tensor counters)
    {
        double sum = 0;
        foreach (double partial in partials.SpanOf<double>())
            sum += partial;
        float norm = (float)Math.Sqrt(sum);
        float factor = Factor(norm, losses.SpanOf<double>()[2], maxNorm);
        clip.Span[0] = norm;
        clip.Span[1] = factor;
        Span<int> count = counters.SpanOf<int>();
        count[factor == 0f ? 1 : 0]++;
        count[2] = factor == 0f ? count[2] + 1 : 0;
        count[3] = Math.Max(count[3], count[2]);
        losses.SpanOf<double>().Clear();
    }
}

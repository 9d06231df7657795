using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, each item sums one block of gradients; one thread then adds the sums in order.</summary>
public static partial class GradientNorm
{
    private static void SquaresCpu(CpuDevice cpu, Tensor gradients, Tensor partials, Tensor? counts) => cpu.For(gradients.Count, Block, (start, end) =>
    {
        int block = (int)(start / Block);
        ReadOnlySpan<float> values = gradients.Span[(int)start..(int)end];
        if (counts is null)
            partials.SpanOf<double>()[block] = HostSum.Squares(values);
        else
            (partials.SpanOf<double>()[block], counts.SpanOf<double>()[block]) = HostSum.FiniteSquares(values);
    });

    private static void ClipCpu(Tensor partials, Tensor? counts, Tensor losses, float maxNorm, Tensor clip, Tensor counters, Tensor? zeroed)
    {
        double sum = 0;
        foreach (double partial in partials.SpanOf<double>())
            sum += partial;
        float norm = (float)Math.Sqrt(sum);
        Span<double> tally = losses.SpanOf<double>();
        float factor = Factor(norm, tally[1], tally[2], maxNorm, counts is null ? 0 : 1);
        clip.Span[0] = norm;
        clip.Span[1] = factor;
        Span<int> count = counters.SpanOf<int>();
        count[factor == 0f ? 1 : 0]++;
        count[2] = factor == 0f ? count[2] + 1 : 0;
        count[3] = Math.Max(count[3], count[2]);
        tally.Clear();
        if (counts is null)
            return;
        double elements = 0;
        foreach (double each in counts.SpanOf<double>())
            elements += each;
        zeroed!.Span[0] = (float)elements;
    }
}

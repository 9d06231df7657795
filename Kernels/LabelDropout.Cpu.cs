using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>A few labels: one thread.</summary>
public static partial class LabelDropout
{
    private static void ForwardCpu(Tensor labels, Tensor kept, RandomSource random, float rate)
    {
        ReadOnlySpan<int> counter = random.Counter.SpanOf<int>();
        for (int n = 0; n < labels.Count; n++)
        {
            kept.SpanOf<int>()[n] = Draw(
                labels.SpanOf<int>()[n], n, counter[0], counter[1], (int)random.Purpose, (int)random.Key0, (int)random.Key1, rate);
        }
    }
}

namespace TrigFlowNative.Kernels;

/// <summary>On the host, one thread suffices for a few labels.</summary>
public static partial class LabelDropout
{
    private static void ForwardCpu(Tensor labels, Tensor kept, RandomStream stream, Tensor counter, float rate)
    {
        ReadOnlySpan<int> count = counter.SpanOf<int>();
        for (int n = 0; n < labels.Count; n++)
            kept.SpanOf<int>()[n] = Draw(labels.SpanOf<int>()[n], stream, count[0], count[1] + n, rate);
    }
}

namespace TrigFlowNative.Kernels;

/// <summary>A few values a step: one thread.</summary>
public static partial class Tally
{
    private static void IntoCpu(Tensor x, Tensor sums)
    {
        double sum = 0;
        int finite = 0;
        foreach (float value in x.Span)
        {
            if (!float.IsFinite(value))
                continue;
            sum += value;
            finite++;
        }

        Span<double> target = sums.SpanOf<double>();
        target[0] += sum;
        target[1] += finite;
        target[2] += x.Count - finite;
    }
}

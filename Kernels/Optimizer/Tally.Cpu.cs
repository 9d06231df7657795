namespace TrigFlowNative.Kernels;

/// <summary>On the host, one thread suffices for the few values of a step.</summary>
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

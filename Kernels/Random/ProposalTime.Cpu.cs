namespace TrigFlowNative.Kernels;

/// <summary>A few times a step: one thread.</summary>
public static partial class ProposalTime
{
    private static void IntoCpu(Tensor normal, Tensor t, float mean, float std)
    {
        for (int n = 0; n < t.Count; n++)
            t.Span[n] = ArcTanExp(mean + std * normal.Span[n]);
    }
}

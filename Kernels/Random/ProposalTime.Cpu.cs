namespace TrigFlowNative.Kernels;

/// <summary>On the host, one thread suffices for the few times of a step.</summary>
public static partial class ProposalTime
{
    private static void IntoCpu(Tensor normal, Tensor t, float mean, float std)
    {
        for (int n = 0; n < t.Count; n++)
            t.Span[n] = ArcTanExp(mean + std * normal.Span[n]);
    }
}

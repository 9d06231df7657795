using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Rectified Adam (arXiv:1908.03265, Algorithm 2): Adam whose adaptive step is multiplied by
/// sqrt((p_k - 4)(p_k - 2) p / ((p - 4)(p - 2) p_k)) with p = 2 / (1 - b2) - 1 and p_k = p - 2 k b2^k / (1 - b2^k), and which,
/// while p_k is at most 5, takes a momentum step without adaptation: theta -= rate m / (1 - b1^k).
/// </summary>
/// <remarks>
/// The threshold is 5, as in the authors' program and its successors, on which published results rest; the paper has 4.
/// Everything else is as in <see cref="Adam"/>: the place of epsilon, and skipped steps.
/// </remarks>
public static class RAdam
{
    /// <inheritdoc cref="Adam.Into"/>
    public static void Into(ComputeProgram program, AdamSlabs slabs, AdamOptions options, Tensor learningRate, Tensor clip) =>
        Adam.Emit(program, "radam", rectified: 1, slabs, options, learningRate, clip);

    /// <summary>Returns the factor of the adaptive step at step k, given 1 - b2^k; 0 if the step does not adapt.</summary>
    internal static double Rectification(double beta2, double correction2, double k)
    {
        double limit = 2 / (1 - beta2) - 1;
        double length = limit - 2 * k * (1 - correction2) / correction2;
        return length <= 5 ? 0 : Math.Sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length));
    }
}

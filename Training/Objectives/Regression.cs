using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The end that most objectives share: F is regressed on a constant target, each time with the weight that is learned for it.</summary>
public static class Regression
{
    /// <summary>Records the loss of each sample and logs the unweighted error.</summary>
    /// <param name="phase">The phase; its player has the parameters of <see cref="AdaptiveWeight"/>.</param>
    /// <param name="f">F (N, ...), without tangent.</param>
    /// <param name="target">What F is regressed on, of its shape; a constant to the tape.</param>
    /// <param name="t">Times (N), radians.</param>
    /// <param name="options">Which loss.</param>
    public static PhasePass On(PhaseRecorder phase, Tensor f, Tensor target, Tensor t, RegressionOptions options)
    {
        ArgumentNullException.ThrowIfNull(phase);
        ArgumentNullException.ThrowIfNull(options);
        Tensor w = AdaptiveWeight.Apply(phase.Program, phase.Trained.Weights, t);
        Tensor loss = RegressionLoss.Apply(phase.Program, f, target, w, options.Loss, options.HuberConstant, out Tensor error);
        phase.Tally("error", error);
        phase.Name("target", target);
        return new PhasePass(loss);
    }
}

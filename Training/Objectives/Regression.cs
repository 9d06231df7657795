using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The loss that most objectives share: F is regressed on a constant target, with the adaptive weight of each time.</summary>
public static class Regression
{
    /// <summary>Records the loss of each sample and tallies the unweighted error.</summary>
    /// <param name="phase">The phase, whose trained player has the parameters of <see cref="AdaptiveWeight"/>.</param>
    /// <param name="f">F of the trained player (N, ...), without tangent.</param>
    /// <param name="target">Target of the same shape; a constant to the tape.</param>
    /// <param name="t">Times (N), radians.</param>
    /// <param name="options">Kind of the loss and its constants.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or the phase has tallied an error already.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    /// <exception cref="KeyNotFoundException">The player lacks the parameters of <see cref="AdaptiveWeight"/>.</exception>
    public static PhasePass On(PhaseRecorder phase, Tensor f, Tensor target, Tensor t, RegressionOptions options)
    {
        ArgumentNullException.ThrowIfNull(phase);
        ArgumentNullException.ThrowIfNull(options);
        Tensor w = AdaptiveWeight.Apply(phase.Program, phase.Trained, t);
        Tensor loss = RegressionLoss.Apply(phase.Program, f, target, w, options.Loss, options.HuberConstant, out Tensor error);
        phase.Tally(TallyNames.Error, error);
        phase.Name("target", target);
        return new PhasePass(loss);
    }
}

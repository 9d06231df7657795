using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>Settings of <see cref="TrigFlowObjective"/>; the defaults are those of CIFAR-10 in arXiv:2410.11081, appendix G.2.</summary>
public sealed record TrigFlowOptions : RegressionOptions
{
    /// <summary>
    /// Probability in [0, 1] that a label is hidden, so that the network also learns the unconditional prediction that guidance needs. Without
    /// effect if there are no labels.
    /// </summary>
    public float LabelDropout { get; init; } = 0.1f;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(LabelDropout is >= 0 and <= 1, $"label_dropout must be 0 to 1, not {LabelDropout}");
    }

    /// <inheritdoc/>
    public override Objective Create() => new TrigFlowObjective(this);
}

/// <summary>
/// TrigFlow's diffusion loss, e^w(t) / D ||F_theta(x_t / sigma_d, t) - v_t / sigma_d||^2 - w(t) (arXiv:2410.11081, eq. 3 with the
/// weighting of section 4.2).
/// </summary>
/// <remarks>
/// The paper's error is sigma_d F - v_t. Here it is divided by sigma_d: the target then has unit variance, so that the initial
/// w = 0 is already of the right size. The two forms differ by the constant 2 ln sigma_d in w.
/// </remarks>
public sealed class TrigFlowObjective(TrigFlowOptions options) : Objective
{
    /// <inheritdoc/>
    public override ModelKind Makes => ModelKind.Diffusion;

    /// <inheritdoc/>
    public override PhasePass Record(PhaseRecorder phase)
    {
        ArgumentNullException.ThrowIfNull(phase);
        (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
        NoisyBatch noisy = NoisyBatch.Draw(phase, options.Times);
        Tensor x = program.Allocate(batch.Images.Shape), target = program.Allocate(batch.Images.Shape);
        noisy.SampleInto(program, 1 / batch.SigmaData, x);
        noisy.VelocityInto(program, 1 / batch.SigmaData, target);
        Tensor? labels = batch.Labels is { } given && options.LabelDropout > 0
            ? LabelDropout.Apply(program, given, batch.Random.For(RandomPurpose.LabelDropout), options.LabelDropout)
            : batch.Labels;
        Tensor f = phase.Trained.F(program, x, new NetworkConditions(noisy.T, labels), phase.Dropout);
        phase.Name("f", f);
        return Regression.On(phase, f, target, noisy.T, options);
    }
}

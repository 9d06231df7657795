using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Extension;

/// <summary>Numbers of <see cref="UniformTimeObjective"/>.</summary>
public sealed record UniformTimeOptions : RegressionOptions
{
    /// <summary>The largest time drawn, radians in (0, pi/2].</summary>
    public float MaxTime { get; init; } = MathF.PI / 2;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(MaxTime is > 0 and <= MathF.PI / 2, $"max_time is above 0 and at most pi/2, not {MaxTime}");
    }

    /// <inheritdoc/>
    public override Objective Create() => new UniformTimeObjective(this);
}

/// <summary>An objective: the velocity is regressed at times drawn uniformly, and the mean time is logged in a column of its own.</summary>
public sealed class UniformTimeObjective(UniformTimeOptions options) : Objective
{
    /// <inheritdoc/>
    public override ModelKind Makes => ModelKind.Diffusion;

    /// <inheritdoc/>
    public override PhasePass Record(PhaseRecorder phase)
    {
        ArgumentNullException.ThrowIfNull(phase);
        (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
        NoisyBatch noisy = NoisyBatch.Draw(phase, new UniformTimes(options.MaxTime));
        Tensor x = program.Allocate(batch.Images.Shape), target = program.Allocate(batch.Images.Shape);
        noisy.SampleInto(program, 1 / batch.SigmaData, x);
        noisy.VelocityInto(program, 1 / batch.SigmaData, target);
        Tensor f = phase.Trained.F(program, x, new NetworkConditions(noisy.T, batch.Labels), phase.Dropout);
        phase.Tally("time", noisy.T);
        return Regression.On(phase, f, target, noisy.T, options);
    }
}

/// <summary>Times that are uniform in [0, max).</summary>
/// <param name="Max">Radians, in (0, pi/2].</param>
public sealed record UniformTimes(float Max) : TimeSampler
{
    /// <inheritdoc/>
    protected override void DrawInto(ComputeProgram program, PhaseBatch batch, Tensor t)
    {
        ArgumentNullException.ThrowIfNull(batch);
        RandomUniform.Into(program, t, batch.Random.For(RandomPurpose.Time), Max);
    }
}

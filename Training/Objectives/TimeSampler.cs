using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>How the time of each sample is drawn, t in radians in [0, pi/2].</summary>
public abstract record TimeSampler
{
    /// <summary>Records the draw of a time for each image of a batch, (N).</summary>
    public Tensor Draw(ComputeProgram program, PhaseBatch batch)
    {
        Tensor t = program.Allocate(batch.PerImage);
        DrawInto(program, batch, t);
        return t;
    }

    /// <summary>Records the draw into a tensor (N).</summary>
    protected abstract void DrawInto(ComputeProgram program, PhaseBatch batch, Tensor t);
}

/// <summary>ln(sigma_data tan t) is normal (arXiv:2410.11081, Algorithm 1).</summary>
/// <param name="Mean">Mean of ln sigma.</param>
/// <param name="Deviation">Standard deviation of ln sigma; not negative.</param>
public sealed record LogNormalTimes(float Mean, float Deviation) : TimeSampler
{
    /// <inheritdoc/>
    protected override void DrawInto(ComputeProgram program, PhaseBatch batch, Tensor t)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ProposalTime.Into(program, t, batch.Random.For(RandomPurpose.Time), Mean, Deviation, batch.SigmaData);
    }
}

/// <summary>Every sample has the same time, as where a network maps noise to images in one call.</summary>
/// <param name="Time">Radians, in (0, pi/2].</param>
public sealed record FixedTime(float Time) : TimeSampler
{
    /// <inheritdoc/>
    protected override void DrawInto(ComputeProgram program, PhaseBatch batch, Tensor t)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(t);
        Copy.Into(program, program.Constant(t.Shape, Time), t);
    }
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>Distribution of the samples' times t, in radians in [0, pi/2].</summary>
public abstract record TimeSampler
{
    /// <summary>Records the draw of a time for each image of a batch; returns (N) fp32.</summary>
    /// <exception cref="ArgumentException">A setting of the distribution is out of range.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    public Tensor Draw(ComputeProgram program, PhaseBatch batch)
    {
        Tensor t = program.Allocate(batch.PerImage);
        DrawInto(program, batch, t);
        return t;
    }

    /// <summary>Records the draw into a tensor (N).</summary>
    /// <exception cref="ArgumentException">The tensor is not (N) fp32, or a setting of the distribution is out of range.</exception>
    protected abstract void DrawInto(ComputeProgram program, PhaseBatch batch, Tensor t);
}

/// <summary>Times for which ln(sigma_data tan t) is normally distributed (arXiv:2410.11081, Algorithm 1).</summary>
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

/// <summary>The same time for every sample, for networks that map noise to images in one evaluation.</summary>
/// <param name="Time">The time in radians, in (0, pi/2].</param>
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

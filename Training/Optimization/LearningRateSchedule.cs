namespace TrigFlowNative.Training.Optimization;

/// <summary>
/// A learning rate over the steps: rises linearly to its peak, then is constant or falls with the inverse square root,
/// peak min(1, k / WarmUpSteps) / sqrt(max(1, k / DecayAfterSteps)) at the k-th step (arXiv:2312.02696, appendix B.2).
/// </summary>
public sealed record LearningRateSchedule
{
    /// <summary>The peak; positive.</summary>
    public double Peak { get; init; } = 1e-3;

    /// <summary>Steps of the linear rise; 0 for none.</summary>
    public long WarmUpSteps { get; init; }

    /// <summary>Steps, counted from the start, after which the rate falls with the inverse square root; 0 for a constant rate.</summary>
    public long DecayAfterSteps { get; init; }

    /// <summary>The rate at a step counted from 0.</summary>
    public double At(long step)
    {
        double k = step + 1;
        double rise = WarmUpSteps > 0 ? Math.Min(1, k / WarmUpSteps) : 1;
        double fall = DecayAfterSteps > 0 ? Math.Sqrt(Math.Max(1, k / DecayAfterSteps)) : 1;
        return Peak * rise / fall;
    }

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        if (!(Peak is > 0 and < double.PositiveInfinity) || WarmUpSteps < 0 || DecayAfterSteps < 0)
            throw new ArgumentException($"a learning rate has a positive peak and no negative number of steps: {this}");
    }
}

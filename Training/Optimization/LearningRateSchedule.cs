namespace TrigFlowNative.Training.Optimization;

/// <summary>
/// Learning rate as a function of the training step: it rises linearly to its peak, then stays or falls with the inverse square root.
/// At the k-th step it is peak min(1, k / WarmUpSteps) / sqrt(max(1, k / DecayAfterSteps)) (arXiv:2312.02696, appendix B.2).
/// All its lengths are in training steps, not images.
/// </summary>
public sealed record LearningRateSchedule
{
    /// <summary>Highest learning rate; positive.</summary>
    public double Peak { get; init; } = 1e-3;

    /// <summary>Training steps of the linear rise; 0 for none.</summary>
    public long WarmUpSteps { get; init; }

    /// <summary>Training steps from the start after which the rate falls with the inverse square root; 0 for a constant rate.</summary>
    public long DecayAfterSteps { get; init; }

    /// <summary>Returns the learning rate of a training step.</summary>
    /// <param name="step">Number of the training step, from 0.</param>
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
        if (!(Peak is > 0 and < double.PositiveInfinity))
            throw new ArgumentException($"peak of the learning rate must be positive, not {Peak}");
        if (WarmUpSteps < 0)
            throw new ArgumentException($"warm_up_steps must not be negative, but is {WarmUpSteps}");
        if (DecayAfterSteps < 0)
            throw new ArgumentException($"decay_after_steps must not be negative, but is {DecayAfterSteps}");
    }
}

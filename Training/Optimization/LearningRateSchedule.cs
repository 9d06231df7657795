namespace TrigFlowNative.Training.Optimization;

/// <summary>
/// Learning rate as a function of progress: it rises linearly to its peak, then stays or falls with the inverse square root
/// (arXiv:2312.02696, appendix B.2). Each of the two lengths is given in training steps or in images, not both.
/// </summary>
/// <remarks>
/// In steps, at the k-th step, from 1: peak min(1, k / WarmUpSteps) / sqrt(max(1, k / DecayAfterSteps)). In images, before the step that follows n images:
/// peak min(1, n / WarmUpImages) / sqrt(max(1, n / DecayAfterImages)), which is the law of EDM2's program with its t_ref times the batch as
/// DecayAfterImages. There the first step has n = 0, so that with WarmUpImages its rate is 0: it only fills the moments.
/// </remarks>
public sealed record LearningRateSchedule
{
    /// <summary>Highest learning rate; positive.</summary>
    public double Peak { get; init; } = 1e-3;

    /// <summary>Training steps of the linear rise; 0 for none.</summary>
    public long WarmUpSteps { get; init; }

    /// <summary>Training steps from the start after which the rate falls with the inverse square root; 0 for a constant rate.</summary>
    public long DecayAfterSteps { get; init; }

    /// <summary>Images of the linear rise, which begins at 0; 0 for none.</summary>
    public long WarmUpImages { get; init; }

    /// <summary>Images from the start after which the rate falls with the inverse square root; 0 for none.</summary>
    public long DecayAfterImages { get; init; }

    /// <summary>Returns the learning rate of a training step.</summary>
    /// <param name="step">Number of the training step, from 0.</param>
    /// <param name="batch">Images in a training step; positive.</param>
    public double At(long step, int batch)
    {
        double k = step + 1, n = (double)step * batch;
        double rise = WarmUpSteps > 0 ? k / WarmUpSteps : WarmUpImages > 0 ? n / WarmUpImages : 1;
        double fall = DecayAfterSteps > 0 ? k / DecayAfterSteps : DecayAfterImages > 0 ? n / DecayAfterImages : 1;
        return Peak * Math.Min(1, rise) / Math.Sqrt(Math.Max(1, fall));
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
        if (WarmUpImages < 0 || (WarmUpImages > 0 && WarmUpSteps > 0))
            throw new ArgumentException($"warm_up_images must not be negative, and 0 if there are warm_up_steps, but is {WarmUpImages}");
        if (DecayAfterImages < 0 || (DecayAfterImages > 0 && DecayAfterSteps > 0))
            throw new ArgumentException($"decay_after_images must not be negative, and 0 if there are decay_after_steps, but is {DecayAfterImages}");
    }
}

namespace TrigFlowNative.Training.Averages;

/// <summary>Which moving averages of the weights are kept.</summary>
public sealed record AverageOptions
{
    /// <summary>Half-life of the average that is sampled from, in images; positive.</summary>
    public double HalfLifeImages { get; init; } = 500_000;

    /// <summary>The half-life is at most this share of the images seen; null for no ramp-up.</summary>
    public double? RampUp { get; init; } = 0.05;

    /// <summary>
    /// Whether power-function averages of relative widths 0.05 and 0.10 are kept too, from which averages of other widths are
    /// reconstructed after the training (arXiv:2312.02696, section 3.2). Costs two copies of the weights.
    /// </summary>
    public bool PowerFunction { get; init; }

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        if (!(HalfLifeImages is > 0 and < double.PositiveInfinity) || RampUp is { } share && !(share > 0))
            throw new ArgumentException($"an average has a positive half-life and ramp-up: {this}");
    }
}

namespace TrigFlowNative.Training.Averages;

/// <summary>Settings of the moving averages of the weights.</summary>
public sealed record AverageOptions
{
    /// <summary>Half-life of the average to sample from, in images; positive.</summary>
    public double HalfLifeImages { get; init; } = 500_000;

    /// <summary>Upper bound of the half-life as a share of the images seen so far; positive, or null for no ramp-up.</summary>
    public double? RampUp { get; init; } = 0.05;

    /// <summary>Relative widths of the power-function averages that a training keeps (arXiv:2312.02696, section 3.2).</summary>
    public static IReadOnlyList<double> Widths { get; } = [0.05, 0.10];

    /// <summary>
    /// Whether to keep power-function averages of relative widths 0.05 and 0.10 too. Averages of other widths can be reconstructed
    /// from them after training (arXiv:2312.02696, section 3.2). They cost two more copies of the weights.
    /// </summary>
    public bool PowerFunction { get; init; }

    /// <summary>
    /// Relative width of the power-function average that is the training's result, one of <see cref="Widths"/>; null for the half-life average, which is kept
    /// only in that case.
    /// </summary>
    public double? ResultWidth { get; init; }

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        if (!(HalfLifeImages is > 0 and < double.PositiveInfinity))
            throw new ArgumentException($"half_life_images must be positive, not {HalfLifeImages}");
        if (RampUp is { } share && !(share > 0))
            throw new ArgumentException($"ramp_up must be positive or null, not {share}");
        if (ResultWidth is { } width && (!PowerFunction || !Widths.Contains(width)))
            throw new ArgumentException($"result_width must be null, or {string.Join(" or ", Widths)} with power_function=true, not {width}");
    }
}

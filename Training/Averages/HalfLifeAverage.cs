namespace TrigFlowNative.Training.Averages;

/// <summary>
/// Exponential moving average with a half-life counted in images, which a ramp-up shortens at the start so that the initial
/// weights are soon forgotten (arXiv:2206.00364, appendix F.2; training loop of EDM).
/// </summary>
/// <param name="HalfLife">Images after which a weight's share has halved; positive.</param>
/// <param name="RampUp">The half-life is at most this share of the images seen so far; null for no ramp-up.</param>
public sealed record HalfLifeAverage(double HalfLife, double? RampUp = 0.05)
{
    /// <summary>The factor beta in average = beta average + (1 - beta) weights, for one step.</summary>
    /// <param name="seen">Images seen before the step; at 0 with a ramp-up the average takes the weights: beta is 0.</param>
    /// <param name="batch">Images in the step.</param>
    public double Beta(double seen, double batch)
    {
        double halfLife = RampUp is { } share ? Math.Min(HalfLife, seen * share) : HalfLife;
        return halfLife <= 0 ? 0 : Math.Pow(0.5, batch / halfLife);
    }
}

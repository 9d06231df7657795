namespace TrigFlowNative.Training.Averages;

/// <summary>
/// Exponential moving average with a half-life in images. A ramp-up shortens the half-life at the start, so that the average
/// soon forgets the initial weights (arXiv:2206.00364, appendix F.2; training loop of EDM).
/// </summary>
/// <param name="HalfLifeImages">Half-life in images: the number after which the share of earlier weights has halved; positive.</param>
/// <param name="RampUp">Upper bound of the half-life as a share of the images seen so far; positive, or null for no ramp-up.</param>
public sealed record HalfLifeAverage(double HalfLifeImages, double? RampUp = 0.05)
{
    /// <summary>Returns beta in average = beta average + (1 - beta) weights, for one training step.</summary>
    /// <param name="seen">Images seen before the step. At 0 with a ramp-up, beta is 0: the average takes over the weights.</param>
    /// <param name="batch">Images in the step; positive.</param>
    public double Beta(double seen, double batch)
    {
        double halfLife = RampUp is { } share ? Math.Min(HalfLifeImages, seen * share) : HalfLifeImages;
        return halfLife <= 0 ? 0 : Math.Pow(0.5, batch / halfLife);
    }
}

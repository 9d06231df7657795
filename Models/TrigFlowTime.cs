namespace TrigFlowNative.Models;

/// <summary>
/// Time in TrigFlow is an angle in radians: x_t = cos(t) x_0 + sin(t) z with z ~ N(0, sigma_data^2), t in [0, pi/2]. Divided by cos(t),
/// x_t is x_0 plus noise of deviation sigma = sigma_data tan(t), the noise level of EDM (arXiv:2410.11081, section 3.1).
/// </summary>
public static class TrigFlowTime
{
    /// <summary>EDM's minimum and maximum noise level (arXiv:2206.00364, table 1).</summary>
    public const double SigmaMin = 0.002, SigmaMax = 80;

    /// <summary>The angle of a noise level: t = arctan(sigma / sigma_data).</summary>
    public static double FromSigma(double sigma, double sigmaData) => Math.Atan(sigma / sigmaData);

    /// <summary>The first time of sampling: arctan(80 / sigma_data), 1.56454 for 0.5.</summary>
    public static double Max(double sigmaData) => FromSigma(SigmaMax, sigmaData);

    /// <summary>
    /// Falling times for a solver, in radians: EDM's noise levels with rho = 7 (arXiv:2206.00364, eq. 5) as angles. The last is that of
    /// <see cref="SigmaMin"/>, from which the solver steps to 0.
    /// </summary>
    /// <param name="steps">Number of times, at least 1; a single one is <see cref="Max"/>.</param>
    /// <param name="sigmaData">Standard deviation of the data, in the data's unit; positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps is below 1.</exception>
    public static double[] KarrasGrid(int steps, double sigmaData)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        const double Rho = 7;
        double first = Math.Pow(SigmaMax, 1 / Rho), last = Math.Pow(SigmaMin, 1 / Rho);
        return [.. Enumerable.Range(0, steps).Select(i =>
            FromSigma(Math.Pow(first + (steps == 1 ? 0 : i / (steps - 1.0)) * (last - first), Rho), sigmaData))];
    }
}

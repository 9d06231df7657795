namespace TrigFlowNative.Models;

/// <summary>
/// Time in TrigFlow is an angle: x_t = cos(t) x_0 + sin(t) z with z ~ N(0, sigma_data^2), t in [0, pi/2]. Divided by cos(t) that
/// is x_0 plus noise of deviation sigma = sigma_data tan(t), the noise level of EDM (arXiv:2410.11081, section 3.1).
/// </summary>
public static class TrigFlowTime
{
    /// <summary>EDM's smallest and largest noise level (arXiv:2206.00364, table 1).</summary>
    public const double SigmaMin = 0.002, SigmaMax = 80;

    /// <summary>The angle of a noise level: t = arctan(sigma / sigma_data).</summary>
    public static double FromSigma(double sigma, double sigmaData) => Math.Atan(sigma / sigmaData);

    /// <summary>Where sampling starts: arctan(80 / sigma_data), 1.56454 for 0.5.</summary>
    public static double Max(double sigmaData) => FromSigma(SigmaMax, sigmaData);

    /// <summary>
    /// Falling times for a solver: EDM's noise levels with rho = 7 (arXiv:2206.00364, eq. 5) as angles, the last of them that of
    /// <see cref="SigmaMin"/>; the solver's last step then goes to 0.
    /// </summary>
    /// <param name="steps">Number of times, at least 1; a single one is <see cref="Max"/>.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    public static double[] KarrasGrid(int steps, double sigmaData)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        const double Rho = 7;
        double first = Math.Pow(SigmaMax, 1 / Rho), last = Math.Pow(SigmaMin, 1 / Rho);
        return [.. Enumerable.Range(0, steps).Select(i =>
            FromSigma(Math.Pow(first + (steps == 1 ? 0 : i / (steps - 1.0)) * (last - first), Rho), sigmaData))];
    }
}

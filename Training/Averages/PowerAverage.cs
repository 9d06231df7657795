namespace TrigFlowNative.Training.Averages;

/// <summary>
/// Power-function moving average (arXiv:2312.02696, section 3): at time t, the weights of an earlier time tau count with
/// (gamma + 1) tau^gamma / t^(gamma + 1). The average's width is thus a fixed share of the training's length, and the initial
/// weights have no part in it.
/// </summary>
/// <param name="Gamma">Exponent, at least 0; a larger one makes the average shorter.</param>
public sealed record PowerAverage(double Gamma)
{
    /// <summary>Largest relative width: that of gamma = 0, the plain mean.</summary>
    public static readonly double MaxWidth = Math.Sqrt(1.0 / 12);

    /// <summary>Relative width: the standard deviation of the weighting as a share of t (eq. 3 of the paper).</summary>
    public double Width => Math.Sqrt((Gamma + 1) / ((Gamma + 2) * (Gamma + 2) * (Gamma + 3)));

    /// <summary>
    /// Finds the average with relative width w: its gamma is the largest root of gamma^3 + 7 gamma^2 + (16 - w^-2) gamma + 12 - w^-2.
    /// </summary>
    /// <param name="width">Relative width (sigma_rel in the paper), such as 0.05 or 0.10; in (0, <see cref="MaxWidth"/>].</param>
    /// <exception cref="ArgumentOutOfRangeException">The width is not in its range.</exception>
    public static PowerAverage OfWidth(double width)
    {
        if (!(width > 0 && width <= MaxWidth))
            throw new ArgumentOutOfRangeException(nameof(width), width, $"a relative width must be in (0, {MaxWidth:F4}]");

        // The cubic is (gamma + 2)^2 (gamma + 3) - w^-2 (gamma + 1). From gamma = 0 on, the width falls as gamma grows, and is below
        // 1 / (gamma + 2), so the root lies in [0, 1 / w). Bisection down to two neighbouring numbers takes 60 iterations.
        double low = 0, high = 1 / width;
        for (double middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2)
            (low, high) = new PowerAverage(middle).Width >= width ? (middle, high) : (low, middle);
        return new PowerAverage(low);
    }

    /// <summary>Returns beta in average = beta average + (1 - beta) weights: (1 - dt / t)^(gamma + 1) (eq. 2 of the paper).</summary>
    /// <param name="time">Time at the end of the step, in images or steps; positive.</param>
    /// <param name="step">Length of the step in the same unit; at most <paramref name="time"/>. In the first step both are equal and beta is 0.</param>
    public double Beta(double time, double step) => Math.Pow(1 - step / time, Gamma + 1);
}

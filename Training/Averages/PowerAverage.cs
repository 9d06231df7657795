namespace TrigFlowNative.Training.Averages;

/// <summary>
/// Power-function moving average (arXiv:2312.02696, section 3): the weights of time tau count with (gamma + 1) tau^gamma /
/// t^(gamma + 1) up to the current time t, so the average's width is a fixed share of the training's length and the initial
/// weights have no part in it.
/// </summary>
/// <param name="Gamma">Exponent; the larger, the shorter the average. Positive.</param>
public sealed record PowerAverage(double Gamma)
{
    /// <summary>The largest relative width: that of gamma = 0, the plain mean.</summary>
    public static readonly double MaxWidth = Math.Sqrt(1.0 / 12);

    /// <summary>The average's relative width, the standard deviation of its weighting as a share of t (eq. 3 of the paper).</summary>
    public double Width => Math.Sqrt((Gamma + 1) / ((Gamma + 2) * (Gamma + 2) * (Gamma + 3)));

    /// <summary>
    /// The average of a relative width: gamma is the largest root of gamma^3 + 7 gamma^2 + (16 - w^-2) gamma + 12 - w^-2.
    /// </summary>
    /// <param name="width">sigma_rel, such as 0.05 or 0.10; in (0, <see cref="MaxWidth"/>].</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no average of that width.</exception>
    public static PowerAverage OfWidth(double width)
    {
        if (!(width > 0 && width <= MaxWidth))
            throw new ArgumentOutOfRangeException(nameof(width), width, $"a relative width is in (0, {MaxWidth:F4}]");

        // The cubic is (gamma + 2)^2 (gamma + 3) - w^-2 (gamma + 1). Width falls as gamma grows, from gamma = 0 on, and is below
        // 1 / (gamma + 2), so the root lies in [0, 1 / w); halving the interval until it is two neighbouring numbers takes 60 steps.
        double low = 0, high = 1 / width;
        for (double middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2)
            (low, high) = new PowerAverage(middle).Width >= width ? (middle, high) : (low, middle);
        return new PowerAverage(low);
    }

    /// <summary>The factor beta in average = beta average + (1 - beta) weights: (1 - dt / t)^(gamma + 1) (eq. 2 of the paper).</summary>
    /// <param name="time">Time at the end of the step, in images or steps; positive.</param>
    /// <param name="step">Length of the step in the same unit; at most the time. The first step takes the weights: beta is 0.</param>
    public double Beta(double time, double step) => Math.Pow(1 - step / time, Gamma + 1);
}

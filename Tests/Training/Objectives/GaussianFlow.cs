namespace TrigFlowNative.Tests.Training;

/// <summary>
/// TrigFlow in closed form for data x_0 ~ N(Mean, Std^2) in each pixel: x_t is normal with mean cos t Mean and variance
/// V = cos^2 t Std^2 + sin^2 t SigmaData^2, so the best F and the consistency function are linear in x_t.
/// </summary>
internal sealed record GaussianFlow(double Mean, double Std, double SigmaData)
{
    /// <summary>F* = E[v_t | x_t] / SigmaData as scale and shift of u = x_t / SigmaData.</summary>
    public (double Scale, double Shift) Diffusion(double t)
    {
        // E[v_t | x_t] = Cov(v, x) / V (x_t - cos t Mean) - sin t Mean, Cov(v, x) = cos t sin t (SigmaData^2 - Std^2).
        double scale = Math.Cos(t) * Math.Sin(t) * (SigmaData * SigmaData - Std * Std) / Variance(t);
        return (scale, -(scale * Math.Cos(t) + Math.Sin(t)) * Mean / SigmaData);
    }

    /// <summary>The F whose f = cos t x_t - sin t SigmaData F is the ODE's end, Mean + Std (x_t - cos t Mean) / sqrt(V).</summary>
    public (double Scale, double Shift) Consistency(double t)
    {
        double shrink = Std / Math.Sqrt(Variance(t));
        return ((Math.Cos(t) - shrink) / Math.Sin(t), -Mean * (1 - shrink * Math.Cos(t)) / (Math.Sin(t) * SigmaData));
    }

    /// <summary>Images drawn from the data.</summary>
    public float[] Images(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
            (float)(Mean + Std * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    private double Variance(double t) =>
        Math.Pow(Math.Cos(t) * Std, 2) + Math.Pow(Math.Sin(t) * SigmaData, 2);
}

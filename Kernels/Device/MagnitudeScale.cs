namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// N(x) = x / (n + epsilon) of a row with the root mean square n: N(x) = <see cref="R"/> x, and its derivative along v is R v - x <see cref="Weight"/> mean(x v),
/// with R = 1 / (n + epsilon) and Weight = R^2 / n. In a row of zeros the second term is 0.
/// </summary>
internal struct MagnitudeScale
{
    public float R;
    public float Weight;

    /// <summary>The identity: N(x) = x.</summary>
    public static MagnitudeScale None
    {
        get
        {
            MagnitudeScale result;
            result.R = 1f;
            result.Weight = 0f;
            return result;
        }
    }

    /// <summary>The norm of a row with a mean square.</summary>
    public static MagnitudeScale Of(float meanSquare, float epsilon)
    {
        float root = MathF.Sqrt(meanSquare);
        MagnitudeScale result;
        result.R = 1f / (root + epsilon);
        result.Weight = root > 0f ? result.R * result.R * (1f / root) : 0f;
        return result;
    }
}

namespace TrigFlowNative.Kernels;

/// <summary>
/// The arithmetic that host loops and GPU kernels share. For each group and image every value is affine in d = x - pivot. The pivot is the group's
/// first element, so that d keeps the digits of x if the mean is large against the deviation. One pass then gives the variance, E[d^2] - E[d]^2, with
/// a loss of (E[d] / deviation)^2 roundings, which is of order 1 and at most the number of elements.
/// </summary>
public static partial class GroupNorm
{
    /// <summary>Extents and switches in the form that kernels take: an even number of 4-byte fields.</summary>
    internal struct Extents(Tensor x, int channels, Tensor? modulation, int groups, bool silu, float epsilon)
    {
        public int Images = x.Shape.N;
        public int Pixels = x.Shape.H * x.Shape.W;
        public int Channels = channels;
        public int Groups = groups;
        public int GroupChannels = channels / groups;
        public int Silu = silu ? 1 : 0;
        public int Modulated = modulation is null ? 0 : 1;
        public int Tangent = x.HasTangent ? 1 : 0;
        public int ModulationTangent = modulation is { HasTangent: true } ? 1 : 0;
        public float Epsilon = epsilon;
    }

    /// <summary>z = d Rho + Offset; the fields are the planes of the statistics tensor in order. The last two exist only with a tangent.</summary>
    internal struct GroupStatistics
    {
        public float Pivot;
        public float Rho;
        public float Offset;

        /// <summary>mean(tx).</summary>
        public float TangentMean;

        /// <summary>mean(z tx).</summary>
        public float TangentProjection;
    }

    /// <summary>The factors and terms that apply to a channel of an image.</summary>
    internal struct ChannelWeights
    {
        public float Weight;
        public float Bias;
        public float Scale;
        public float Shift;
        public float TangentScale;
        public float TangentShift;
    }

    /// <summary>h = A d + B; th = A tx + E d + F, or dx = A dh + E d + F.</summary>
    internal struct Affine
    {
        public float Pivot;
        public float A;
        public float B;
        public float E;
        public float F;
    }

    /// <summary>Computes the statistics from the sums over a group.</summary>
    private static GroupStatistics StatisticsFrom(float pivot, Sums sums, int count, float epsilon)
    {
        float mean = sums.D / count;
        float variance = sums.DD / count - mean * mean;
        float rho = 1f / MathF.Sqrt((variance < 0f ? 0f : variance) + epsilon);
        float tangentMean = sums.T / count;
        return new GroupStatistics
        {
            Pivot = pivot,
            Rho = rho,
            Offset = -mean * rho,
            TangentMean = tangentMean,
            TangentProjection = rho * (sums.DT / count - mean * tangentMean),
        };
    }

    private static Affine ForwardAffine(GroupStatistics s, ChannelWeights c)
    {
        float a = s.Rho * c.Weight * c.Scale;
        float projected = c.Weight * c.TangentScale - a * s.TangentProjection;
        return new Affine
        {
            Pivot = s.Pivot,
            A = a,
            B = s.Offset * (c.Weight * c.Scale) + (c.Bias * c.Scale + c.Shift),
            E = projected * s.Rho,
            F = projected * s.Offset + (c.Bias * c.TangentScale + c.TangentShift) - a * s.TangentMean,
        };
    }

    /// <param name="s">Statistics of the group.</param>
    /// <param name="c">Weights of the channel.</param>
    /// <param name="mean">mean(dz) over the group.</param>
    /// <param name="projection">mean(z dz) over the group.</param>
    private static Affine BackwardAffine(GroupStatistics s, ChannelWeights c, float mean, float projection)
    {
        Affine k = ForwardAffine(s, c);
        k.E = -s.Rho * s.Rho * projection;
        k.F = -s.Rho * (mean + s.Offset * projection);
        return k;
    }
}

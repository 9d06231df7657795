using TrigFlowNative.Kernels;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Weight normalisation by float64 loops, written from the formulas and element by element.</summary>
internal static class WeightNormReference
{
    private const double Epsilon = 1e-4;

    /// <summary>w / (n + epsilon) for every row; what is in no part stays as it is.</summary>
    public static double[] Forced(double[] values, IReadOnlyList<WeightNormPart> parts)
    {
        double[] forced = [.. values];
        foreach ((WeightNormPart part, int start) in Rows(parts))
        {
            double n = Norm(values, part, start);
            for (int c = 0; c < part.Columns; c++)
                forced[start + c] = values[start + c] / (n + Epsilon);
        }

        return forced;
    }

    /// <summary>The compute weights; NaN in no part.</summary>
    public static double[] Compute(double[] values, IReadOnlyList<WeightNormPart> parts)
    {
        double[] compute = [.. Enumerable.Repeat(double.NaN, values.Length)];
        foreach ((WeightNormPart part, int start) in Rows(parts))
        {
            double n = Norm(values, part, start), gain = part.Gain < 0 ? 1 : values[part.Gain];
            for (int c = 0; c < part.Columns; c++)
                compute[start + c] = values[start + c] / (n + Epsilon) * Scale(part, c) * gain;
        }

        return compute;
    }

    /// <summary>Gradients by master weights and gains of sum(G compute); G itself in no part. Without its radial part, what it would be if norms were constants.</summary>
    public static double[] Gradient(double[] values, double[] g, IReadOnlyList<WeightNormPart> parts, bool radial = true)
    {
        double[] gradient = [.. g];
        foreach (int gain in parts.Select(part => part.Gain).Where(gain => gain >= 0))
            gradient[gain] = 0;
        foreach ((WeightNormPart part, int start) in Rows(parts))
        {
            double n = Norm(values, part, start), gain = part.Gain < 0 ? 1 : values[part.Gain], along = 0;
            for (int c = 0; c < part.Columns; c++)
                along += g[start + c] * Scale(part, c) * values[start + c];
            for (int c = 0; c < part.Columns; c++)
            {
                double ofNorm = n == 0 || !radial ? 0 : values[start + c] * along / (part.Columns * n * (n + Epsilon));
                gradient[start + c] = gain / (n + Epsilon) * (g[start + c] * Scale(part, c) - ofNorm);
            }

            if (part.Gain >= 0)
                gradient[part.Gain] += along / (n + Epsilon);
        }

        return gradient;
    }

    /// <summary>Places of a slab that belong to no part.</summary>
    public static IEnumerable<int> Gaps(int count, IReadOnlyList<WeightNormPart> parts) =>
        Enumerable.Range(0, count).Where(i => !parts.Any(part => i >= part.Start && i < part.Start + part.Rows * part.Columns));

    private static double Scale(WeightNormPart part, int column) =>
        part.SplitChannel is { } split && column % (part.Columns / part.Taps) >= split ? part.SplitScale : part.Scale;

    private static double Norm(double[] values, WeightNormPart part, int start) =>
        Math.Sqrt(values.AsSpan(start, part.Columns).ToArray().Average(w => w * w));

    private static IEnumerable<(WeightNormPart Part, int Start)> Rows(IEnumerable<WeightNormPart> parts) =>
        parts.SelectMany(part => Enumerable.Range(0, part.Rows).Select(row => (part, part.Start + row * part.Columns)));
}

using TrigFlowNative.Training.Evaluation;

namespace TrigFlowNative.Tests.Training;

/// <summary>Distances by their definitions, in plain loops over float64, with every convention as an argument.</summary>
internal static class SlowDistances
{
    /// <summary>Features like pooled activations: never negative, correlated, many of them zero.</summary>
    public static FeatureRows Features(int count, int width, int seed, double shift = 0)
    {
        var mixing = new Random(1);
        double[] mix = [.. Enumerable.Range(0, width * width).Select(_ => (mixing.NextDouble() - 0.5) * 2 / Math.Sqrt(width))];
        var random = new Random(seed);
        float[] values = new float[count * width];
        for (int n = 0; n < count; n++)
        {
            double[] z = [.. Enumerable.Range(0, width).Select(_ => random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5)];
            for (int j = 0; j < width; j++)
                values[n * width + j] = (float)Math.Max(0, 0.45 + shift + Enumerable.Range(0, width).Sum(k => z[k] * mix[k * width + j]));
        }

        return new FeatureRows(values, count, width);
    }

    public static (double[] Mean, double[,] Covariance) Moments(FeatureRows rows, int lessOne = 1)
    {
        double[] mean = [.. Enumerable.Range(0, rows.Width).Select(j => Enumerable.Range(0, rows.Count).Average(n => (double)rows[n][j]))];
        var covariance = new double[rows.Width, rows.Width];
        for (int i = 0; i < rows.Width; i++)
            for (int j = 0; j < rows.Width; j++)
                covariance[i, j] = Enumerable.Range(0, rows.Count).Sum(n => (rows[n][i] - mean[i]) * (rows[n][j] - mean[j])) / (rows.Count - lessOne);
        return (mean, covariance);
    }

    /// <summary>By the symmetric root of S1 and the eigenvalues of root S2 root, from Jacobi's rotations.</summary>
    public static double Frechet(FeatureRows a, FeatureRows b, int lessOne = 1, double offset = 0)
    {
        (double[] m1, double[,] s1) = Moments(a, lessOne);
        (double[] m2, double[,] s2) = Moments(b, lessOne);
        double distance = m1.Zip(m2, (x, y) => (x - y) * (x - y)).Sum() + Enumerable.Range(0, m1.Length).Sum(i => s1[i, i] + s2[i, i]);
        for (int i = 0; i < m1.Length; i++)
        {
            s1[i, i] += offset;
            s2[i, i] += offset;
        }

        double[,] root = SlowAlgebra.Root(s1);
        return distance - 2 * SlowAlgebra.Eigen(SlowAlgebra.Multiply(SlowAlgebra.Multiply(root, s2), root)).Values.Sum(value => Math.Sqrt(Math.Max(0, value)));
    }

    public static double Kernel(FeatureRows x, FeatureRows y, bool biased = false)
    {
        double Mean(FeatureRows p, FeatureRows q, bool without)
        {
            double sum = 0;
            for (int i = 0; i < p.Count; i++)
                for (int j = 0; j < q.Count; j++)
                    if (!without || i != j)
                        sum += Math.Pow(Dot(p[i], q[j]) / p.Width + 1, 3);
            return sum / ((double)p.Count * (without ? q.Count - 1 : q.Count));
        }

        return Mean(x, x, !biased) + Mean(y, y, !biased) - 2 * Mean(x, y, false);
    }

    public static double[] Radii(FeatureRows rows, int k) => [.. Enumerable.Range(0, rows.Count).Select(i =>
        Enumerable.Range(0, rows.Count).Where(j => j != i).Select(j => Squared(rows[i], rows[j])).Order().ElementAt(k - 1))];

    public static Neighbourhoods Neighbours(FeatureRows real, FeatureRows judged, int k, bool strictly = false)
    {
        double[] ofReal = Radii(real, k), ofJudged = Radii(judged, k);
        bool Inside(double distance, double radius) => strictly ? distance < radius : distance <= radius;
        bool Real(int i, int j) => Inside(Squared(real[i], judged[j]), ofReal[i]);
        int[] all = [.. Enumerable.Range(0, real.Count)], fakes = [.. Enumerable.Range(0, judged.Count)];
        return new Neighbourhoods(
            k,
            fakes.Count(j => all.Any(i => Real(i, j))) / (double)judged.Count,
            all.Count(i => fakes.Any(j => Inside(Squared(real[i], judged[j]), ofJudged[j]))) / (double)real.Count,
            fakes.Sum(j => all.Count(i => Real(i, j))) / ((double)k * judged.Count),
            all.Count(i => fakes.Any(j => Real(i, j))) / (double)real.Count);
    }

    public static double Squared(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
        return sum;
    }

    private static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += (double)x[i] * y[i];
        return sum;
    }
}

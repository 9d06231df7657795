using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Kernel distance (KID with Inception's features; Binkowski et al., arXiv:1801.01401): the unbiased squared maximum mean discrepancy with the kernel
/// (x y / d + 1)^3. 0 on average for equal distributions, and slightly negative then half of the time. Tables often print it times 1000; this is not.
/// </summary>
public static class KernelDistance
{
    /// <summary>Subsets, their size, and the seed of torch-fidelity, whose draws these are.</summary>
    public const int Subsets = 100, SubsetSize = 1000, Seed = 2020;

    private const int RowsAtATime = 1024;

    /// <summary>Mean and population deviation over random subsets, each drawn without replacement.</summary>
    /// <param name="reference">Features of real images.</param>
    /// <param name="judged">Features of the images to judge.</param>
    /// <param name="subsets">Number of subsets, at least 1.</param>
    /// <param name="size">Images of a subset of either side, at least 2; all if there are fewer.</param>
    /// <param name="seed">Seed of the draws: for each subset one of the reference and one of the judged, in this order, by NumPy's RandomState.choice.</param>
    /// <exception cref="ArgumentException">The widths differ, there are too few images, or a number is out of range.</exception>
    public static (double Mean, double Deviation) OverSubsets(FeatureRows reference, FeatureRows judged, int subsets = Subsets, int size = SubsetSize, uint seed = Seed)
    {
        FeatureRows.RequirePair("kernel distance", reference, judged, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(subsets, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 2);
        int taken = Math.Min(size, Math.Min(reference.Count, judged.Count));
        if (taken == reference.Count && taken == judged.Count)
            return (Between(reference, judged), 0); // every subset is the whole, in another order
        var random = new NumpyRandom(seed);
        double[] values = new double[subsets];
        for (int i = 0; i < subsets; i++)
        {
            int[] first = random.Choice(reference.Count, taken);
            values[i] = Between(reference.Take(first), judged.Take(random.Choice(judged.Count, taken)));
        }

        double mean = TensorPrimitives.Average<double>(values);
        return (mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / subsets));
    }

    /// <summary>The distance of all images of either side, without random numbers; the sides may differ in number.</summary>
    /// <exception cref="ArgumentException">The widths differ, or there are fewer than two images.</exception>
    public static double Between(FeatureRows reference, FeatureRows judged)
    {
        FeatureRows.RequirePair("kernel distance", reference, judged, 2);
        double n = reference.Count, m = judged.Count;
        return 2 * Sum(reference, reference) / (n * (n - 1)) + 2 * Sum(judged, judged) / (m * (m - 1)) - 2 * Sum(reference, judged) / (n * m);
    }

    /// <summary>The sum of the kernel over all pairs; of a set with itself over all pairs of different rows, once each.</summary>
    private static double Sum(FeatureRows x, FeatureRows y)
    {
        bool same = ReferenceEquals(x, y);
        double[] kernel = new double[RowsAtATime * RowsAtATime], sums = new double[RowsAtATime];
        double total = 0;
        for (int i = 0; i < x.Count; i += RowsAtATime)
        {
            MatrixView<double> rows = Doubles(x, i);
            for (int j = 0; j < (same ? i + rows.Rows : y.Count); j += RowsAtATime)
            {
                MatrixView<double> columns = same && i == j ? rows : Doubles(y, j);
                bool triangle = same && i == j;
                int width = columns.Rows;
                Array.Clear(kernel);
                MatrixProduct.Add(1, rows, columns.Transposed, MatrixView<double>.Of(kernel, rows.Rows, width), triangle);
                Threads.For(rows.Rows, row =>
                {
                    Span<double> values = kernel.AsSpan(row * width, triangle ? row : width);
                    TensorPrimitives.Divide(values, x.Width, values);
                    TensorPrimitives.Add(values, 1.0, values);
                    double sum = 0;
                    foreach (double value in values)
                        sum += value * value * value;
                    sums[row] = sum;
                });
                total += TensorPrimitives.Sum<double>(sums.AsSpan(0, rows.Rows));
            }
        }

        return total;
    }

    private static MatrixView<double> Doubles(FeatureRows rows, int first)
    {
        int count = Math.Min(RowsAtATime, rows.Count - first);
        double[] values = new double[count * rows.Width];
        TensorPrimitives.ConvertTruncating<float, double>(rows.Values.AsSpan(first * rows.Width, values.Length), values);
        return MatrixView<double>.Of(values, count, rows.Width);
    }
}

using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Sliced Wasserstein-1 distance: both sets are projected onto random unit directions, and the mean absolute difference of the
/// sorted projections is averaged over the directions (Rabin et al. 2011, "Wasserstein barycenter and its application to
/// texture mixing"; with patches of a Laplacian pyramid as in arXiv:1710.10196, section 5).
/// </summary>
public static class SlicedWasserstein
{
    /// <summary>Measures the distance between two sets with the same number of vectors, in the unit of the vectors; 0 for equal sets.</summary>
    /// <param name="a">First set (N, <paramref name="dimensions"/>), one vector per row.</param>
    /// <param name="b">Second set, of the same shape.</param>
    /// <param name="dimensions">Elements of a vector, at least 1.</param>
    /// <param name="directions">Number of random directions, at least 1.</param>
    /// <param name="seed">Seed of the directions; equal seeds give equal results.</param>
    /// <exception cref="ArgumentException">The sets are empty, differ in size, or are not a whole number of rows.</exception>
    public static double Distance(float[] a, float[] b, int dimensions, int directions = 512, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Length != b.Length || a.Length == 0 || a.Length % dimensions != 0)
            throw new ArgumentException($"sliced Wasserstein: {a.Length} and {b.Length} numbers are not two equal sets of rows of {dimensions}");
        double[] distances = new double[directions];
        Parallel.For(0, directions, d =>
        {
            float[] direction = UnitDirection(dimensions, HashCode(seed, d));
            float[] first = SortedProjections(a, direction);
            float[] second = SortedProjections(b, direction);
            double sum = 0;
            for (int i = 0; i < first.Length; i++)
                sum += Math.Abs((double)first[i] - second[i]);
            distances[d] = sum / first.Length;
        });
        return distances.Average();
    }

    private static int HashCode(int seed, int direction) => unchecked((seed * 1_000_003) ^ (direction * 7919));

    private static float[] SortedProjections(float[] rows, float[] direction)
    {
        float[] projections = new float[rows.Length / direction.Length];
        for (int i = 0; i < projections.Length; i++)
            projections[i] = TensorPrimitives.Dot(rows.AsSpan(i * direction.Length, direction.Length), direction);
        Array.Sort(projections);
        return projections;
    }

    private static float[] UnitDirection(int dimensions, int seed)
    {
        var random = new Random(seed);
        float[] direction = new float[dimensions];
        for (int i = 0; i < dimensions; i++)
            direction[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        TensorPrimitives.Divide(direction, TensorPrimitives.Norm(direction), direction);
        return direction;
    }
}


namespace TrigFlowNative.Training.Averages;

/// <summary>A stored average: which one it is, and when it was stored.</summary>
/// <param name="Average">The power-function average tracked.</param>
/// <param name="Time">The time at which it was stored, in images or steps; positive.</param>
public sealed record AverageSnapshot(PowerAverage Average, double Time);

/// <summary>
/// Averages of any width after the training (arXiv:2312.02696, section 3.2 and appendix C): the linear combination of stored
/// snapshots whose weighting of the training's history is nearest, in least squares, to that of the average wanted.
/// </summary>
public static class PostHocAverage
{
    /// <summary>Directions of the normal equations below this share of the largest are rounding, and left out.</summary>
    private const double RankTolerance = 1e-12;

    /// <summary>The factors to sum the snapshots with.</summary>
    /// <param name="snapshots">Stored averages; usually those of two widths at many times.</param>
    /// <param name="wanted">The average wanted, and the time at which it would have been stored.</param>
    /// <returns>One factor for each snapshot; they sum to about 1.</returns>
    /// <exception cref="ArgumentException">There is no snapshot, or a time is not positive.</exception>
    public static double[] Factors(IReadOnlyList<AverageSnapshot> snapshots, AverageSnapshot wanted)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(wanted);
        if (snapshots.Count == 0 || snapshots.Append(wanted).Any(snapshot => !(snapshot.Time > 0)))
            throw new ArgumentException("post-hoc average: there are no snapshots, or one has no positive time");

        // Scaled to unit diagonal, so that the tolerance means the same for early and late snapshots.
        double[] scale = [.. snapshots.Select(snapshot => 1 / Math.Sqrt(Product(snapshot, snapshot)))];
        double[,] matrix = new double[snapshots.Count, snapshots.Count];
        double[] right = new double[snapshots.Count];
        for (int i = 0; i < snapshots.Count; i++)
        {
            right[i] = scale[i] * Product(snapshots[i], wanted);
            for (int j = 0; j < snapshots.Count; j++)
                matrix[i, j] = scale[i] * scale[j] * Product(snapshots[i], snapshots[j]);
        }

        return [.. SolveSemidefinite(matrix, right).Zip(scale, (factor, unit) => factor * unit)];
    }

    /// <summary>
    /// The inner product of two weightings, over [0, min(a, b)] where neither is 0: the integral of (ga + 1) tau^ga / a^(ga + 1)
    /// (gb + 1) tau^gb / b^(gb + 1), which is (ga + 1)(gb + 1) / (ga + gb + 1) (min / max)^g / max with the g of the later one.
    /// </summary>
    internal static double Product(AverageSnapshot a, AverageSnapshot b)
    {
        (AverageSnapshot early, AverageSnapshot late) = a.Time <= b.Time ? (a, b) : (b, a);
        double ga = a.Average.Gamma, gb = b.Average.Gamma;
        return (ga + 1) * (gb + 1) / (ga + gb + 1) * Math.Pow(early.Time / late.Time, late.Average.Gamma) / late.Time;
    }

    /// <summary>
    /// Solves a symmetric positive semidefinite system of unit diagonal by Cholesky's method, the largest pivot first; unknowns
    /// whose pivot is only rounding get 0.
    /// </summary>
    private static double[] SolveSemidefinite(double[,] matrix, double[] right)
    {
        int n = right.Length, rank = 0;
        int[] order = [.. Enumerable.Range(0, n)];
        double[,] lower = new double[n, n];
        double[] pivots = [.. Enumerable.Repeat(1.0, n)];
        for (; rank < n; rank++)
        {
            int largest = Enumerable.Range(rank, n - rank).MaxBy(i => pivots[order[i]]);
            (order[rank], order[largest]) = (order[largest], order[rank]);
            int row = order[rank];
            if (pivots[row] < RankTolerance)
                break;
            lower[row, rank] = Math.Sqrt(pivots[row]);
            foreach (int other in order[(rank + 1)..])
            {
                double sum = matrix[other, row];
                for (int k = 0; k < rank; k++)
                    sum -= lower[other, k] * lower[row, k];
                lower[other, rank] = sum / lower[row, rank];
                pivots[other] -= lower[other, rank] * lower[other, rank];
            }
        }

        double[] solution = new double[n];
        for (int i = 0; i < rank; i++)
        {
            double sum = right[order[i]];
            for (int k = 0; k < i; k++)
                sum -= lower[order[i], k] * solution[order[k]];
            solution[order[i]] = sum / lower[order[i], i];
        }

        for (int i = rank - 1; i >= 0; i--)
        {
            double sum = solution[order[i]];
            for (int k = i + 1; k < rank; k++)
                sum -= lower[order[k], i] * solution[order[k]];
            solution[order[i]] = sum / lower[order[i], i];
        }

        return solution;
    }
}

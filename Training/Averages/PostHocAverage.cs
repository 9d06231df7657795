
namespace TrigFlowNative.Training.Averages;

/// <summary>A stored power-function average and the time at which it was stored.</summary>
/// <param name="Average">The average.</param>
/// <param name="Time">When it was stored, in images or steps, in the same unit for all snapshots; positive.</param>
public sealed record AverageSnapshot(PowerAverage Average, double Time);

/// <summary>
/// Reconstructs averages of any width after training (arXiv:2312.02696, section 3.2 and appendix C), as the linear combination of
/// stored snapshots whose weighting of the training's history is closest, in least squares, to that of the wanted average.
/// </summary>
public static class PostHocAverage
{
    /// <summary>A smaller pivot of the normal equations, as a share of the largest, is only rounding: its unknown is left out.</summary>
    private const double RankTolerance = 1e-12;

    /// <summary>Calculates the factors of the snapshots in the linear combination, divided by their sum, so that equal weights stay as they are.</summary>
    /// <param name="snapshots">Stored averages, usually of two widths at many times.</param>
    /// <param name="wanted">The wanted average, and the time at which it would have been stored.</param>
    /// <returns>One factor for each snapshot; they sum to 1. If the wanted average is among the snapshots, it alone has a factor.</returns>
    /// <exception cref="ArgumentException">There is no snapshot, a time is not positive, or no snapshot has a part in the wanted average.</exception>
    public static double[] Factors(IReadOnlyList<AverageSnapshot> snapshots, AverageSnapshot wanted)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(wanted);
        if (snapshots.Count == 0 || snapshots.Append(wanted).Any(snapshot => !(snapshot.Time > 0)))
            throw new ArgumentException("post-hoc average: there is no snapshot, or a time is not positive");

        int same = snapshots.Index().Where(each => each.Item == wanted).Select(each => each.Index).FirstOrDefault(-1);
        if (same >= 0)
            return [.. snapshots.Select((_, i) => i == same ? 1.0 : 0)];

        // The matrix is scaled to unit diagonal, so that the tolerance means the same for early and late snapshots.
        double[] scale = [.. snapshots.Select(snapshot => 1 / Math.Sqrt(Product(snapshot, snapshot)))];
        double[,] matrix = new double[snapshots.Count, snapshots.Count];
        double[] right = new double[snapshots.Count];
        for (int i = 0; i < snapshots.Count; i++)
        {
            right[i] = scale[i] * Product(snapshots[i], wanted);
            for (int j = 0; j < snapshots.Count; j++)
                matrix[i, j] = scale[i] * scale[j] * Product(snapshots[i], snapshots[j]);
        }

        double[] factors = [.. SolveSemidefinite(matrix, right).Zip(scale, (factor, unit) => factor * unit)];
        double sum = factors.Sum();
        return sum > 0
            ? [.. factors.Select(factor => factor / sum)]
            : throw new ArgumentException("post-hoc average: the snapshots have no part in the wanted average");
    }

    /// <summary>
    /// Returns how far the weighting of a linear combination is from that of the wanted average: the norm of the difference as a share of the wanted one's.
    /// </summary>
    /// <param name="snapshots">Stored averages.</param>
    /// <param name="factors">A factor for each, as of <see cref="Factors"/>.</param>
    /// <param name="wanted">The wanted average.</param>
    public static double Error(IReadOnlyList<AverageSnapshot> snapshots, IReadOnlyList<double> factors, AverageSnapshot wanted)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(factors);
        ArgumentNullException.ThrowIfNull(wanted);
        double whole = Product(wanted, wanted), square = whole;
        for (int i = 0; i < snapshots.Count; i++)
        {
            if (factors[i] == 0)
                continue;
            square -= 2 * factors[i] * Product(snapshots[i], wanted);
            for (int j = 0; j < snapshots.Count; j++)
                square += factors[i] * factors[j] * Product(snapshots[i], snapshots[j]);
        }

        return Math.Sqrt(Math.Max(0, square) / whole);
    }

    /// <summary>
    /// Returns the inner product of two weightings: the integral over [0, min(a, b)] of (ga + 1) tau^ga / a^(ga + 1)
    /// (gb + 1) tau^gb / b^(gb + 1). It is (ga + 1)(gb + 1) / (ga + gb + 1) (min / max)^g / max, with the g of the later snapshot.
    /// </summary>
    internal static double Product(AverageSnapshot a, AverageSnapshot b)
    {
        (AverageSnapshot early, AverageSnapshot late) = a.Time <= b.Time ? (a, b) : (b, a);
        double ga = a.Average.Gamma, gb = b.Average.Gamma;
        return (ga + 1) * (gb + 1) / (ga + gb + 1) * Math.Pow(early.Time / late.Time, late.Average.Gamma) / late.Time;
    }

    /// <summary>
    /// Solves a symmetric positive semidefinite system of unit diagonal by Cholesky's method, with the largest pivot first.
    /// Unknowns whose pivot is only rounding are set to 0.
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

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Squared distances from each row to its k-th nearest other row of the same set. They are exact: what <see cref="ExactDistance"/> gives in float64, for the row that is
/// the k-th by these distances. A row equal to another has a neighbour at distance 0.
/// </summary>
/// <remarks>
/// A strip of rows is multiplied with all of them in float32, whose error has a bound (<see cref="DistanceStrips"/>). Rows that the bound does not exclude are the
/// candidates, a few more than k, and only their distances are computed in float64. The matrix of all distances never exists.
/// </remarks>
internal static class NeighbourRadii
{
    /// <summary>The radii of each of some k: result[i][row] belongs to <paramref name="neighbours"/>[i].</summary>
    /// <param name="rows">The set.</param>
    /// <param name="neighbours">The k, each at least 1 and less than the number of rows.</param>
    /// <exception cref="ArgumentException">There are too few rows, or numbers that are too large or not finite.</exception>
    public static double[][] Of(FeatureRows rows, params ReadOnlySpan<int> neighbours)
    {
        int[] wanted = neighbours.ToArray();
        int most = wanted.Max();
        if (wanted.Min() < 1 || most >= rows.Count)
            throw new ArgumentException($"nearest neighbours: {rows.Count} images are too few for the {most} nearest others");
        double[][] radii = [.. wanted.Select(_ => new double[rows.Count])];
        DistanceStrips.For(rows, rows, (int row, in DistanceEstimates estimates) =>
        {
            double[] nearest = Nearest(rows, row, estimates, most);
            for (int i = 0; i < wanted.Length; i++)
                radii[i][row] = nearest[wanted[i] - 1];
        });
        return radii;
    }

    /// <summary>The squared distances of the k nearest other rows, in rising order.</summary>
    private static double[] Nearest(FeatureRows rows, int row, in DistanceEstimates estimates, int k)
    {
        double[] best = new double[k];
        Array.Fill(best, double.PositiveInfinity);
        for (int j = 0; j < rows.Count; j++)
            if (j != row)
                Insert(best, estimates.AtMost(j));
        double bound = best[^1];
        Array.Fill(best, double.PositiveInfinity);
        for (int j = 0; j < rows.Count; j++)
            if (j != row && estimates.AtLeast(j) <= bound)
                Insert(best, ExactDistance.Squared(rows[row], rows[j]));
        return best;
    }

    /// <summary>Puts a value among the smallest, which are in rising order.</summary>
    internal static void Insert(double[] best, double value)
    {
        int place = best.Length - 1;
        if (value >= best[place])
            return;
        for (; place > 0 && best[place - 1] > value; place--)
            best[place] = best[place - 1];
        best[place] = value;
    }
}

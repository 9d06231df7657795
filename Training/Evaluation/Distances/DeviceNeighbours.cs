using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Neighbours with the products on a device. The device excludes nearly all pairs (<see cref="PairFinder"/>); the distances of the others are computed in float64 on the
/// host, so that the numbers are those of <see cref="NeighbourSearch.Host"/>, bit for bit.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="tile">Rows of a tile.</param>
/// <param name="capacity">Most pairs that are listed of one tile.</param>
internal sealed class DeviceNeighbours(ComputeDevice device, int tile = PairFinder.UsualTile, int capacity = PairFinder.UsualCapacity) : NeighbourSearch
{
    /// <summary>
    /// Rows among which a first bound of the distance to the k-th neighbour is looked for, on the host: of n rows about k n / 4096 lie within it.
    /// </summary>
    private const int Sample = 4096;

    public override double[][] Radii(FeatureRows rows, int[] neighbours)
    {
        int most = neighbours.Max();
        if (neighbours.Min() < 1 || most >= rows.Count)
            return Host.Radii(rows, neighbours); // which says why it refuses
        double[] bounds = FirstBounds(rows, most);
        var nearest = new double[rows.Count][];
        for (int i = 0; i < nearest.Length; i++)
        {
            nearest[i] = new double[most];
            Array.Fill(nearest[i], double.PositiveInfinity);
        }

        using var finder = new PairFinder(device, rows.Width, tile, capacity);
        finder.Find(rows, rows, bounds, bounds, half: true, pairs => Exactly(rows, rows, pairs, InsertBoth), (i, count, j, others) => All(rows, rows, i, count, j, others, InsertBoth));
        return [.. neighbours.Select(k => nearest.Select(each => each[k - 1]).ToArray())];

        // Of two tiles that are the same the upper triangle is enough, and in all others i is the smaller number.
        void InsertBoth(int i, int j, double distance)
        {
            if (i >= j)
                return;
            Insert(i, distance);
            Insert(j, distance);
        }

        // Pairs of one row may come to several threads at once.
        void Insert(int i, double distance)
        {
            lock (nearest[i])
                NeighbourRadii.Insert(nearest[i], distance);
        }
    }

    public override BallCounts[] Count(FeatureRows real, FeatureRows judged, double[][] realRadii, double[][] judgedRadii)
    {
        BallCounts[] counts = BallCounts.None(real, judged, realRadii.Length);
        double[] ofReal = [.. Enumerable.Range(0, real.Count).Select(i => realRadii.Max(each => each[i]))], ofJudged = [.. Enumerable.Range(0, judged.Count).Select(j => judgedRadii.Max(each => each[j]))];
        using var finder = new PairFinder(device, real.Width, tile, capacity);
        finder.Find(real, judged, ofReal, ofJudged, half: false, pairs => Exactly(real, judged, pairs, Add), (i, count, j, others) => All(real, judged, i, count, j, others, Add));
        return counts;

        void Add(int i, int j, double distance)
        {
            for (int k = 0; k < counts.Length; k++)
                counts[k].Include(i, j, distance <= realRadii[k][i], distance <= judgedRadii[k][j]);
        }
    }

    /// <summary>For each row an upper bound of its squared distance to the k-th nearest other row: the k-th smallest one to rows spread over the set.</summary>
    private static double[] FirstBounds(FeatureRows rows, int k)
    {
        int taken = Math.Min(rows.Count, Sample);
        int[] chosen = [.. Enumerable.Range(0, taken).Select(i => (int)((long)i * rows.Count / taken))];
        double[] bounds = new double[rows.Count];
        DistanceStrips.For(rows, rows.Take(chosen), (int row, in DistanceEstimates estimates) =>
        {
            double[] best = new double[k];
            Array.Fill(best, double.PositiveInfinity);
            for (int j = 0; j < chosen.Length; j++)
                if (chosen[j] != row)
                    NeighbourRadii.Insert(best, estimates.AtMost(j));
            bounds[row] = best[^1];
        });
        return bounds;
    }

    private static void Exactly(FeatureRows x, FeatureRows y, ReadOnlySpan<(int Left, int Right)> pairs, Action<int, int, double> take)
    {
        (int Left, int Right)[] all = pairs.ToArray();
        const int block = 1024;
        Threads.For((all.Length + block - 1) / block, part =>
        {
            foreach ((int i, int j) in all.AsSpan(part * block, Math.Min(block, all.Length - part * block)))
                take(i, j, ExactDistance.Squared(x[i], y[j]));
        });
    }

    private static void All(FeatureRows x, FeatureRows y, int first, int count, int firstOther, int others, Action<int, int, double> take) => Threads.For(count, i =>
    {
        for (int j = 0; j < others; j++)
            take(first + i, firstOther + j, ExactDistance.Squared(x[first + i], y[firstOther + j]));
    });
}

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Which points of either set lie in the balls of the other, whose radii are <see cref="NeighbourRadii"/>. Counts are exact against float64.</summary>
/// <param name="RealBallsAround">For each judged point, how many balls of real points contain it.</param>
/// <param name="RealBallHit">For each real point, whether its ball contains a judged point.</param>
/// <param name="InJudgedBall">For each real point, whether a ball of a judged point contains it.</param>
internal sealed record BallCounts(int[] RealBallsAround, bool[] RealBallHit, bool[] InJudgedBall)
{
    /// <summary>Counts, for several numbers of neighbours in one pass.</summary>
    /// <param name="real">The real set.</param>
    /// <param name="judged">The judged set.</param>
    /// <param name="realRadii">Squared radii of the real points, for each number of neighbours.</param>
    /// <param name="judgedRadii">Squared radii of the judged points, likewise.</param>
    /// <param name="strictly">Whether a point on the border is outside; by default it is inside.</param>
    public static BallCounts[] Of(FeatureRows real, FeatureRows judged, double[][] realRadii, double[][] judgedRadii, bool strictly = false)
    {
        BallCounts[] counts = None(real, judged, realRadii.Length);
        DistanceStrips.For(real, judged, (int row, in DistanceEstimates estimates) =>
        {
            for (int k = 0; k < counts.Length; k++)
            {
                double own = realRadii[k][row];
                for (int j = 0; j < judged.Count; j++)
                {
                    double least = estimates.AtLeast(j), most = estimates.AtMost(j), other = judgedRadii[k][j];
                    if (least > own && least > other)
                        continue;
                    bool close = Uncertain(own) || Uncertain(other);
                    double distance = close ? ExactDistance.Squared(real[row], judged[j]) : estimates.Estimate(j);
                    counts[k].Include(row, j, strictly ? distance < own : distance <= own, strictly ? distance < other : distance <= other);

                    bool Uncertain(double radius) => least <= radius && radius <= most;
                }
            }
        });
        return counts;
    }

    /// <summary>Counts of sets in which no point has been found in a ball yet, for several numbers of neighbours.</summary>
    public static BallCounts[] None(FeatureRows real, FeatureRows judged, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => new BallCounts(new int[judged.Count], new bool[real.Count], new bool[real.Count]))];

    /// <summary>Counts a pair; several threads may, each pair once.</summary>
    /// <param name="real">Number of the real point.</param>
    /// <param name="judged">Number of the judged point.</param>
    /// <param name="inRealBall">Whether the judged point lies in the real one's ball.</param>
    /// <param name="inJudgedBall">Whether the real point lies in the judged one's ball.</param>
    public void Include(int real, int judged, bool inRealBall, bool inJudgedBall)
    {
        if (inRealBall)
        {
            RealBallHit[real] = true;
            Interlocked.Increment(ref RealBallsAround[judged]);
        }

        if (inJudgedBall)
            InJudgedBall[real] = true;
    }
}

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// How far generated images lie among real ones, and real ones among generated ones, by balls around each point that reach to its k-th nearest other point of its set.
/// </summary>
/// <remarks>
/// <para>Improved precision and recall (Kynkäänniemi et al., arXiv:1904.06991), k = 3: the share of generated points in some real ball, and of real points in some
/// generated ball. From 0 to 1, larger is better.</para>
/// <para>Density and coverage (Naeem et al., arXiv:2002.09797), k = 5: over k, how many real balls contain a generated point, on average, which may exceed 1; and the share
/// of real balls that contain a generated point.</para>
/// <para>A point on the border of a ball is inside; squared distances are compared, in float64. The program of the second paper has it outside: then
/// <c>strictly</c> is true. This matters only for copies, and for sets that have points in common.</para>
/// </remarks>
/// <param name="Neighbours">The k.</param>
/// <param name="Precision">Share of generated points in some real ball.</param>
/// <param name="Recall">Share of real points in some generated ball.</param>
/// <param name="Density">Mean number of real balls that contain a generated point, over k.</param>
/// <param name="Coverage">Share of real balls that contain a generated point.</param>
public sealed record Neighbourhoods(int Neighbours, double Precision, double Recall, double Density, double Coverage)
{
    /// <summary>The usual k of precision and recall, and of density and coverage.</summary>
    public const int PrecisionNeighbours = 3, DensityNeighbours = 5;

    /// <summary>Measures all four for each of some k, in one pass over the pairs.</summary>
    /// <param name="real">Features of real images.</param>
    /// <param name="judged">Features of the images to judge.</param>
    /// <param name="strictly">Whether a point on the border of a ball is outside.</param>
    /// <param name="neighbours">The k, each at least 1 and less than the numbers of images.</param>
    /// <exception cref="ArgumentException">The widths differ, there are too few images, or features are not finite.</exception>
    public static IReadOnlyList<Neighbourhoods> Of(FeatureRows real, FeatureRows judged, bool strictly, params ReadOnlySpan<int> neighbours)
    {
        int[] wanted = neighbours.ToArray();
        FeatureRows.RequirePair("nearest neighbours", real, judged, wanted.Max() + 1);
        return Of(BallCounts.Of(real, judged, NeighbourRadii.Of(real, wanted), NeighbourRadii.Of(judged, wanted), strictly), wanted);
    }

    /// <summary>The shares that follow from counts, of each k in turn.</summary>
    internal static IReadOnlyList<Neighbourhoods> Of(BallCounts[] counts, int[] wanted) => [.. counts.Zip(wanted, (each, k) => new Neighbourhoods(
        k,
        Share(each.RealBallsAround.Count(balls => balls > 0), each.RealBallsAround.Length),
        Share(each.InJudgedBall.Count(inside => inside), each.InJudgedBall.Length),
        each.RealBallsAround.Sum(balls => (long)balls) / ((double)k * each.RealBallsAround.Length),
        Share(each.RealBallHit.Count(hit => hit), each.RealBallHit.Length)))];

    private static double Share(int count, int all) => (double)count / all;
}

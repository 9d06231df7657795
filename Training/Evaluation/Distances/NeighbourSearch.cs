namespace TrigFlowNative.Training.Evaluation;

/// <summary>Finds nearest neighbours and counts who lies in whose ball, on the host or on a GPU. Both give the same numbers, exact against float64.</summary>
internal abstract class NeighbourSearch
{
    /// <summary>The search on the host.</summary>
    public static NeighbourSearch Host { get; } = new HostSearch();

    /// <summary>As <see cref="NeighbourRadii.Of"/>.</summary>
    public abstract double[][] Radii(FeatureRows rows, int[] neighbours);

    /// <summary>As <see cref="BallCounts.Of"/>, with the border inside.</summary>
    public abstract BallCounts[] Count(FeatureRows real, FeatureRows judged, double[][] realRadii, double[][] judgedRadii);

    private sealed class HostSearch : NeighbourSearch
    {
        public override double[][] Radii(FeatureRows rows, int[] neighbours) => NeighbourRadii.Of(rows, neighbours);

        public override BallCounts[] Count(FeatureRows real, FeatureRows judged, double[][] realRadii, double[][] judgedRadii) => BallCounts.Of(real, judged, realRadii, judgedRadii);
    }
}

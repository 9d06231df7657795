using System.Globalization;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>A metric of features.</summary>
/// <param name="Words">What it is, for --help.</param>
/// <param name="Kind">The kind of features that it takes, of a network that has it; null if it has none.</param>
/// <param name="Judged">What it needs of the images to judge.</param>
/// <param name="Reference">What it needs of the reference.</param>
/// <param name="Measure">Measures: the network's name, the kind of features, the reference, the judged images, and how neighbours are searched for.</param>
internal sealed record FeatureMetric(
    string Words, Func<IFeatureNetwork, string?> Kind, FeatureNeed Judged, FeatureNeed Reference, Func<string, string, FeatureTable, FeatureTable, NeighbourSearch, IReadOnlyList<JudgedValue>> Measure)
{
    /// <summary>Fewest images of either side from which it computes features.</summary>
    public int Least { get; init; } = 2;
}

/// <summary>The metrics of features by name, a line each: <c>--metrics</c> offers them.</summary>
internal static class FeatureMetrics
{
    /// <summary>Name of the kind of features that sFID takes.</summary>
    internal const string SpatialKind = "spatial";

    /// <summary>Both usual k are searched for in one pass, and the larger one needs as many other images.</summary>
    private const int LeastNeighbours = Neighbourhoods.DensityNeighbours + 1;

    private const string Unbiased = "covariance over n - 1", Squared = "features squared", Share = "share of images", Kernel = "kernel";

    /// <summary>All metrics by name.</summary>
    public static IReadOnlyDictionary<string, FeatureMetric> All { get; } = new SortedDictionary<string, FeatureMetric>(StringComparer.Ordinal)
    {
        ["fd"] = new("Fréchet distance, FID with Inception's features", Pooled, FeatureNeed.Moments, FeatureNeed.Moments, Frechet),
        ["fd-infinity"] = new("Fréchet distance extrapolated to infinitely many images", Pooled, FeatureNeed.Rows, FeatureNeed.Moments, Infinity) { Least = FrechetInfinity.Least },
        ["sfid"] = new("Fréchet distance of spatial features", network => Find(network, SpatialKind), FeatureNeed.Moments, FeatureNeed.Moments, Spatial),
        ["kid"] = new("kernel distance over 100 subsets of 1,000", Pooled, FeatureNeed.Rows, FeatureNeed.Rows, Kid),
        ["kid-all"] = new("kernel distance of all pairs", Pooled, FeatureNeed.Rows, FeatureNeed.Rows, KidOfAll),
        ["precision-recall"] = new("improved precision and recall, k = 3", Pooled, FeatureNeed.Rows, FeatureNeed.Rows, PrecisionRecall) { Least = LeastNeighbours },
        ["density-coverage"] = new("density and coverage, k = 5", Pooled, FeatureNeed.Rows, FeatureNeed.Rows, DensityCoverage) { Least = LeastNeighbours },
        ["inception-score"] = new("Inception score of 10 splits", network => Find(network, "logits"), FeatureNeed.Rows, FeatureNeed.None, Score) { Least = InceptionScore.Splits },
    };

    /// <summary>The metrics that are taken if none are named: those of the kind that a network is known for.</summary>
    public static IReadOnlyList<string> Usual { get; } = ["fd", "kid", "precision-recall", "density-coverage"];

    private static string? Pooled(IFeatureNetwork network) => network.Outputs[0].Name;

    private static string? Find(IFeatureNetwork network, string kind) => network.Outputs.FirstOrDefault(output => output.Name == kind)?.Name;

    private static IReadOnlyList<JudgedValue> Frechet(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search)
    {
        Moments known = reference.MomentsOf(kind)!;
        FrechetTerms terms = judged.RowsOf(kind) is { } rows && rows.Count <= rows.Width ? FrechetDistance.Between(rows, known) : FrechetDistance.Between(judged.MomentsOf(kind)!, known);
        return [new($"fd-{features}", terms.Distance, Squared, Better.Lower) { Note = Unbiased }];
    }

    private static IReadOnlyList<JudgedValue> Infinity(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search) =>
        [new($"fd-infinity-{features}", FrechetInfinity.Between(judged.RowsOf(kind)!, reference.MomentsOf(kind)!), Squared, Better.Lower) { Note = $"{FrechetInfinity.Sizes} sizes of subsets, seed 0" }];

    private static IReadOnlyList<JudgedValue> Spatial(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search) =>
        [new($"sfid-{features}", FrechetDistance.Between(judged.MomentsOf(kind)!, reference.MomentsOf(kind)!).Distance, Squared, Better.Lower) { Note = Unbiased }];

    private static IReadOnlyList<JudgedValue> Kid(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search)
    {
        FeatureRows known = reference.RowsOf(kind)!, found = judged.RowsOf(kind)!;
        (double mean, double deviation) = KernelDistance.OverSubsets(known, found);
        int taken = Math.Min(KernelDistance.SubsetSize, Math.Min(known.Count, found.Count));
        string note = taken == known.Count && taken == found.Count ? "all images"
            : string.Create(CultureInfo.InvariantCulture, $"{KernelDistance.Subsets} subsets of {taken:N0}, seed {KernelDistance.Seed}; +- population deviation");
        return [new($"kid-{features}", mean, Kernel, Better.Lower) { Deviation = deviation > 0 ? deviation : null, Note = note }];
    }

    private static IReadOnlyList<JudgedValue> KidOfAll(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search) =>
        [new($"kid-all-{features}", KernelDistance.Between(reference.RowsOf(kind)!, judged.RowsOf(kind)!), Kernel, Better.Lower) { Note = "all images" }];

    private static IReadOnlyList<JudgedValue> PrecisionRecall(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search)
    {
        Neighbourhoods found = judged.NeighboursAmong(reference, kind, Neighbourhoods.PrecisionNeighbours, search);
        string note = $"k = {Neighbourhoods.PrecisionNeighbours}";
        return [new($"precision-{features}", found.Precision, Share, Better.Higher) { Note = note }, new($"recall-{features}", found.Recall, Share, Better.Higher) { Note = note }];
    }

    private static IReadOnlyList<JudgedValue> DensityCoverage(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search)
    {
        Neighbourhoods found = judged.NeighboursAmong(reference, kind, Neighbourhoods.DensityNeighbours, search);
        string note = $"k = {Neighbourhoods.DensityNeighbours}, ball's border included";
        return [new($"density-{features}", found.Density, "balls over k", Better.Higher) { Note = note }, new($"coverage-{features}", found.Coverage, Share, Better.Higher) { Note = note }];
    }

    private static IReadOnlyList<JudgedValue> Score(string features, string kind, FeatureTable reference, FeatureTable judged, NeighbourSearch search)
    {
        (double mean, double deviation) = InceptionScore.Of(judged.RowsOf(kind)!);
        return [new($"inception-score-{features}", mean, "classes", Better.Higher) { Deviation = deviation, Note = $"{InceptionScore.Splits} splits; +- population deviation" }];
    }
}

using System.Diagnostics;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Takes metrics of features of a network, between a reference and sets of images.</summary>
internal sealed class Judge
{
    private readonly IFeatureNetwork network;
    private readonly NeighbourSearch search;
    private readonly (string Name, FeatureMetric Metric, string Kind)[] metrics;

    /// <summary>Checks that the network has what the metrics take.</summary>
    /// <param name="network">The network, which stays the caller's.</param>
    /// <param name="names">Names of <see cref="FeatureMetrics.All"/>.</param>
    /// <param name="search">How neighbours are searched for; null for the host.</param>
    /// <exception cref="UsageException">The network has no such kind of features.</exception>
    public Judge(IFeatureNetwork network, IEnumerable<string> names, NeighbourSearch? search = null)
    {
        (this.network, this.search) = (network, search ?? NeighbourSearch.Host);
        metrics = [.. names.Distinct().Select(name => (name, FeatureMetrics.All[name], FeatureMetrics.All[name].Kind(network)
            ?? throw new UsageException($"--metrics {name}: the features '{network.Name}' have nothing that it takes ({string.Join(", ", network.Outputs.Select(output => output.Name))})")))];
    }

    /// <summary>Name of the features.</summary>
    public string Features => network.Name;

    /// <summary>The features in words that make a number comparable.</summary>
    public string Words => $"{network.Name} ({network.Input}; {network.Arithmetic})";

    /// <summary>Computes features of images to judge.</summary>
    public FeatureTable Look(IImageSource images, Action<int>? progress = null) => FeatureTable.Compute(network, images, Needs(metric => metric.Judged), progress);

    /// <summary>Computes features of a reference's images; a reference is needed by some metric.</summary>
    public FeatureTable LookAtReference(IImageSource images, Action<int>? progress = null) => FeatureTable.Compute(network, images, Needs(metric => metric.Reference), progress);

    /// <summary>Whether some metric takes the reference's features themselves.</summary>
    public bool TakesRows => metrics.Any(each => each.Metric.Reference == FeatureNeed.Rows);

    /// <summary>Refuses numbers of images that a metric cannot do with, before features are computed.</summary>
    /// <param name="judged">Images of each set to judge.</param>
    /// <param name="reference">Images of the reference; null if there are none, but moments.</param>
    /// <param name="stored">Whether the reference's moments are known, whatever its images are.</param>
    /// <exception cref="UsageException">They are too few.</exception>
    public void RequireCounts(int judged, int? reference, bool stored)
    {
        foreach ((string name, FeatureMetric metric, _) in metrics)
        {
            if (judged < metric.Least)
                throw new UsageException($"--metrics {name}: {judged} images to judge are too few, at least {metric.Least} are needed");
            int least = metric.Reference switch { FeatureNeed.Rows => metric.Least, FeatureNeed.Moments when !stored => 2, _ => 0 };
            if (reference < least)
                throw new UsageException($"--metrics {name}: {reference} images of the reference are too few, at least {least} are needed");
        }
    }

    /// <summary>
    /// Takes a file of moments as the reference. Metrics of moments are taken against those stored, as the file's authors took them; only metrics of rows look at the
    /// images that an archive of ADM holds besides.
    /// </summary>
    /// <param name="stored">The moments.</param>
    /// <param name="path">The file.</param>
    /// <param name="images">The images in it; null if it has none.</param>
    /// <param name="progress">Told the number of images done.</param>
    /// <exception cref="UsageException">The file lacks what a metric takes.</exception>
    /// <exception cref="InvalidFileException">Its moments are of another width, or its images are damaged.</exception>
    public FeatureTable Take(ReferenceMoments stored, string path, IImageSource? images = null, Action<int>? progress = null)
    {
        if (images is null && metrics.FirstOrDefault(each => each.Metric.Reference == FeatureNeed.Rows) is { Name: { } wants })
            throw new UsageException($"--metrics {wants}: takes the reference's features themselves, but {path} holds only their moments; give images or samples, or --metrics fd");
        Dictionary<string, Moments> known = new(StringComparer.Ordinal) { [network.Outputs[0].Name] = stored.Pooled };
        if (metrics.FirstOrDefault(each => each.Metric.Reference == FeatureNeed.Moments && each.Kind != network.Outputs[0].Name) is { Name: { } spatial, Kind: { } kind })
            known[kind] = stored.Spatial ?? throw new UsageException($"--metrics {spatial}: {path} holds no mu_s and sigma_s");
        foreach ((string each, Moments moments) in known)
            if (network.Outputs.First(output => output.Name == each).Width is var width && width != moments.Width)
                throw new InvalidFileException(path, $"holds moments of {moments.Width} features, but '{network.Name}' has {width}");
        FeatureTable? beside = TakesRows ? FeatureTable.Compute(network, images!, Needs(metric => metric.Reference == FeatureNeed.Rows ? FeatureNeed.Rows : FeatureNeed.None), progress) : null;
        return beside is not null && metrics.All(each => each.Metric.Reference != FeatureNeed.Moments) ? beside : FeatureTable.Of(known, path, beside);
    }

    /// <summary>Takes all metrics.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="judged">The images to judge.</param>
    /// <param name="told">Told each metric and the time that it took.</param>
    /// <exception cref="UsageException">A metric refuses the images, because there are too few of them, say.</exception>
    public IReadOnlyList<JudgedValue> Measure(FeatureTable reference, FeatureTable judged, Action<string, TimeSpan>? told = null) => [.. metrics.SelectMany(each =>
    {
        var clock = Stopwatch.StartNew();
        try
        {
            return each.Metric.Measure(network.Name, each.Kind, reference, judged, search);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"--metrics {each.Name}: {e.Message}");
        }
        finally
        {
            told?.Invoke(each.Name, clock.Elapsed);
        }
    })];

    private Dictionary<string, FeatureNeed> Needs(Func<FeatureMetric, FeatureNeed> side) =>
        metrics.GroupBy(each => each.Kind).ToDictionary(kind => kind.Key, kind => kind.Max(each => side(each.Metric)));
}

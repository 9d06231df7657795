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

    /// <summary>
    /// Takes a file of moments as the reference, if it holds what the metrics take.
    /// </summary>
    /// <returns>Null if a metric takes rows, which an archive of ADM has images for.</returns>
    /// <exception cref="UsageException">The file lacks what a metric takes.</exception>
    public FeatureTable? Take(ReferenceMoments stored, string path)
    {
        if (metrics.FirstOrDefault(each => each.Metric.Reference == FeatureNeed.Rows) is { Name: { } wants })
        {
            return stored.HoldsImages ? null
                : throw new UsageException($"--metrics {wants}: takes the reference's features themselves, but {path} holds only their moments; give images or samples, or --metrics fd");
        }

        Dictionary<string, Moments> known = new(StringComparer.Ordinal) { [network.Outputs[0].Name] = stored.Pooled };
        if (metrics.FirstOrDefault(each => each.Metric.Reference == FeatureNeed.Moments && each.Kind != network.Outputs[0].Name) is { Name: { } spatial, Kind: { } kind })
            known[kind] = stored.Spatial ?? throw new UsageException($"--metrics {spatial}: {path} holds no mu_s and sigma_s");
        foreach ((string each, Moments moments) in known)
            if (network.Outputs.First(output => output.Name == each).Width is var width && width != moments.Width)
                throw new InvalidFileException(path, $"holds moments of {moments.Width} features, but '{network.Name}' has {width}");
        return FeatureTable.Of(known, path);
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

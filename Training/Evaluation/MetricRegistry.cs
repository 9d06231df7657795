using System.Collections.Concurrent;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>The metrics by name, a line each: <c>trigflow evaluate --metric</c> offers them. A program may add its own.</summary>
public static class MetricRegistry
{
    private static readonly ConcurrentDictionary<string, IMetric> Entries = new(StringComparer.Ordinal)
    {
        ["sliced-wasserstein"] = new SlicedWassersteinMetric(),
    };

    /// <summary>All metrics by name.</summary>
    public static IReadOnlyDictionary<string, IMetric> All => Entries;

    /// <summary>Adds a metric under a name.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public static void Add(string name, IMetric metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        if (!Entries.TryAdd(name, metric))
            throw new ArgumentException($"there is a metric '{name}' already");
    }

    /// <summary>The metric of a name.</summary>
    /// <exception cref="ArgumentException">No metric has the name; the message lists those there are.</exception>
    public static IMetric Find(string name) => Entries.TryGetValue(name, out IMetric? metric)
        ? metric
        : throw new ArgumentException($"unknown metric '{name}': {string.Join(", ", Entries.Keys.Order(StringComparer.Ordinal))}");
}

namespace TrigFlowNative.Models;

/// <summary>
/// Rows of features of a number of images: for each kind that was asked for, (count, width) fp32 numbers, row by row in the order of the images. Kinds that were
/// not asked for are not brought to the host.
/// </summary>
public sealed class FeatureBatch
{
    private readonly Dictionary<string, (FeatureSpec Spec, float[] Rows)> rows = new(StringComparer.Ordinal);

    /// <summary>Allocates rows, all of them zero.</summary>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="kinds">Kinds of features, at least one: <see cref="IFeatureNetwork.Outputs"/> of the network, or some of them.</param>
    /// <exception cref="ArgumentException">There is no kind, or a name stands twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of images is below 1.</exception>
    /// <exception cref="OverflowException">A kind has 2^31 numbers or more.</exception>
    public FeatureBatch(int count, params IEnumerable<FeatureSpec> kinds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentNullException.ThrowIfNull(kinds);
        Count = count;
        foreach (FeatureSpec spec in kinds)
            if (!rows.TryAdd(spec.Name, (spec, new float[checked(count * spec.Width)])))
                throw new ArgumentException($"features '{spec.Name}' stand twice", nameof(kinds));
        if (rows.Count == 0)
            throw new ArgumentException("no kind of features is asked for", nameof(kinds));
    }

    /// <summary>Number of images.</summary>
    public int Count { get; }

    /// <summary>The kinds of features, in the order in which they were asked for.</summary>
    public IEnumerable<FeatureSpec> Kinds => rows.Values.Select(each => each.Spec);

    /// <summary>The rows of a kind: <see cref="Count"/> times <see cref="FeatureSpec.Width"/> numbers, row by row.</summary>
    /// <exception cref="KeyNotFoundException">The kind was not asked for.</exception>
    public float[] this[string name] => rows[name].Rows;
}

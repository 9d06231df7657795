using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Features of a set of images: of each kind the moments, the rows, or both.</summary>
internal sealed class FeatureTable
{
    private readonly Dictionary<string, Moments> moments = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FeatureRows> rows = new(StringComparer.Ordinal);

    private readonly Dictionary<string, double[][]> radii = new(StringComparer.Ordinal);
    private (FeatureTable Reference, string Kind, IReadOnlyList<Neighbourhoods> Found)? neighbours;

    private FeatureTable(int count, string words) => (Count, Words) = (count, words);

    /// <summary>Number of images; 0 if it is not known.</summary>
    public long Count { get; private init; }

    /// <summary>What the images are, in words for a report.</summary>
    public string Words { get; private init; }

    /// <summary>Number of images whose rows stand beside moments that a file holds; 0 if rows and moments are of the same images, or there are no rows.</summary>
    public int Samples { get; private init; }

    /// <summary>A table of moments as a file holds them, and of no others.</summary>
    /// <param name="known">The moments by kind.</param>
    /// <param name="words">What they are of, in words for a report.</param>
    /// <param name="beside">Images whose rows are taken where rows are wanted; their moments are not. Null for none.</param>
    public static FeatureTable Of(IReadOnlyDictionary<string, Moments> known, string words, FeatureTable? beside = null)
    {
        var table = new FeatureTable(0, words) { Count = known.Values.Max(each => each.Count), Samples = beside is null ? 0 : (int)beside.Count };
        if (beside is not null)
            foreach ((string kind, FeatureRows each) in beside.rows)
                table.rows.Add(kind, each);
        foreach ((string kind, Moments each) in known)
            table.moments.Add(kind, each);
        return table;
    }

    /// <summary>Runs a network over images.</summary>
    /// <param name="network">The network.</param>
    /// <param name="images">The images, of which only one batch and one part are in memory at a time.</param>
    /// <param name="needs">What is kept, by the name of the kind.</param>
    /// <param name="progress">Told the number of images done, after each batch.</param>
    /// <exception cref="UsageException">Rows of so many images do not fit an array, or features are not finite.</exception>
    /// <exception cref="Engine.InvalidFileException">An image is gone or damaged.</exception>
    public static FeatureTable Compute(IFeatureNetwork network, IImageSource images, IReadOnlyDictionary<string, FeatureNeed> needs, Action<int>? progress = null)
    {
        FeatureSpec[] kinds = [.. network.Outputs.Where(kind => needs.GetValueOrDefault(kind.Name) != FeatureNeed.None)];
        var table = new FeatureTable(images.Count, images.Words);
        Dictionary<string, MomentSums> sums = kinds.ToDictionary(kind => kind.Name, kind => new MomentSums(kind.Width));
        foreach (FeatureSpec kind in kinds.Where(kind => needs[kind.Name] == FeatureNeed.Rows))
        {
            if ((long)images.Count * kind.Width > Array.MaxLength)
                throw new UsageException($"{images.Count} rows of {kind.Width} features are more than an array holds: at most {Array.MaxLength / kind.Width} images, or only metrics of moments");
            table.rows.Add(kind.Name, new FeatureRows(new float[images.Count * kind.Width], images.Count, kind.Width));
        }

        int done = 0, size = images.Height * images.Width * images.Channels, atATime = Math.Max(1, network.Batch);
        byte[] waiting = new byte[atATime * size];
        int held = 0;
        FeatureBatch? whole = null;
        foreach (ByteImages part in images.Read())
            for (int first = 0; first < part.Count;)
            {
                int taken = Math.Min(part.Count - first, atATime - held);
                part.Pixels.Span.Slice(first * size, taken * size).CopyTo(waiting.AsSpan(held * size));
                (first, held) = (first + taken, held + taken);
                if (held == atATime)
                    Flush(whole ??= new FeatureBatch(atATime, kinds));
            }

        if (held > 0)
            Flush(new FeatureBatch(held, kinds));
        try
        {
            foreach (FeatureSpec kind in kinds)
                table.moments.Add(kind.Name, sums[kind.Name].ToMoments());
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"{images.Words}: {e.Message}");
        }

        return table;

        void Flush(FeatureBatch batch)
        {
            network.Compute(waiting.AsSpan(0, held * size), held, images.Height, images.Width, images.Channels, batch);
            foreach (FeatureSpec kind in kinds)
            {
                ReadOnlySpan<float> found = batch[kind.Name].AsSpan(0, held * kind.Width);
                if (table.rows.TryGetValue(kind.Name, out FeatureRows? kept))
                    found.CopyTo(kept.Values.AsSpan(done * kind.Width));
                try
                {
                    sums[kind.Name].Add(found);
                }
                catch (ArgumentException e)
                {
                    throw new UsageException($"{images.Words}: {e.Message}");
                }
            }

            done += held;
            held = 0;
            progress?.Invoke(done);
        }
    }

    /// <summary>Moments of a kind; null if they are not known.</summary>
    public Moments? MomentsOf(string kind) => moments.GetValueOrDefault(kind);

    /// <summary>Rows of a kind; null if they were not kept.</summary>
    public FeatureRows? RowsOf(string kind) => rows.GetValueOrDefault(kind);

    /// <summary>How these images lie among those of a reference. Both usual k are taken in one pass over the pairs, and the reference's radii only once.</summary>
    /// <exception cref="ArgumentException">There are too few images.</exception>
    public Neighbourhoods NeighboursAmong(FeatureTable reference, string kind, int k, NeighbourSearch search)
    {
        if (neighbours is not { } known || !ReferenceEquals(known.Reference, reference) || known.Kind != kind)
        {
            int[] usual = [Neighbourhoods.PrecisionNeighbours, Neighbourhoods.DensityNeighbours];
            FeatureRows.RequirePair("nearest neighbours", reference.rows[kind], rows[kind], usual.Max() + 1);
            known = (reference, kind, Neighbourhoods.Of(search.Count(reference.rows[kind], rows[kind], reference.RadiiOf(kind, usual, search), RadiiOf(kind, usual, search)), usual));
            neighbours = known;
        }

        return known.Found.Single(found => found.Neighbours == k);
    }

    private double[][] RadiiOf(string kind, int[] usual, NeighbourSearch search)
    {
        if (!radii.TryGetValue(kind, out double[][]? found))
            radii.Add(kind, found = search.Radii(rows[kind], usual));
        return found;
    }
}

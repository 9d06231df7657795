using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Sliced Wasserstein distance of the pixels in [-1, 1] ("pixels"), and of 7x7 patches from each level of a Laplacian pyramid,
/// normalised by the reference's mean and deviation per channel ("level HxW", the finest first, and their mean "pyramid"): arXiv:1710.10196, section 5.
/// </summary>
public sealed class SlicedWassersteinMetric : IMetric
{
    /// <summary>Name of the distance of the pixels.</summary>
    public const string Pixels = "pixels";

    /// <summary>Name of the mean distance over the levels of the pyramid.</summary>
    public const string Pyramid = "pyramid";

    private const int Patch = 7, PatchesPerImage = 16, MinLevelSize = 8;

    /// <inheritdoc/>
    public IReadOnlyList<MetricValue> Measure(ByteImages reference, ByteImages images)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(images);
        int height = images.Height, width = images.Width, channels = images.Channels;
        if ((reference.Height, reference.Width, reference.Channels) != (height, width, channels))
            throw new ArgumentException($"sliced Wasserstein: images are {height}x{width}x{channels}, the reference's {reference.Height}x{reference.Width}x{reference.Channels}");
        int size = height * width * channels;
        int count = Math.Min(reference.Count, images.Count);
        if (count == 0)
            throw new ArgumentException("sliced Wasserstein: there are no images to compare");
        float[] a = ToFloat(reference.Pixels.Span[..(count * size)]);
        float[] b = ToFloat(images.Pixels.Span[..(count * size)]);
        double pixels = SlicedWasserstein.Distance(a, b, size);

        int levels = 1;
        while (height % (1 << levels) == 0 && width % (1 << levels) == 0 && Math.Min(height, width) >> levels >= MinLevelSize)
            levels++;
        float[][] patchesA = Patches(a, count, height, width, channels, levels, seed: 0);
        float[][] patchesB = Patches(b, count, height, width, channels, levels, seed: 1);
        var perLevel = new MetricValue[levels];
        for (int level = 0; level < levels; level++)
        {
            Normalise(patchesA[level], patchesB[level], channels);
            perLevel[level] = new($"level {height >> level}x{width >> level}", SlicedWasserstein.Distance(patchesA[level], patchesB[level], Patch * Patch * channels, 256));
        }

        return [new(Pixels, pixels), new(Pyramid, perLevel.Average(level => level.Value)), .. perLevel];
    }

    private static float[] ToFloat(ReadOnlySpan<byte> pixels)
    {
        float[] values = new float[pixels.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = pixels[i] / 127.5f - 1;
        return values;
    }

    /// <summary>Random patches of every level, as rows.</summary>
    private static float[][] Patches(float[] images, int count, int height, int width, int channels, int levels, int seed)
    {
        int row = Patch * Patch * channels;
        float[][] patches = [.. Enumerable.Range(0, levels).Select(_ => new float[count * PatchesPerImage * row])];
        Parallel.For(0, count, n =>
        {
            var random = new Random(unchecked(seed * 31 + n));
            float[] image = images.AsSpan(n * height * width * channels, height * width * channels).ToArray();
            IReadOnlyList<LaplacianPyramid.Level> pyramid = LaplacianPyramid.Build(image, height, width, channels, levels);
            for (int level = 0; level < levels; level++)
                for (int p = 0; p < PatchesPerImage; p++)
                {
                    LaplacianPyramid.Level source = pyramid[level];
                    int top = random.Next(source.Height - Patch + 1), left = random.Next(source.Width - Patch + 1);
                    for (int y = 0; y < Patch; y++)
                        source.Values.AsSpan(source.Index(top + y, left, 0), Patch * channels)
                            .CopyTo(patches[level].AsSpan((n * PatchesPerImage + p) * row + y * Patch * channels));
                }
        });
        return patches;
    }

    /// <summary>Normalises both sets by the reference's statistics, so that a difference in contrast still shows.</summary>
    private static void Normalise(float[] reference, float[] other, int channels)
    {
        for (int c = 0; c < channels; c++)
        {
            double sum = 0, squares = 0;
            int count = reference.Length / channels;
            for (int i = c; i < reference.Length; i += channels)
                sum += reference[i];
            double mean = sum / count;
            for (int i = c; i < reference.Length; i += channels)
                squares += (reference[i] - mean) * (reference[i] - mean);
            double scale = 1 / Math.Max(Math.Sqrt(squares / count), 1e-6);
            foreach (float[] set in new[] { reference, other })
                for (int i = c; i < set.Length; i += channels)
                    set[i] = (float)((set[i] - mean) * scale);
        }
    }
}

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// How far a set of images is from a reference set: sliced Wasserstein distance of the pixels, and of 7x7 patches from each
/// level of a Laplacian pyramid, normalised by the reference's mean and deviation per channel (arXiv:1710.10196, section 5).
/// </summary>
public static class ImageDistance
{
    private const int Patch = 7, PatchesPerImage = 16, SmallestLevel = 8;

    /// <summary>Compares two sets of images; if they differ in size the first of the larger are taken.</summary>
    /// <param name="reference">Real images, uint8 (N, H, W, C).</param>
    /// <param name="images">Images to judge, uint8 (N, H, W, C).</param>
    /// <param name="height">Height.</param>
    /// <param name="width">Width.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="seed">Chooses directions and patches.</param>
    /// <exception cref="ArgumentException">A set holds no image.</exception>
    public static Result Measure(byte[] reference, byte[] images, int height, int width, int channels, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(images);
        int size = height * width * channels;
        int count = Math.Min(reference.Length, images.Length) / size;
        if (count == 0)
            throw new ArgumentException("image distance: there are no images to compare");
        float[] a = ToFloat(reference.AsSpan(0, count * size));
        float[] b = ToFloat(images.AsSpan(0, count * size));
        double pixels = SlicedWasserstein.Distance(a, b, size, seed: seed);

        int levels = 1;
        while (height % (1 << levels) == 0 && width % (1 << levels) == 0 && Math.Min(height, width) >> levels >= SmallestLevel)
            levels++;
        float[][] patchesA = Patches(a, count, height, width, channels, levels, seed);
        float[][] patchesB = Patches(b, count, height, width, channels, levels, seed + 1);
        double[] perLevel = new double[levels];
        for (int level = 0; level < levels; level++)
        {
            Normalise(patchesA[level], patchesB[level], channels);
            perLevel[level] = SlicedWasserstein.Distance(patchesA[level], patchesB[level], Patch * Patch * channels, 256, seed);
        }

        return new Result(count, pixels, perLevel);
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

    /// <summary>Both sets by the reference's statistics, so that a difference in contrast still shows.</summary>
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

    /// <summary>Distances between two sets of images.</summary>
    /// <param name="Count">Images compared of each set.</param>
    /// <param name="Pixels">Sliced Wasserstein distance of the pixels in [-1, 1].</param>
    /// <param name="Levels">Sliced Wasserstein distance of normalised patches, finest level first.</param>
    public sealed record Result(int Count, double Pixels, IReadOnlyList<double> Levels)
    {
        /// <summary>Mean over the levels of the pyramid.</summary>
        public double Pyramid => Levels.Average();
    }
}

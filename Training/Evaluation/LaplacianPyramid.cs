
namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Laplacian pyramid of an image (Burt and Adelson 1983): each level is the image minus its blurred and halved image, enlarged again
/// and blurred. The last level is the remaining small image. The blur is the binomial filter [1 4 6 4 1] / 16 with mirrored borders.
/// </summary>
public static class LaplacianPyramid
{
    /// <summary>Builds the levels of an image, finest first.</summary>
    /// <param name="image">Image (height, width, channels), channels last, in any unit.</param>
    /// <param name="height">Height in pixels; halved for each further level.</param>
    /// <param name="width">Width in pixels; halved for each further level.</param>
    /// <param name="channels">Number of channels.</param>
    /// <param name="levels">Number of levels, at least 1; height and width must be divisible by 2^(levels - 1).</param>
    /// <exception cref="ArgumentException">There are no levels, or the height or width cannot be halved that often.</exception>
    public static IReadOnlyList<Level> Build(float[] image, int height, int width, int channels, int levels)
    {
        ArgumentNullException.ThrowIfNull(image);
        int factor = 1 << (levels - 1);
        if (levels < 1 || height % factor != 0 || width % factor != 0)
            throw new ArgumentException($"Laplacian pyramid: {height}x{width} cannot be halved {levels - 1} times");
        var result = new List<Level>(levels);
        var current = new Level(image, height, width, channels);
        for (int level = 0; level < levels - 1; level++)
        {
            Level half = Halve(Blur(current));
            Level back = Blur(Double(half), gain: 4);
            float[] band = new float[current.Values.Length];
            for (int i = 0; i < band.Length; i++)
                band[i] = current.Values[i] - back.Values[i];
            result.Add(current with { Values = band });
            current = half;
        }

        result.Add(current);
        return result;
    }

    private static readonly float[] Filter = [1 / 16f, 4 / 16f, 6 / 16f, 4 / 16f, 1 / 16f];

    private static Level Blur(Level source, float gain = 1) => Pass(Pass(source, 1, 0, 1), 0, 1, gain);

    /// <summary>Filters along the direction (dy, dx).</summary>
    private static Level Pass(Level source, int dy, int dx, float gain)
    {
        float[] target = new float[source.Values.Length];
        for (int y = 0; y < source.Height; y++)
            for (int x = 0; x < source.Width; x++)
                for (int c = 0; c < source.Channels; c++)
                {
                    float sum = 0;
                    for (int k = -2; k <= 2; k++)
                        sum += Filter[k + 2] * source.Values[source.Index(Mirror(y + k * dy, source.Height), Mirror(x + k * dx, source.Width), c)];
                    target[source.Index(y, x, c)] = gain * sum;
                }

        return source with { Values = target };
    }

    private static Level Halve(Level source)
    {
        var target = new Level(new float[source.Values.Length / 4], source.Height / 2, source.Width / 2, source.Channels);
        for (int y = 0; y < target.Height; y++)
            for (int x = 0; x < target.Width; x++)
                for (int c = 0; c < target.Channels; c++)
                    target.Values[target.Index(y, x, c)] = source.Values[source.Index(2 * y, 2 * x, c)];
        return target;
    }

    /// <summary>Puts the pixels at even coordinates, with zeros between; the blur that follows needs a gain of 4.</summary>
    private static Level Double(Level source)
    {
        var target = new Level(new float[source.Values.Length * 4], source.Height * 2, source.Width * 2, source.Channels);
        for (int y = 0; y < source.Height; y++)
            for (int x = 0; x < source.Width; x++)
                for (int c = 0; c < source.Channels; c++)
                    target.Values[target.Index(2 * y, 2 * x, c)] = source.Values[source.Index(y, x, c)];
        return target;
    }

    private static int Mirror(int i, int extent)
    {
        if (extent == 1)
            return 0;
        int period = 2 * (extent - 1);
        int folded = Math.Abs(i) % period;
        return folded < extent ? folded : period - folded;
    }

    /// <summary>One level of the pyramid.</summary>
    /// <param name="Values">Pixels (Height, Width, Channels), channels last, in the image's unit.</param>
    /// <param name="Height">Height in pixels.</param>
    /// <param name="Width">Width in pixels.</param>
    /// <param name="Channels">Number of channels.</param>
    public sealed record Level(float[] Values, int Height, int Width, int Channels)
    {
        internal int Index(int y, int x, int c) => (y * Width + x) * Channels + c;
    }
}

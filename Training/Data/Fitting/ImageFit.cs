using System.Collections.Concurrent;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Fits images of any size to the model's resolution and channels. The largest centred square is cut out; it is padded with zeros if it is
/// smaller by at most a quarter (28 to 32, as usual for MNIST), otherwise it is resampled.
/// </summary>
internal sealed class ImageFit
{
    // A set may hold images of thousands of sizes, and the weights of a size of 8192 take 128 KiB.
    private const int MaxResamplers = 512;

    private readonly ConcurrentDictionary<int, Resampler> resamplers = new();
    private readonly SourceSizes sizes = new();

    internal ImageFit(int resolution, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(resolution);
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "images have 1 or 3 channels");
        (Resolution, Channels) = (resolution, channels);
    }

    internal int Resolution { get; }

    internal int Channels { get; }

    /// <summary>What was done to the images so far, and the sizes that they had; null before the first.</summary>
    internal SourceFitting? Fitting => sizes.Summary(Resolution, Channels);

    /// <summary>Fits one image. Thread-safe.</summary>
    /// <param name="source">(<paramref name="height"/>, <paramref name="width"/>, <paramref name="channels"/>).</param>
    /// <param name="height">Height of the source in pixels.</param>
    /// <param name="width">Width of the source in pixels.</param>
    /// <param name="channels">Channels of the source, 1 or 3.</param>
    /// <param name="destination">Receives (<see cref="Resolution"/>, <see cref="Resolution"/>, <see cref="Channels"/>).</param>
    internal void Apply(ReadOnlySpan<byte> source, int height, int width, int channels, Span<byte> destination) =>
        Apply(PixelView.Of(source, height, width, channels, channels), destination);

    /// <summary>Fits one image without a copy of it. Thread-safe.</summary>
    /// <param name="source">The image as it is to be seen.</param>
    /// <param name="destination">Receives (<see cref="Resolution"/>, <see cref="Resolution"/>, <see cref="Channels"/>).</param>
    internal void Apply(PixelView source, Span<byte> destination)
    {
        PixelView square = source.CentredSquare();
        int side = square.Height;
        bool fits = side <= Resolution && (Resolution - side) * 4 <= Resolution;
        sizes.Add(source.Height, source.Width, source.Channels, Channels, pads: fits && side < Resolution, resamples: !fits);
        if (fits)
            Pad(square, destination);
        else
            ResamplerFrom(side).Apply(square, Channels, destination);
    }

    private Resampler ResamplerFrom(int side)
    {
        if (resamplers.TryGetValue(side, out Resampler? known))
            return known;
        Resampler resampler = new(side, Resolution);
        if (resamplers.Count < MaxResamplers)
            resamplers.TryAdd(side, resampler);
        return resampler;
    }

    private void Pad(PixelView square, Span<byte> destination)
    {
        int side = square.Height;
        int margin = (Resolution - side) / 2;
        if (side < Resolution)
            destination.Clear();
        for (int y = 0; y < side; y++)
            square.ReadRow(y, Channels, destination.Slice(((margin + y) * Resolution + margin) * Channels, side * Channels));
    }
}

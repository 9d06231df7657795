using System.Collections.Concurrent;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Fits images of any size to the model's resolution and channels. The largest centred square is cut out; it is padded with zeros if it is
/// smaller by at most a quarter (28 to 32, as usual for MNIST), otherwise it is resampled.
/// </summary>
internal sealed class ImageFit
{
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
    internal void Apply(ReadOnlySpan<byte> source, int height, int width, int channels, Span<byte> destination)
    {
        int side = Math.Min(height, width);
        bool pads = side < Resolution && (Resolution - side) * 4 <= Resolution;
        sizes.Add(height, width, channels, Channels, pads, resamples: side != Resolution && !pads);
        byte[] square = CutSquare(source, height, width, channels, side);
        if (side == Resolution)
            square.CopyTo(destination);
        else if (pads)
            Pad(square, side, destination);
        else
            resamplers.GetOrAdd(side, from => new Resampler(from, Resolution)).Apply(square, Channels, destination);
    }

    private byte[] CutSquare(ReadOnlySpan<byte> source, int height, int width, int channels, int side)
    {
        int top = (height - side) / 2;
        int left = (width - side) / 2;
        byte[] square = new byte[side * side * Channels];
        for (int y = 0; y < side; y++)
        {
            ReadOnlySpan<byte> row = source.Slice(((top + y) * width + left) * channels, side * channels);
            ConvertChannels(row, channels, square.AsSpan(y * side * Channels, side * Channels));
        }

        return square;
    }

    private void ConvertChannels(ReadOnlySpan<byte> source, int channels, Span<byte> destination)
    {
        if (channels == Channels)
        {
            source.CopyTo(destination);
        }
        else if (Channels == 3)
        {
            for (int i = 0; i < source.Length; i++)
                destination.Slice(3 * i, 3).Fill(source[i]);
        }
        else
        {
            // Luma of ITU-R BT.601, the usual meaning of "gray" for stored images.
            for (int i = 0; i < destination.Length; i++)
                destination[i] = (byte)((299 * source[3 * i] + 587 * source[3 * i + 1] + 114 * source[3 * i + 2] + 500) / 1000);
        }
    }

    private void Pad(ReadOnlySpan<byte> square, int side, Span<byte> destination)
    {
        int margin = (Resolution - side) / 2;
        destination.Clear();
        for (int y = 0; y < side; y++)
        {
            ReadOnlySpan<byte> row = square.Slice(y * side * Channels, side * Channels);
            row.CopyTo(destination[(((margin + y) * Resolution + margin) * Channels)..]);
        }
    }
}

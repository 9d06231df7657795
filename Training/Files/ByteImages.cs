
namespace TrigFlowNative.Training.Files;

/// <summary>A batch of 8-bit images in memory.</summary>
public sealed class ByteImages
{
    /// <summary>Wraps pixels without copying them.</summary>
    /// <param name="pixels">Pixels (N, H, W, C), 0 to 255.</param>
    /// <param name="count">N, at least 0.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <param name="channels">C: 1 for gray, 3 for red, green, blue.</param>
    /// <exception cref="ArgumentException">An extent is out of range, or the number of bytes is not N H W C.</exception>
    public ByteImages(ReadOnlyMemory<byte> pixels, int count, int height, int width, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "images have 1 or 3 channels");
        if (pixels.Length != checked((long)count * height * width * channels))
            throw new ArgumentException($"{pixels.Length} bytes are not ({count}, {height}, {width}, {channels})", nameof(pixels));
        (Pixels, Count, Height, Width, Channels) = (pixels, count, height, width, channels);
    }

    /// <summary>Images of the first three channels of bytes with any number of channels, or of the first one if there are fewer than three.</summary>
    /// <param name="bytes">(N, H, W, <paramref name="channels"/>).</param>
    /// <param name="count">N, at least 0.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <param name="channels">Channels, at least 1.</param>
    /// <exception cref="ArgumentException">An extent is out of range, or the number of bytes does not fit.</exception>
    public static ByteImages OfFirstChannels(ReadOnlyMemory<byte> bytes, int count, int height, int width, int channels)
    {
        if (channels is 1 or 3)
            return new ByteImages(bytes, count, height, width, channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        if (bytes.Length != checked((long)count * height * width * channels))
            throw new ArgumentException($"{bytes.Length} bytes are not ({count}, {height}, {width}, {channels})", nameof(bytes));
        int shown = channels < 3 ? 1 : 3;
        byte[] pixels = new byte[bytes.Length / channels * shown];
        for (int from = 0, to = 0; from < bytes.Length; from += channels, to += shown)
            bytes.Span.Slice(from, shown).CopyTo(pixels.AsSpan(to));
        return new ByteImages(pixels, count, height, width, shown);
    }

    /// <summary>Pixels (N, H, W, C), 0 to 255.</summary>
    public ReadOnlyMemory<byte> Pixels { get; }

    /// <summary>N, the number of images.</summary>
    public int Count { get; }

    /// <summary>H in pixels.</summary>
    public int Height { get; }

    /// <summary>W in pixels.</summary>
    public int Width { get; }

    /// <summary>C: 1 for gray, 3 for red, green, blue.</summary>
    public int Channels { get; }

    /// <summary>One image, (H, W, C).</summary>
    /// <param name="index">Index of the image, 0 to N - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The index is out of range.</exception>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int size = Height * Width * Channels;
            return Pixels.Span.Slice(index * size, size);
        }
    }
}

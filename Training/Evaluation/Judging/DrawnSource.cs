using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Images that a model draws as they are asked for.</summary>
/// <param name="count">Number of images.</param>
/// <param name="extents">Height, width and channels.</param>
/// <param name="words">What the images are, in words for a report.</param>
/// <param name="draw">Draws them from the beginning, in parts, with what was not finite in each.</param>
internal sealed class DrawnSource(int count, (int Height, int Width, int Channels) extents, string words, Func<IEnumerable<(ByteImages Images, NonFiniteImages NonFinite)>> draw) : IImageSource
{
    public int Count => count;

    public int Height => extents.Height;

    public int Width => extents.Width;

    public int Channels => extents.Channels;

    public string Words => words;

    /// <inheritdoc/>
    /// <exception cref="UsageException">Images are not finite.</exception>
    public IEnumerable<ByteImages> Read()
    {
        foreach ((ByteImages images, NonFiniteImages nonFinite) in draw())
            yield return nonFinite.Any ? throw new UsageException($"{nonFinite}: nothing can be compared with them; the guidance is too large, or the weights are unusable") : images;
    }
}

/// <summary>Images in memory, which can be read again without cost.</summary>
internal sealed class MemorySource(ByteImages images, string words) : IImageSource
{
    public int Count => images.Count;

    public int Height => images.Height;

    public int Width => images.Width;

    public int Channels => images.Channels;

    public string Words => words;

    /// <summary>The images.</summary>
    public ByteImages Images => images;

    /// <summary>Reads all images of a source.</summary>
    /// <exception cref="UsageException">They are more than one array holds.</exception>
    public static MemorySource Of(IImageSource source)
    {
        if (source is MemorySource known)
            return known;
        long size = (long)source.Height * source.Width * source.Channels;
        if (size * source.Count > Array.MaxLength)
            throw new UsageException($"{source.Words}: {source.Count} images of {source.Height}x{source.Width}x{source.Channels} are more than one array holds: take at most {Array.MaxLength / size}, or metrics of features");
        byte[] pixels = new byte[size * source.Count];
        int at = 0;
        foreach (ByteImages part in source.Read())
        {
            part.Pixels.Span.CopyTo(pixels.AsSpan(at));
            at += part.Pixels.Length;
        }

        return new MemorySource(new ByteImages(pixels, source.Count, source.Height, source.Width, source.Channels), source.Words);
    }

    public IEnumerable<ByteImages> Read() => [images];
}

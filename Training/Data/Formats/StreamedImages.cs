using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// A data set that stays on the disk as it is and is decoded image by image when it is read. Its memory is that of names and labels, whatever
/// the size of the images.
/// </summary>
internal sealed class StreamedImages : IImageDataset, IDisposable
{
    // Encoded images that wait for memory to be decoded in wait with their bytes, so these have a budget of their own.
    private static readonly MemoryBudget EncodedBudget = new(256L << 20);

    private readonly IEntryReader reader;
    private readonly ImageFit fit;
    private readonly int[]? labels;

    /// <summary>Wraps encoded images.</summary>
    /// <param name="reader">Reads the images.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="labels">Their classes; null if there are none.</param>
    /// <param name="labelCount">Number of classes, those without images included; 0 if there are none.</param>
    /// <param name="fit">Brings them to the model's extents.</param>
    internal StreamedImages(IEntryReader reader, int count, int[]? labels, int labelCount, ImageFit fit) =>
        (this.reader, Count, this.labels, LabelCount, this.fit) = (reader, count, labels, labelCount, fit);

    public int Count { get; }

    public int Height => fit.Resolution;

    public int Width => fit.Resolution;

    public int Channels => fit.Channels;

    public int LabelCount { get; }

    public bool IsDecodedOnRead => true;

    /// <inheritdoc/>
    /// <exception cref="Engine.InvalidFileException">The image is gone or damaged.</exception>
    public void Read(int index, Span<byte> pixels)
    {
        int length = Height * Width * Channels;
        if (pixels.Length != length)
            throw new ArgumentException($"an image has {length} bytes, the destination {pixels.Length}", nameof(pixels));
        using MemoryBudget.Lease lease = EncodedBudget.Take(reader.Length(index));
        using RentedBytes encoded = reader.Read(index);
        if (ImageDecoder.Decode(encoded.Span, fit, pixels) is string reason)
            throw reader.Refuse(index, reason);
    }

    public int Label(int index) => labels?[index] ?? -1;

    public void Dispose() => reader.Dispose();
}

using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>Pictures that stay on the disk and are decoded in colour in the size that they have, which must be that of the first.</summary>
internal sealed class UnfittedImages : IImageDataset, IDisposable
{
    private readonly IEntryReader reader;
    private readonly int[]? labels;

    /// <summary>Looks at the first picture.</summary>
    /// <param name="reader">Reads the images; disposed of with this, and if this fails.</param>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="labels">Their classes; null if there are none.</param>
    /// <param name="labelCount">Number of classes; 0 if there are none.</param>
    /// <exception cref="InvalidFileException">The first picture is gone or damaged.</exception>
    internal UnfittedImages(IEntryReader reader, int count, int[]? labels, int labelCount)
    {
        (this.reader, Count, this.labels, LabelCount) = (reader, count, labels, labelCount);
        try
        {
            using RentedBytes encoded = reader.Read(0);
            (int height, int width) = (0, 0);
            if (ImageDecoder.Decode(encoded.Span, view => (height, width) = (view.Height, view.Width), ImageDecoder.Budget) is string reason)
                throw reader.Refuse(0, reason);
            (Height, Width) = (height, width);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    public int Count { get; }

    public int Height { get; }

    public int Width { get; }

    public int Channels => 3;

    public int LabelCount { get; }

    public bool IsDecodedOnRead => true;

    /// <inheritdoc/>
    /// <exception cref="InvalidFileException">The image is gone or damaged, or has another size than the first.</exception>
    public unsafe void Read(int index, Span<byte> pixels)
    {
        int length = Height * Width * Channels;
        if (pixels.Length != length)
            throw new ArgumentException($"an image has {length} bytes, the destination {pixels.Length}", nameof(pixels));
        using RentedBytes encoded = reader.Read(index);
        string? fault = null;

        // A span cannot be kept by what is called back, but what it points to stays where it is meanwhile.
        fixed (byte* first = pixels)
        {
            byte* target = first;
            fault = ImageDecoder.Decode(encoded.Span, view => fault = Copy(view, new Span<byte>(target, length)), ImageDecoder.Budget) ?? fault;
        }

        if (fault is not null)
            throw reader.Refuse(index, fault);
    }

    public int Label(int index) => labels?[index] ?? -1;

    public void Dispose() => reader.Dispose();

    private string? Copy(PixelView view, Span<byte> pixels)
    {
        if (view.Height != Height || view.Width != Width)
            return $"has {view.Height}x{view.Width} pixels, the first has {Height}x{Width}; `trigflow prepare` brings them to one size";
        for (int y = 0; y < Height; y++)
            view.ReadRow(y, Channels, pixels.Slice(y * Width * Channels, Width * Channels));
        return null;
    }
}

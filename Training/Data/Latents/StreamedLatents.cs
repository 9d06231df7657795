using System.IO.Hashing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Latents that stay on the disk and are read as they are used: those of ImageNet are 168 GB. Small sets are read as often, since the operating system keeps them in
/// memory by itself. Its own memory is that of names and labels.
/// </summary>
internal sealed class StreamedLatents : IImageDataset, IDisposable
{
    private readonly IEntryReader reader;
    private readonly int[]? labels;
    private readonly LatentArray form;

    /// <summary>Wraps files, after a look at the first and at the lengths of all.</summary>
    /// <param name="reader">Reads the files; disposed of with this, and if an exception is thrown.</param>
    /// <param name="path">The folder or archive, for messages.</param>
    /// <param name="count">Number of files, at least 1.</param>
    /// <param name="labels">Classes of the images; null if there are none.</param>
    /// <param name="labelCount">Number of classes, those without images included; 0 if there are none.</param>
    /// <param name="wanted">What the model takes.</param>
    /// <exception cref="InvalidFileException">The first file holds no latents, or others than the model takes; or a file has another length.</exception>
    internal StreamedLatents(IEntryReader reader, string path, int count, int[]? labels, int labelCount, LatentsWanted wanted)
    {
        (this.reader, Count, this.labels, LabelCount) = (reader, count, labels, labelCount);
        try
        {
            using (RentedBytes first = reader.Read(0))
                form = LatentArray.Of(first.Span, out string? reason) ?? throw reader.Refuse(0, reason!);
            Latents = wanted.Require(path, form);
            for (int i = 1; i < count; i++)
            {
                if (reader.ContentLength(i) != reader.ContentLength(0))
                    throw reader.Refuse(i, $"is {reader.ContentLength(i)} bytes long, but the first file {reader.ContentLength(0)}: all latents must be alike");
            }
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    public int Count { get; }

    public int Height => form.Height;

    public int Width => form.Width;

    public int Channels => form.Channels;

    public int LabelCount { get; }

    public bool IsDecodedOnRead => true;

    /// <summary>How the latents become values of the model.</summary>
    public LatentSpace Latents { get; }

    LatentSpace? IImageDataset.Latents => Latents;

    /// <summary>CRC-32 and length of the file. A zip's directory tells both, so that a run of 168 GB starts without reading them all.</summary>
    public ulong? ContentHash(int index)
    {
        ulong length = (ulong)reader.ContentLength(index);
        if (reader.Checksum(index) is { } known)
            return known | length << 32;
        using RentedBytes file = reader.Read(index);
        return Crc32.HashToUInt32(file.Span) | (ulong)file.Span.Length << 32;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidFileException">The file is gone, damaged, or not like the first.</exception>
    public void Read(int index, Span<byte> pixels)
    {
        if (pixels.Length != form.Elements * sizeof(float))
            throw new ArgumentException($"an image has {form.Elements * sizeof(float)} bytes, the destination {pixels.Length}", nameof(pixels));
        using RentedBytes file = reader.Read(index);
        if (form.Read(file.Span, pixels) is string reason)
            throw reader.Refuse(index, reason);
    }

    public int Label(int index) => labels?[index] ?? -1;

    public void Dispose() => reader.Dispose();
}

using System.IO.Compression;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// A zip archive in the layout of EDM's data sets: PNG or JPEG entries in sorted order, with a <c>dataset.json</c> if there are
/// classes.
/// </summary>
internal sealed class ImageZip : EncodedImages
{
    // Images are compressed already, so a zip hardly shrinks them: one that unpacks to far more than its length is a zip bomb.
    private const int MaxEntries = 1 << 24;
    private const long MaxExpansion = 8;
    private const long AlwaysAcceptedBytes = 256 << 20;

    private readonly BoundedZip zip;
    private readonly List<ZipArchiveEntry> images;

    internal ImageZip(string path)
    {
        Location = path;
        zip = BoundedZip.Open(path, length => new ZipLimits(
            MaxEntries, Math.Max(ImageDecoder.MaxEncodedBytes, DatasetLabels.MaxBytes), Math.Max(AlwaysAcceptedBytes, MaxExpansion * length)));
        try
        {
            images = [.. zip.Entries.Where(entry => ImageDecoder.IsImageName(entry.FullName)).OrderBy(entry => entry.FullName, StringComparer.Ordinal)];
            if (images.Count == 0)
                throw new InvalidFileException(path, "holds no PNG or JPEG entries");
            Names = [.. images.Select(entry => entry.FullName)];
            ZipArchiveEntry? labels = zip.Entries.FirstOrDefault(entry => entry.FullName == DatasetLabels.FileName);
            Labels = labels is null ? null : DatasetLabels.Parse(path, zip.Read(labels), Names);
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    protected override string Location { get; }

    protected override IReadOnlyList<string> Names { get; }

    protected override int[]? Labels { get; }

    public override void Dispose() => zip.Dispose();

    protected override IEntryReader OpenReader() => zip.OpenReader(images);
}

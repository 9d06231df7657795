using System.IO.Compression;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// A zip archive of PNG and JPEG files, or of latents, read as the unpacked folder is: a <c>dataset.json</c> says the classes, as in EDM's data sets,
/// otherwise the folders do.
/// </summary>
internal sealed class ImageZip : EncodedImages
{
    // Images are compressed already, so a zip hardly shrinks them: one that unpacks to far more than its length is a zip bomb.
    private const int MaxEntries = 1 << 24;
    private const long MaxExpansion = 8;
    private const long AlwaysAcceptedBytes = 256 << 20;

    private readonly BoundedZip zip;
    private readonly Dictionary<string, ZipArchiveEntry> entries = new(StringComparer.Ordinal);
    private readonly ImageListing listing;

    /// <summary>Lists an archive and reads its labels, but no image.</summary>
    /// <exception cref="InvalidFileException">The file is no archive, is beyond the limits, or holds no images, or its labels are malformed.</exception>
    internal ImageZip(string path)
    {
        Location = path;
        zip = BoundedZip.Open(path, length => new ZipLimits(
            MaxEntries, Math.Max(ImageDecoder.MaxEncodedBytes, DatasetLabels.MaxBytes), Math.Max(AlwaysAcceptedBytes, MaxExpansion * length)));
        try
        {
            listing = ImageListing.Of(path, ZipTree.Read(zip, entries), "holds no PNG or JPEG entries and no latents");
            (Labels, IReadOnlyList<string> names) = (listing.FolderLabels, listing.ClassNames);
            if (listing.LabelsFile is not null)
                Labels = DatasetLabels.Parse(path, zip.Read(entries[listing.LabelsFile]), listing.NamesInRoot, out names);
            ClassNames = names;
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    /// <summary>What was found, without numbers of images and sizes.</summary>
    internal DatasetDescription Description => listing.Describe(HoldsLatents ? "a zip archive of latents" : "a zip archive", ClassNames, LabelCount);

    internal override bool HoldsLatents => listing.HoldsLatents;

    protected override string Location { get; }

    protected override IReadOnlyList<string> Names => listing.Names;

    protected override int[]? Labels { get; }

    public override void Dispose() => zip.Dispose();

    protected override IEntryReader OpenReader() => zip.OpenReader([.. Names.Select(name => entries[name])]);
}

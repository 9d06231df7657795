using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// A folder of PNG and JPEG files, or of latents. Labels come from a <c>dataset.json</c> if there is one. Otherwise every sub-folder is a class, in the
/// order of names, or all images lie directly in the folder and have no labels.
/// </summary>
internal sealed class ImageFolder : EncodedImages
{
    private readonly ImageListing listing;

    /// <summary>Lists a folder and reads its labels, but no image.</summary>
    /// <exception cref="InvalidFileException">The folder cannot be read, or holds no images, or its labels are malformed.</exception>
    internal ImageFolder(string path)
    {
        Location = path;
        listing = ImageListing.Of(path, FolderTree.Read(path), "holds no PNG or JPEG images, no latents and no other known data set");
        (Labels, IReadOnlyList<string> names) = (listing.FolderLabels, listing.ClassNames);
        if (listing.LabelsFile is not null)
        {
            string labels = FullName(listing.LabelsFile);
            Labels = DatasetLabels.Parse(labels, InputFile.ReadAllBytes(labels, DatasetLabels.MaxBytes), listing.NamesInRoot, out names);
        }

        ClassNames = names;
    }

    /// <summary>What was found, without numbers of images and sizes.</summary>
    internal DatasetDescription Description => listing.Describe(HoldsLatents ? "a folder of latents" : "a folder", ClassNames, LabelCount);

    internal override bool HoldsLatents => listing.HoldsLatents;

    protected override string Location { get; }

    protected override IReadOnlyList<string> Names => listing.Names;

    protected override int[]? Labels { get; }

    public override void Dispose()
    {
    }

    protected override IEntryReader OpenReader() => new FolderReader(Location, Names, ImageDecoder.MaxEncodedBytes);

    private string FullName(string name) => Path.Combine(Location, name);
}

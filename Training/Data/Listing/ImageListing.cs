using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// The images of a tree in their order, with their classes, and what is left out. All folders at the first level below the
/// <see cref="DataRoot"/> are classes, those without images too, so that the number of a class depends on no other's content.
/// </summary>
internal sealed class ImageListing
{
    private ImageListing(ImageTree tree, DataRoot root) => (HoldsLatents, Root) = (tree.HoldsLatents, root.Prefix);

    /// <summary>Whether the images are latents.</summary>
    internal bool HoldsLatents { get; }

    /// <summary>Name of the folder that images or classes lie in, with '/' at its end; empty for the tree itself.</summary>
    internal string Root { get; }

    /// <summary>Names of the images relative to the tree, in the order of names.</summary>
    internal required IReadOnlyList<string> Names { get; init; }

    /// <summary>Name of the dataset.json that says the classes; null if folders do.</summary>
    internal string? LabelsFile { get; private init; }

    /// <summary>Classes of the images by their folders; null if there are none, or a <see cref="LabelsFile"/>.</summary>
    internal int[]? FolderLabels { get; private init; }

    /// <summary>Names of the classes by folders, in the order of their numbers.</summary>
    internal IReadOnlyList<string> ClassNames { get; private init; } = [];

    /// <summary>The split that was taken; empty if there are none.</summary>
    internal required string Split { get; init; }

    /// <summary>What is left out.</summary>
    internal required IReadOnlyList<LeftOut> LeftOut { get; init; }

    /// <summary>Names of the images relative to <see cref="Root"/>, as a <see cref="LabelsFile"/> gives them.</summary>
    internal IReadOnlyList<string> NamesInRoot => Root.Length == 0 ? Names : [.. Names.Select(name => name[Root.Length..])];

    /// <summary>Reads a tree.</summary>
    /// <param name="path">The folder or archive, for messages.</param>
    /// <param name="tree">What it holds.</param>
    /// <param name="nothing">The message if there are no images.</param>
    /// <exception cref="InvalidFileException">There are no images, images lie both beside classes and in them, or none of several splits is for training.</exception>
    internal static ImageListing Of(string path, ImageTree tree, string nothing)
    {
        DataRoot root = DataRoot.Find(path, tree);
        List<string> names = [.. tree.Files.Where(name => name.StartsWith(root.Prefix, StringComparison.Ordinal) && tree.IsImage(name))];
        names.Sort(StringComparer.Ordinal);
        string[]? classes = ClassesOf(path, root, names.Count);
        LeftOutTally tally = Count(tree, root, classes);
        if (names.Count == 0)
            throw new InvalidFileException(path, nothing + Instead(tree, tally.ToList()));
        return new ImageListing(tree, root)
        {
            Names = names,
            LabelsFile = root.Level.HasLabels ? root.Prefix + DatasetLabels.FileName : null,
            FolderLabels = classes is null ? null : [.. names.Select(name => Array.BinarySearch(classes, FolderOf(name, root.Prefix), StringComparer.Ordinal))],
            ClassNames = classes ?? [],
            Split = root.Split,
            LeftOut = tally.ToList(),
        };
    }

    /// <summary>What was found, without numbers of images and sizes.</summary>
    /// <param name="format">The format in words.</param>
    /// <param name="classNames">Names of the classes; empty if a <see cref="LabelsFile"/> gives numbers alone.</param>
    /// <param name="labelCount">Number of classes.</param>
    internal DatasetDescription Describe(string format, IReadOnlyList<string> classNames, int labelCount) => new(format)
    {
        ClassNames = classNames.Count > 0 ? classNames : DatasetDescription.NumberNames(labelCount),
        Split = Split.Length == 0 ? "" : $"split {Split}",
        LeftOut = LeftOut,
    };

    private static string[]? ClassesOf(string path, DataRoot root, int images)
    {
        int direct = root.Level.DirectImages;
        if (root.Level.HasLabels || direct == images)
            return null;
        return direct == 0
            ? [.. root.Level.Children.Where(child => child.MayBeClass).Select(child => child.Name)]
            : throw new InvalidFileException(path, $"holds {direct} images directly and {images - direct} in sub-folders; expected only one of these");
    }

    private static LeftOutTally Count(ImageTree tree, DataRoot root, string[]? classes)
    {
        LeftOutTally tally = new();
        string[] others = [.. root.OtherSplits.Select(split => $"{root.SplitPrefix}{split}/")];
        foreach ((LeftOutReason reason, string name) in tree.PassedOver)
            tally.Add(reason, name);
        foreach (string name in tree.Files)
        {
            bool isImage = tree.IsImage(name);
            if (Array.FindIndex(others, split => name.StartsWith(split, StringComparison.Ordinal)) is var other and >= 0)
            {
                if (isImage)
                    tally.Add(LeftOutReason.OtherSplit, name, root.OtherSplits[other]);
            }
            else if (!isImage && name != root.Prefix + DatasetLabels.FileName)
            {
                tally.Add(LeftOutReason.OtherFormat, name, FileNames.KindOf(name));
            }
        }

        foreach (string beside in root.Beside)
            tally.Add(LeftOutReason.NoImages, beside);
        foreach (TreeLevel.Child child in root.Level.Children.Where(child => child.Images == 0))
        {
            if (classes is not null && child.MayBeClass)
                tally.AddEmptyClass(child.Name, LeftOutTally.Words(child.OtherKinds));
            else
                tally.Add(LeftOutReason.NoImages, root.Prefix + child.Name);
        }

        return tally;
    }

    // The class of an image: the first folder of its name below the root.
    private static string FolderOf(string name, string prefix) => name[prefix.Length..name.IndexOf('/', prefix.Length)];

    private static string Instead(ImageTree tree, IReadOnlyList<LeftOut> leftOut)
    {
        string known = tree.Files.Order(StringComparer.Ordinal).Select(ForeignFormats.OfName).FirstOrDefault(words => words is not null) is { } words ? $"; it holds {words}" : "";
        return known + (leftOut.Count > 0 ? $"; left out: {string.Join(", ", leftOut)}" : "");
    }
}

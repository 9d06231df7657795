using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// A folder of PNG and JPEG files. Labels come from a <c>dataset.json</c> if there is one. Otherwise every sub-folder is a class, in the
/// order of names, or all images lie directly in the folder and have no labels.
/// </summary>
internal sealed class ImageFolder : EncodedImages
{
    private const int MaxDepth = 8;

    internal ImageFolder(string path)
    {
        Location = path;
        List<string> names = [];
        foreach (string file in Directory.EnumerateFiles(path, "*", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = MaxDepth }))
        {
            if (ImageDecoder.IsImageName(file))
                names.Add(Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/'));
        }

        if (names.Count == 0)
            throw new InvalidFileException(path, "holds no PNG or JPEG images and no other known data set");
        names.Sort(StringComparer.Ordinal);
        Names = names;
        string labels = Path.Combine(path, DatasetLabels.FileName);
        Labels = File.Exists(labels)
            ? DatasetLabels.Parse(labels, InputFile.ReadAllBytes(labels, DatasetLabels.MaxBytes), names)
            : LabelByFolder(path, names);
    }

    protected override string Location { get; }

    protected override IReadOnlyList<string> Names { get; }

    protected override int[]? Labels { get; }

    public override void Dispose()
    {
    }

    protected override IEntryReader OpenReader() => new FolderReader(Location, Names, ImageDecoder.MaxEncodedBytes);

    private static int[]? LabelByFolder(string path, List<string> names)
    {
        int direct = names.Count(name => !name.Contains('/', StringComparison.Ordinal));
        if (direct == names.Count)
            return null;
        if (direct > 0)
            throw new InvalidFileException(path, $"holds {direct} images directly and {names.Count - direct} in sub-folders; expected only one of these");
        string[] classes = [.. names.Select(ClassOf).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return [.. names.Select(name => Array.BinarySearch(classes, ClassOf(name), StringComparer.Ordinal))];
    }

    private static string ClassOf(string name) => name[..name.IndexOf('/', StringComparison.Ordinal)];
}

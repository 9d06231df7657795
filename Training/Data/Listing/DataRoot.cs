using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// The folder of a tree in which its images or classes lie. Folders that hold nothing but one folder are passed through, so that an archive
/// of a folder means what the folder means; where all folders are splits, that of the training images is taken.
/// </summary>
internal sealed record DataRoot
{
    private const int MostPassed = ImageTree.MaxDepth;

    /// <summary>The folder's name with '/' at its end; empty for the tree itself.</summary>
    internal required string Prefix { get; init; }

    /// <summary>What lies in the folder.</summary>
    internal required TreeLevel Level { get; init; }

    /// <summary>The split that was taken; empty if there are none.</summary>
    internal string Split { get; init; } = "";

    /// <summary>Names of the other splits' folders.</summary>
    internal IReadOnlyList<string> OtherSplits { get; init; } = [];

    /// <summary>Folder in which the splits lie, with '/' at its end; empty for the tree itself.</summary>
    internal string SplitPrefix { get; init; } = "";

    /// <summary>Names of folders beside the way to the root that hold texts alone.</summary>
    internal IReadOnlyList<string> Beside { get; init; } = [];

    /// <summary>Finds the root.</summary>
    /// <exception cref="InvalidFileException">There are splits, but none or several to train on.</exception>
    internal static DataRoot Find(string path, ImageTree tree)
    {
        DataRoot root = new() { Prefix = "", Level = new TreeLevel(tree, "") };
        for (int passed = 0; passed < MostPassed && root.Next(path) is { } next; passed++)
        {
            TreeLevel level = new(tree, next.Prefix);
            root = next with { Level = level };
        }

        return root;
    }

    /// <summary>The root one folder further down; null if this is the last.</summary>
    private DataRoot? Next(string path)
    {
        TreeLevel.Child[] folders = [.. Level.Children.Where(child => child.MayBeClass)];
        if (Level.HasLabels || Level.DirectImages > 0 || folders.Length == 0)
            return null;
        IReadOnlyList<string> beside = [.. Beside, .. Level.Children.Where(child => !child.MayBeClass).Select(child => Prefix + child.Name)];
        if (Split.Length == 0 && folders.All(child => SplitNames.IsSplit(child.Name)))
        {
            string[] training = [.. folders.Where(child => SplitNames.IsTraining(child.Name)).Select(child => child.Name)];
            string names = string.Join(", ", folders.Select(child => child.Name));
            if (training.Length > 1 || training.Length == 0 && folders.Length > 1)
                throw new InvalidFileException(path, $"holds the splits {names}, {(training.Length == 0 ? "none" : "more than one")} of which is for training; give the folder of one of them");
            if (training.Length == 1)
            {
                return this with
                {
                    Prefix = $"{Prefix}{training[0]}/",
                    SplitPrefix = Prefix,
                    Split = folders.Length == 1 ? training[0] : $"{training[0]} of {names}",
                    OtherSplits = [.. folders.Select(child => child.Name).Except(training)],
                    Beside = beside,
                };
            }
        }

        // A folder that holds images itself is a class, though it be the only one.
        return folders is [{ DirectImages: 0, HasFolders: true } or { HasLabels: true }]
            ? this with { Prefix = $"{Prefix}{folders[0].Name}/", Split = SplitNames.IsSplit(folders[0].Name) ? folders[0].Name : Split, Beside = beside }
            : null;
    }
}

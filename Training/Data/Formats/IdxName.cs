using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// What the name of an idx file of images tells: "emnist-letters-train-images-idx3-ubyte.gz" is of the set emnist-letters and the split
/// train, "t10k-images.idx3-ubyte" of a set without a name and the split t10k.
/// </summary>
/// <param name="Path">The file.</param>
/// <param name="Set">The words before the split; empty for MNIST and what took over its names.</param>
/// <param name="Split">The split's word; empty if there is none.</param>
internal sealed record IdxName(string Path, string Set, string Split)
{
    private static readonly char[] Separators = ['-', '_', '.'];

    private bool IsTraining => SplitNames.IsTraining(Split);

    /// <summary>Reads a file's name.</summary>
    internal static IdxName Of(string path)
    {
        string file = System.IO.Path.GetFileName(path);
        int end = file.IndexOf("images", StringComparison.Ordinal);
        string head = end < 0 ? "" : file[..end].TrimEnd(Separators);
        int start = head.LastIndexOfAny(Separators) + 1;
        return SplitNames.IsSplit(head[start..]) ? new IdxName(path, head[..start].TrimEnd(Separators), head[start..]) : new IdxName(path, head, "");
    }

    /// <summary>Returns the files of images in a folder, in the order of their names.</summary>
    internal static IdxName[] In(string folder) => [.. Directory.GetFiles(folder)
        .Where(path => System.IO.Path.GetFileName(path) is var name && !FileNames.IsHidden(name) && !name.EndsWith(".xz", StringComparison.OrdinalIgnoreCase)
            && name.Contains("images", StringComparison.Ordinal) && name.Contains("idx3", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal).Select(Of)];

    /// <summary>Returns the file to train on: the only one, or that of the training split.</summary>
    /// <param name="folder">The folder, for messages.</param>
    /// <param name="files">The files of images in it, at least one.</param>
    /// <exception cref="InvalidFileException">Several come into question.</exception>
    internal static IdxName Choose(string folder, IReadOnlyList<IdxName> files)
    {
        // One file may lie there both plain and packed, as some programs leave it.
        IdxName[] distinct = [.. files.DistinctBy(file => (file.Set, file.Split))];
        IdxName[] training = [.. distinct.Where(file => file.IsTraining)];
        IdxName[] candidates = training.Length > 0 ? training : distinct;
        return candidates.Length == 1
            ? candidates[0]
            : throw new InvalidFileException(folder, $"holds {candidates.Length} idx files of images {(training.Length > 0 ? "to train on" : "and none named train")}, give one of them: "
                + string.Join(", ", candidates.Select(file => System.IO.Path.GetFileName(file.Path))));
    }

    /// <summary>The file's name, and those beside it that it does not stand for.</summary>
    internal string Describe()
    {
        string[] others = [.. In(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!)
            .Where(other => (other.Set, other.Split) != (Set, Split)).Select(other => System.IO.Path.GetFileName(other.Path))];
        return $"file {System.IO.Path.GetFileName(Path)}{(others.Length == 0 ? "" : $" ({string.Join(", ", others)} left out)")}";
    }
}

using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// The folder snapshots/ of a run: its power-function averages at many times, all of which are kept, since averages of any width are made from them.
/// </summary>
/// <remarks>
/// A snapshot depends only on the run and the step: a run that was killed and continues from an earlier state writes the same bits again.
/// </remarks>
/// <param name="run">Folder of the run.</param>
public sealed class SnapshotFolder(string run)
{
    private const string Prefix = "width-", Suffix = ".safetensors", AsideSuffix = ".before";

    /// <summary>Path of the folder.</summary>
    public string Path { get; } = System.IO.Path.Combine(run, "snapshots");

    /// <summary>Stores an average, whole or not at all, with a checksum.</summary>
    /// <param name="average">Which average it is.</param>
    /// <param name="step">Training steps done.</param>
    /// <param name="images">Images seen.</param>
    /// <param name="network">The network.</param>
    /// <param name="weights">Slab with the average.</param>
    /// <param name="description">The rest of a weight file's metadata.</param>
    /// <param name="precision">Type of the stored numbers.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public void Save(
        PowerAverage average, long step, long images, INetwork network, ParameterSlab weights, WeightDescription description, SnapshotPrecision precision)
    {
        ArgumentNullException.ThrowIfNull(average);
        string name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{average.Width:F3}-step-{step:D10}{Suffix}");
        WeightFile.Save(System.IO.Path.Combine(Path, name), network, weights, description, precision.FileType(), Snapshot.Metadata(average, images, step));
    }

    /// <summary>Reads what all snapshots say of themselves, the earliest first; none if there is no folder.</summary>
    /// <exception cref="InvalidFileException">One is damaged, or is of another model than the others.</exception>
    public IReadOnlyList<Snapshot> Read()
    {
        Snapshot[] snapshots = [.. Files().Select(Snapshot.Read).OrderBy(each => each.Images).ThenBy(each => each.Average.Gamma)];
        if (snapshots.FirstOrDefault(each => !IsSame(each.Model, snapshots[0].Model)) is { } other)
            throw new InvalidFileException(other.Path, $"is of another model than {System.IO.Path.GetFileName(snapshots[0].Path)}: the folder holds snapshots of two runs");
        return snapshots;
    }

    /// <summary>
    /// Moves the snapshots of a run whose states are gone out of the way of a new run, and returns a line on it; null if there are none.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be renamed.</exception>
    internal string? SetAside()
    {
        if (!Files().Any())
            return null;
        string aside = Path + AsideSuffix;
        for (int i = 2; Directory.Exists(aside) || File.Exists(aside); i++)
            aside = $"{Path}{AsideSuffix}-{i}";
        Directory.Move(Path, aside);
        return $"{Path}: its snapshots are of a run whose states are gone; they are kept in {System.IO.Path.GetFileName(aside)}";
    }

    private IEnumerable<string> Files() => !Directory.Exists(Path)
        ? []
        : Directory.EnumerateFiles(Path, Prefix + "*-step-*" + Suffix).Order(StringComparer.Ordinal);

    private static bool IsSame(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        a.Count == b.Count && a.All(each => b.TryGetValue(each.Key, out string? value) && value == each.Value);
}

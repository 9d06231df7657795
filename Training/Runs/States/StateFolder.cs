using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// The folder checkpoints/ of a run: the last two training states that load. A state that was found not to load is never taken for the absence of one
/// and never counted among the two; it is set aside under another name.
/// </summary>
public sealed class StateFolder(string path)
{
    private const int KeptStates = 2;
    private const string Prefix = "step-", Suffix = ".safetensors", DamagedSuffix = ".damaged";
    private readonly SortedSet<long> sound = [];
    private readonly List<InvalidFileException> damaged = [];

    /// <summary>Returns the paths of the training states, newest first.</summary>
    public IReadOnlyList<string> Paths() => !Directory.Exists(path)
        ? []
        : [.. Directory.EnumerateFiles(path, Prefix + "*" + Suffix).Where(file => StepOf(file) >= 0).OrderByDescending(StepOf)];

    /// <summary>Finds the newest state that loads, by reading all of it.</summary>
    /// <returns>The state; null if the folder holds none.</returns>
    /// <exception cref="InvalidFileException">There are states, but none loads, which the message explains for each; or one cannot be opened.</exception>
    /// <exception cref="IOException">A state cannot be read. This is no damage: an older state is not taken for it.</exception>
    public SavedState? Newest()
    {
        damaged.Clear();
        foreach (string file in Paths())
        {
            try
            {
                SavedState state = Checkpoint.Inspect(file);
                if (state.Step != StepOf(file))
                    throw new InvalidFileException(file, $"holds the state of step {state.Step}, not that of its name");
                sound.Add(state.Step);
                return state;
            }
            catch (InvalidFileException e) when (e.InnerException is not (IOException or UnauthorizedAccessException))
            {
                damaged.Add(e);
            }
        }

        if (damaged.Count == 0)
            return null;
        string reasons = string.Join("; ", damaged.Select(each => $"{Path.GetFileName(each.Path)} {each.Reason}"));
        throw new InvalidFileException(path, $"no training state loads: {reasons}; put back a copy of one, or choose another --out");
    }

    /// <summary>
    /// Renames the states that did not load, so that they are not tried again, and returns a line on each. Called once the run goes on from an older
    /// state.
    /// </summary>
    /// <exception cref="IOException">A state cannot be renamed.</exception>
    public IReadOnlyList<string> SetDamagedAside(SavedState taken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        foreach (InvalidFileException each in damaged)
            File.Move(each.Path, each.Path + DamagedSuffix, overwrite: true);
        string[] lines = [.. damaged.Select(each => $"{each.Message}; it is kept as {Path.GetFileName(each.Path)}{DamagedSuffix}, and the run goes on from {Path.GetFileName(taken.Path)}")];
        damaged.Clear();
        return lines;
    }

    /// <summary>Stores a state under its step, then deletes those older than the last two that load.</summary>
    /// <param name="step">Training steps done.</param>
    /// <param name="state">Tensors of the state, with different names.</param>
    /// <param name="identity">What the run was begun with; null leaves it out.</param>
    /// <exception cref="ArgumentException">Two tensors have the same name.</exception>
    /// <exception cref="IOException">The state cannot be written, or an old one cannot be deleted.</exception>
    public void Save(long step, IReadOnlyList<StateTensor> state, RunIdentity? identity)
    {
        Checkpoint.Save(Path.Combine(path, Prefix + step.ToString("D10", CultureInfo.InvariantCulture) + Suffix), step, state, identity);
        sound.Add(step);
        if (sound.Count < KeptStates)
            return;
        long oldestKept = sound.Reverse().ElementAt(KeptStates - 1);
        foreach (string old in Paths().Where(file => StepOf(file) < oldestKept))
            File.Delete(old);
        sound.RemoveWhere(each => each < oldestKept);
    }

    private static long StepOf(string file)
    {
        string name = Path.GetFileName(file);
        return long.TryParse(name.AsSpan(Prefix.Length, Math.Max(0, name.Length - Prefix.Length - Suffix.Length)), NumberStyles.None, CultureInfo.InvariantCulture, out long step) ? step : -1;
    }
}

/// <summary>A training state on disk that loads.</summary>
/// <param name="Path">The file.</param>
/// <param name="Step">Training steps done.</param>
/// <param name="Identity">What the run was begun with; null in a state of a version that did not store it.</param>
public sealed record SavedState(string Path, long Step, RunIdentity? Identity);

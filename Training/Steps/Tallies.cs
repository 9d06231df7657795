using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>Tallies by name, in device memory: sums since the log was last written. A new name takes a new place.</summary>
internal sealed class Tallies : IDisposable
{
    /// <summary>Tallies of every training, in the order of state files; that of the tangent stays empty in a training without one.</summary>
    private static readonly string[] Standard = [TallyNames.Loss, TallyNames.Error, TallyNames.GradientNorm, TallyNames.TangentNorm];

    /// <summary>Maximum number of tallies. It is fixed, since the tensor is allocated before the tallies are known.</summary>
    private const int Capacity = 64;

    private readonly Tensor sums;
    private readonly List<string> names = [.. Standard];

    private readonly HashSet<string> reserved;
    private readonly Dictionary<string, (string Player, int Phase)> recorded = [];

    /// <summary>Allocates the sums.</summary>
    /// <param name="device">Device of the training.</param>
    /// <param name="own">Names of the tallies that the training step records itself.</param>
    public Tallies(ComputeDevice device, IEnumerable<string> own)
    {
        sums = device.CreateTensor(new Shape(Capacity * Tally.Length), DType.Float64);
        reserved = [.. own, .. FixedColumns.All];
    }

    /// <summary>Sums of all tallies, for state files.</summary>
    public Tensor State => sums.Slice(0, new Shape(names.Count * Tally.Length));

    /// <summary>Returns the sums (3) of a tally, see <see cref="Tally"/>.</summary>
    /// <exception cref="InvalidOperationException">All places are taken.</exception>
    public Tensor Of(string name)
    {
        int place = names.IndexOf(name);
        if (place < 0)
        {
            if (names.Count == Capacity)
                throw new InvalidOperationException($"a training has at most {Capacity} tallies; '{name}' is one too many");
            place = names.Count;
            names.Add(name);
        }

        return sums.Slice(place * Tally.Length, new Shape(Tally.Length));
    }

    /// <summary>Returns the sums (3) of an objective's tally. Phases of one player may add to the same tally.</summary>
    /// <param name="name">Name of the column.</param>
    /// <param name="player">Name of the player that the phase trains.</param>
    /// <param name="phase">Index of the phase.</param>
    /// <exception cref="ArgumentException">The column is one that the training writes itself, or is taken by this phase or another player.</exception>
    /// <exception cref="InvalidOperationException">All places are taken.</exception>
    public Tensor OfObjective(string name, string player, int phase)
    {
        if (reserved.Contains(name))
            throw new ArgumentException($"the training writes the column '{name}' of metrics.csv itself: the objective's tally needs another name");
        if (recorded.TryGetValue(name, out (string Player, int Phase) before) && (before.Player != player || before.Phase == phase))
            throw new ArgumentException($"the objective tallies '{name}' twice");
        recorded[name] = (player, phase);
        return Of(name);
    }

    /// <summary>Fetches the means since the last call by name, NaN for tallies without values; waits for the device.</summary>
    public IReadOnlyDictionary<string, double> Fetch()
    {
        double[] values = new double[names.Count * Tally.Length];
        State.Download(values.AsSpan());
        State.Upload<double>(new double[values.Length]);
        return names.Select((name, i) => (name, Mean: values[i * Tally.Length] / values[i * Tally.Length + 1])).ToDictionary(each => each.name, each => each.Mean);
    }

    public void Dispose() => sums.Dispose();
}

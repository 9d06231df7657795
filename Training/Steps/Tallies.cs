using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Steps;

/// <summary>Tallies by name, in device memory: sums since the log was last written. A new name takes a new place.</summary>
internal sealed class Tallies : IDisposable
{
    /// <summary>Tallies of every training, in the order of state files; that of the tangent stays empty in a training without one.</summary>
    private static readonly string[] Standard = [TrainingStatistics.LossName, TrainingStatistics.ErrorName, TrainingStatistics.GradientNormName, TrainingStatistics.TangentNormName];

    /// <summary>Maximum number of tallies. It is fixed, since the tensor is allocated before the tallies are known.</summary>
    private const int Capacity = 64;

    private readonly Tensor sums;
    private readonly List<string> names = [.. Standard];

    public Tallies(ComputeDevice device) => sums = device.CreateTensor(new Shape(Capacity * Tally.Length), DType.Float64);

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

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Steps;

/// <summary>Sums of named values since the log was last written, in device memory. A name takes a place when it is first asked for.</summary>
internal sealed class Tallies : IDisposable
{
    /// <summary>What every training logs, in the order of state files; a training without a tangent leaves its place empty.</summary>
    private static readonly string[] Standard = [TrainingStatistics.LossName, TrainingStatistics.ErrorName, TrainingStatistics.GradientNormName, TrainingStatistics.TangentNormName];

    /// <summary>The most that a training can have; the tensor is allocated before they are known.</summary>
    private const int Capacity = 64;

    private readonly Tensor sums;
    private readonly List<string> names = [.. Standard];

    public Tallies(ComputeDevice device) => sums = device.CreateTensor(new Shape(Capacity * Tally.Length), DType.Float64);

    /// <summary>The sums of all names, for state files.</summary>
    public Tensor State => sums.Slice(0, new Shape(names.Count * Tally.Length));

    /// <summary>The sums of a name (3), see <see cref="Tally"/>.</summary>
    /// <exception cref="InvalidOperationException">All places are taken.</exception>
    public Tensor Of(string name)
    {
        int place = names.IndexOf(name);
        if (place < 0)
        {
            if (names.Count == Capacity)
                throw new InvalidOperationException($"a training logs more than {Capacity} quantities: {name}");
            place = names.Count;
            names.Add(name);
        }

        return sums.Slice(place * Tally.Length, new Shape(Tally.Length));
    }

    /// <summary>Means since the last call by name, NaN of what did not occur; waits for the device.</summary>
    public IReadOnlyDictionary<string, double> Fetch()
    {
        double[] values = new double[names.Count * Tally.Length];
        State.Download(values.AsSpan());
        State.Upload<double>(new double[values.Length]);
        return names.Select((name, i) => (name, Mean: values[i * Tally.Length] / values[i * Tally.Length + 1])).ToDictionary(each => each.name, each => each.Mean);
    }

    public void Dispose() => sums.Dispose();
}

using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Training.Averages;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// Everything that one step hands to the next, in device memory: parameters, moments, averages, counters and the log's sums.
/// Random numbers have no state: they are counted by the step.
/// </summary>
internal sealed class TrainingState : IDisposable
{
    /// <summary>Relative widths of the power-function averages (arXiv:2312.02696, section 3.2).</summary>
    private static readonly double[] Widths = [0.05, 0.10];

    private readonly HalfLifeAverage halfLife;
    private readonly Tensor sums;

    public TrainingState(ComputeDevice device, TrainedNetwork network, AverageOptions options)
    {
        (string Name, Shape Shape)[] layout = [.. network.Layout, .. AdaptiveWeight.Layout];
        bool rounded = network.Storage == DType.BFloat16;
        Weights = new ParameterSlab(device, layout, withGradients: true, rounded, network.Joined);
        Average = new ParameterSlab(device, layout, withGradients: false, rounded, network.Joined);
        PowerAverages = options.PowerFunction
            ? [.. Widths.Select(width => (PowerAverage.OfWidth(width), new ParameterSlab(device, layout, withGradients: false, rounded: false, network.Joined)))]
            : [];
        halfLife = new HalfLifeAverage(options.HalfLifeImages, options.RampUp);
        Shape shape = Weights.Values.Shape;
        Optimizer = new AdamSlabs(
            Weights.Values, Weights.Gradients!, device.CreateTensor(shape), device.CreateTensor(shape),
            device.CreateTensor(new Shape(Adam.StateLength), DType.Float64))
        {
            Rounded = Weights.Rounded,
        };
        Counters = device.CreateTensor(new Shape(GradientNorm.CounterLength), DType.Int32);
        sums = device.CreateTensor(new Shape(Enum.GetValues<Logged>().Length * Tally.Length), DType.Float64);
    }

    /// <summary>The parameters and their gradients.</summary>
    public ParameterSlab Weights { get; }

    /// <summary>The average with a half-life.</summary>
    public ParameterSlab Average { get; }

    /// <summary>The power-function averages; empty unless asked for.</summary>
    public IReadOnlyList<(PowerAverage Kind, ParameterSlab Slab)> PowerAverages { get; }

    /// <summary>What the optimizer updates.</summary>
    public AdamSlabs Optimizer { get; }

    /// <summary>Counters of <see cref="GradientNorm"/>.</summary>
    public Tensor Counters { get; }

    /// <summary>Every tensor that a resumed run needs to go on with the same bits.</summary>
    public IReadOnlyList<StateTensor> Tensors =>
    [
        new("weights", Weights.Values, Weights), new("first_moment", Optimizer.First, Weights), new("second_moment", Optimizer.Second, Weights),
        new("optimizer", Optimizer.State), new("average", Average.Values, Average),
        .. PowerAverages.Select(average => new StateTensor($"power_average_{average.Kind.Width:F2}", average.Slab.Values, average.Slab)),
        new("counters", Counters), new("log", sums),
    ];

    /// <summary>The running sum of a logged quantity, since the log was last fetched.</summary>
    public Tensor Sum(Logged quantity) => sums.Slice((int)quantity * Tally.Length, new Shape(Tally.Length));

    /// <summary>Copies the weights to every average, as at the start of a training.</summary>
    public void StartAverages()
    {
        using var program = new ComputeProgram(Weights.Device);
        foreach (ParameterSlab slab in Averages)
            Copy.Into(program, Weights.Values, slab.Values);
        program.Run();
    }

    /// <summary>Brings the bf16 copies of weights and average up to date, which are no part of <see cref="Tensors"/>.</summary>
    public void RefreshRounded()
    {
        RoundedWeights.Refresh(Weights);
        RoundedWeights.Refresh(Average);
    }

    /// <summary>The share 1 - beta of the new weights in each average, after a step.</summary>
    public IEnumerable<float> Gains(long step, int batch)
    {
        yield return (float)(1 - halfLife.Beta((double)step * batch, batch));
        foreach ((PowerAverage kind, _) in PowerAverages)
            yield return (float)(1 - kind.Beta(step + 1, 1));
    }

    /// <summary>All averages, in the order of <see cref="Gains"/>.</summary>
    public IEnumerable<ParameterSlab> Averages => PowerAverages.Select(average => average.Slab).Prepend(Average);

    /// <summary>Means since the last call, and counts; waits for the device.</summary>
    public TrainingStatistics Fetch()
    {
        double[] values = new double[sums.Count];
        int[] counts = new int[GradientNorm.CounterLength];
        sums.Download(values.AsSpan());
        Counters.Download(counts.AsSpan());
        sums.Upload<double>(new double[sums.Count]);
        Counters.Upload<int>([.. counts[..3], 0]);
        return new TrainingStatistics
        {
            Loss = Mean(Logged.Loss),
            Error = Mean(Logged.Error),
            GradientNorm = Mean(Logged.GradientNorm),
            TangentNorm = Mean(Logged.TangentNorm),
            Taken = counts[0],
            Skipped = counts[1],
            LongestSkip = counts[3],
        };

        double Mean(Logged quantity)
        {
            ReadOnlySpan<double> tally = values.AsSpan((int)quantity * Tally.Length, Tally.Length);
            return tally[0] / tally[1];
        }
    }

    public void Dispose()
    {
        Weights.Dispose();
        foreach (ParameterSlab average in Averages)
            average.Dispose();
        foreach (Tensor tensor in (ReadOnlySpan<Tensor>)[Optimizer.First, Optimizer.Second, Optimizer.State, Counters, sums])
            tensor.Dispose();
    }
}

/// <summary>What is averaged between two lines of the log.</summary>
internal enum Logged
{
    Loss,
    Error,
    GradientNorm,
    TangentNorm,
}

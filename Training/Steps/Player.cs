using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;

namespace TrigFlowNative.Training.Steps;

/// <summary>
/// A player's state between training steps, in device memory: parameters, averages and, if it is trained, gradients, moments and counters.
/// Random numbers have no state, since they are counted by the step.
/// </summary>
internal sealed class Player : IDisposable
{
    private readonly PlayerSpec spec;
    private readonly TrainingOptions options;
    private readonly AdamSlabs? optimizer;
    private readonly Tensor? losses, clip, counters, zeroed;

    /// <summary>Allocates the state.</summary>
    /// <param name="device">Device of the training.</param>
    /// <param name="spec">Description of the player.</param>
    /// <param name="network">The player's network.</param>
    /// <param name="options">All settings of the training.</param>
    public Player(ComputeDevice device, PlayerSpec spec, INetwork network, TrainingOptions options)
    {
        (this.spec, this.options, Network) = (spec, options, network);
        DType activations = options.Precision.ActivationsOn(device);
        Weights = Slab(withGradients: spec.IsTrained);
        if (spec.IsAveraged)
        {
            double? result = options.Average.ResultWidth;
            if (options.Average.PowerFunction)
                PowerAverages = [.. AverageOptions.Widths.Select(width => (PowerAverage.OfWidth(width), Slab(masterOnly: width != result)))];
            Average = result is { } chosen ? PowerAverages[AverageOptions.Widths.Index().Single(each => each.Item == chosen).Index].Slab : Slab();
        }

        if (!spec.IsTrained)
            return;
        Shape shape = Weights.Values.Shape;
        optimizer = new AdamSlabs(
            Weights.Values, Weights.Gradients!, device.CreateTensor(shape), device.CreateTensor(shape), device.CreateTensor(new Shape(Adam.StateLength), DType.Float64))
        {
            ComputeWeights = network.ComputeWeights is null ? Weights.ComputeValues : null, // the optimizer writes bf16 copies itself; a network's own compute weights take a further step
        };
        losses = device.CreateTensor(new Shape(Tally.Length), DType.Float64);
        clip = device.CreateTensor(new Shape(GradientNorm.ClipLength));
        counters = device.CreateTensor(new Shape(GradientNorm.CounterLength), DType.Int32);
        zeroed = Optimizer.NonFinite == NonFiniteGradient.Zero ? device.CreateTensor(new Shape(1)) : null;

        ParameterSlab Slab(bool withGradients = false, bool masterOnly = false) =>
            network.CreateSlab(device, withGradients, activations, spec.FurtherParameters, masterOnly);
    }

    /// <summary>The architecture.</summary>
    public INetwork Network { get; }

    /// <summary>Parameters and, if the player is trained, their gradients.</summary>
    public ParameterSlab Weights { get; }

    /// <summary>The average that is the training's result, with a half-life or one of <see cref="PowerAverages"/>; null if none is kept.</summary>
    public ParameterSlab? Average { get; }

    /// <summary>Power-function averages; empty unless the options ask for them.</summary>
    public IReadOnlyList<(PowerAverage Kind, ParameterSlab Slab)> PowerAverages { get; } = [];

    /// <summary>Every tensor that a resumed run needs to continue bit for bit.</summary>
    public IEnumerable<StateTensor> State
    {
        get
        {
            string prefix = spec.Name == Objective.Student ? "" : $"{spec.Name}.";
            yield return new($"{prefix}weights", Weights.Values, Weights);
            if (optimizer is not null)
            {
                yield return new($"{prefix}first_moment", optimizer.FirstMoments, Weights);
                yield return new($"{prefix}second_moment", optimizer.SecondMoments, Weights);
                yield return new($"{prefix}optimizer", optimizer.State);
            }

            if (Average is not null && !ResultIsPower)
                yield return new($"{prefix}average", Average.Values, Average);
            foreach ((PowerAverage kind, ParameterSlab slab) in PowerAverages)
                yield return new($"{prefix}power_average_{kind.Width:F2}", slab.Values, slab);
            if (counters is not null)
                yield return new($"{prefix}counters", counters);
        }
    }

    private OptimizerOptions Optimizer => spec.Optimizer ?? options.Optimizer;

    private bool ResultIsPower => options.Average.ResultWidth is not null;

    private IEnumerable<ParameterSlab> Averages => PowerAverages.Select(average => average.Slab).Concat(Average is null || ResultIsPower ? [] : [Average]);

    /// <summary>
    /// Begins a training with the weights: a rule that constrains weights in training may overwrite them first, then every average takes them over. Makes the
    /// compute weights of weights and average.
    /// </summary>
    public void Start()
    {
        Network.RefreshComputeWeights(Weights, force: spec.IsTrained);
        if (Average is null)
            return;
        using var program = new ComputeProgram(Weights.Device);
        foreach (ParameterSlab slab in Averages)
            Copy.Into(program, Weights.Values, slab.Values);
        program.Run();
        Network.RefreshComputeWeights(Average);
    }

    /// <summary>Recomputes the compute weights of weights and average, which are not part of <see cref="State"/>.</summary>
    public void RefreshComputeWeights()
    {
        Network.RefreshComputeWeights(Weights);
        if (Average is not null)
            Network.RefreshComputeWeights(Average);
    }

    /// <summary>Sets the moments and the optimizer's step count to zero.</summary>
    /// <exception cref="InvalidOperationException">The player is not trained.</exception>
    public void ResetOptimizer()
    {
        AdamSlabs slabs = optimizer ?? throw new InvalidOperationException($"the player {spec.Name} is not trained");
        float[] zeros = new float[slabs.FirstMoments.Count];
        slabs.FirstMoments.Upload<float>(zeros);
        slabs.SecondMoments.Upload<float>(zeros);
        slabs.State.Upload<double>(new double[Adam.StateLength]);
    }

    /// <summary>Records the tally of a micro-batch's losses, by which an update with a non-finite loss is skipped.</summary>
    public void TallyLoss(ComputeProgram program, Tensor loss) => Tally.Into(program, loss, losses!);

    /// <summary>Records the update by the accumulated gradients, which is skipped if a gradient or loss is not finite, see <see cref="NonFiniteGradient"/>.</summary>
    public void RecordUpdate(ComputeProgram program, StepScalars scalars, Tallies tallies)
    {
        OptimizerOptions numbers = Optimizer;
        Network.ComputeWeights?.Backward(program, Weights);
        GradientNorm.Into(program, Weights.Gradients!, losses!, numbers.MaxGradientNorm ?? float.PositiveInfinity, clip!, counters!, zeroed);
        Tally.Into(program, clip!.Slice(0, new Shape(1)), tallies.Of(Prefixed(TallyNames.GradientNorm)));
        if (zeroed is not null)
            Tally.Into(program, zeroed, tallies.Of(Prefixed(TallyNames.ZeroedElements)));
        Tensor rate = scalars.Get(Prefixed("learning_rate"), step => numbers.LearningRate.At(step, options.Batch));
        // The optimizer's pass over the slabs updates the resulting average too; every other one takes a pass of its own.
        numbers.Record(program, Average is null ? optimizer! : optimizer! with { Average = (Average.Values, ResultGain()) }, rate, clip);
        foreach ((PowerAverage kind, ParameterSlab average) in PowerAverages.Where(each => each.Slab != Average))
            ExponentialAverage.Into(program, Weights.Values, average.Values, PowerGain(kind), clip);
        Network.ComputeWeights?.Make(program, Weights, force: true);

        Tensor Gain(string name, Func<long, double> at) => scalars.Get(Prefixed(name), at);

        Tensor PowerGain(PowerAverage kind) => Gain($"power_average_{kind.Width:F2}", step => 1 - kind.Beta(step + 1, 1));

        Tensor ResultGain() => ResultIsPower ? PowerGain(PowerAverages.Single(each => each.Slab == Average).Kind) : Gain("average", HalfLifeGain);
    }

    /// <summary>Fetches the steps taken and skipped since the start, and the most skips in a row since the last call; waits for the device.</summary>
    public (int Taken, int Skipped, int LongestSkip) FetchCounts()
    {
        if (counters is null)
            return default;
        int[] counts = new int[GradientNorm.CounterLength];
        counters.Download(counts.AsSpan());
        counters.Upload<int>([.. counts[..3], 0]);
        return (counts[0], counts[1], counts[3]);
    }

    /// <summary>Returns the name of a tally or scalar, with the player's name before it unless it is the student.</summary>
    public string Prefixed(string name) => spec.Name == Objective.Student ? name : $"{spec.Name}_{name}";

    public void Dispose()
    {
        Weights.Dispose();
        foreach (ParameterSlab average in Averages)
            average.Dispose();
        foreach (Tensor? tensor in (ReadOnlySpan<Tensor?>)[optimizer?.FirstMoments, optimizer?.SecondMoments, optimizer?.State, losses, clip, counters, zeroed])
            tensor?.Dispose();
    }

    /// <summary>Returns the share of the new weights in the half-life average after a step.</summary>
    private double HalfLifeGain(long step) =>
        1 - new HalfLifeAverage(options.Average.HalfLifeImages, options.Average.RampUp).Beta((double)step * options.Batch, options.Batch);
}

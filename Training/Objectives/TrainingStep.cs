using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// One optimisation step, recorded once as two programs and run many times: forward and backward of a piece of the batch, run for
/// every piece; then the update. What a step computes depends on the options, the state, the batch and the step's number alone.
/// </summary>
/// <remarks>
/// A step with a loss or gradient that is not finite leaves weights, moments and averages as they are, and is counted. Nothing
/// waits for the device, unless the host is a few batches ahead of it; statistics gather there until they are fetched. Not for
/// several threads.
/// </remarks>
public sealed class TrainingStep : IDisposable
{
    private readonly TrainingOptions options;
    private readonly TrainingState state;
    private readonly ComputeProgram accumulate, update;
    private readonly Tensor images, counter, scalars, losses, verdict, seed;
    private readonly Tensor? labels;
    private readonly PinnedUpload imageUpload, counterUpload, scalarUpload;
    private readonly PinnedUpload? labelUpload;

    /// <summary>Allocates the state and records the programs.</summary>
    /// <param name="device">Where the training runs.</param>
    /// <param name="network">The network trained, with the dropout to train with.</param>
    /// <param name="options">All numbers of the training.</param>
    /// <param name="sigmaData">Standard deviation of the data, over all pixels and channels.</param>
    /// <param name="initialise">Writes the network's first weights into a slab: <see cref="UNet.Initialise"/>, or a file's.</param>
    /// <param name="teacher">For distillation, the diffusion model, on the same device; it must outlive the step. Otherwise null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the teacher is missing, superfluous or does not fit.</exception>
    public TrainingStep(
        ComputeDevice device, UNet network, TrainingOptions options, float sigmaData, Action<ParameterSlab> initialise, TrigFlowModel? teacher = null)
        : this(
            device, TrainedNetwork.Of(network, options.Precision.StorageOn(device)), options, sigmaData, initialise,
            TeacherOf(network, sigmaData, teacher))
    {
    }

    internal TrainingStep(
        ComputeDevice device, TrainedNetwork network, TrainingOptions options, float sigmaData, Action<ParameterSlab> initialise, Teacher? teacher)
    {
        options.Validate();
        if (!(sigmaData is > 0 and < float.PositiveInfinity))
            throw new ArgumentException($"sigma_data is positive, not {sigmaData}");
        if (teacher is null == (options.Objective.Objective == Objective.Scd))
            throw new ArgumentException(teacher is null ? "distillation needs a teacher" : $"the objective {options.Objective.Objective} has no teacher");
        if (options.Objective is { Objective: Objective.Scd, MaxGuidance: > 1 } && network.LabelCount == 0)
            throw new ArgumentException($"max_guidance is {options.Objective.MaxGuidance}, but the network has no classes to be guided by");
        this.options = options;
        state = new TrainingState(device, network, options.Average);
        try
        {
            initialise(state.Weights);
        }
        catch
        {
            state.Dispose(); // a file that is not what it should be: whoever gave it may try another
            throw;
        }

        state.StartAverages();
        state.RefreshRounded();

        int n = options.Piece;
        images = device.CreateTensor(new Shape(n, network.Image.H, network.Image.W, network.Image.C));
        labels = network.LabelCount > 0 ? device.CreateTensor(new Shape(n), DType.Int32) : null;
        counter = device.CreateTensor(new Shape(2), DType.Int32);
        scalars = device.CreateTensor(new Shape(2 + state.Averages.Count()));
        losses = device.CreateTensor(new Shape(Tally.Length), DType.Float64);
        verdict = device.CreateTensor(new Shape(GradientNorm.VerdictLength));
        imageUpload = new PinnedUpload(images);
        labelUpload = labels is null ? null : new PinnedUpload(labels);
        counterUpload = new PinnedUpload(counter);
        scalarUpload = new PinnedUpload(scalars);
        seed = device.CreateTensor(new Shape(n), [.. Enumerable.Repeat(1f / options.Batch, n)]);
        accumulate = new ComputeProgram(device) { Tape = new Tape() };
        update = new ComputeProgram(device);
        RecordAccumulate(network, sigmaData, teacher);
        RecordUpdate();
    }

    /// <summary>The weights that are trained: the network's, and behind them those of the adaptive weighting.</summary>
    public ParameterSlab Weights => state.Weights;

    /// <summary>The average of the weights to sample from and to store as the result.</summary>
    public ParameterSlab Average => state.Average;

    /// <summary>The power-function averages, each with its relative width; empty unless asked for.</summary>
    public IReadOnlyList<(double Width, ParameterSlab Weights)> PowerAverages =>
        [.. state.PowerAverages.Select(average => (average.Kind.Width, average.Slab))];

    /// <summary>
    /// Every tensor that must be stored and restored, by name, for a run to go on with the same bits. Call
    /// <see cref="Refresh"/> after writing to them.
    /// </summary>
    public IReadOnlyList<StateTensor> State => state.Tensors;

    /// <summary>Runs a step; on a GPU it goes on while this returns.</summary>
    /// <param name="batchImages">Images (batch, H, W, C), as the data set has them: pixels in [-1, 1].</param>
    /// <param name="batchLabels">The class of each image, -1 for none; empty where the network has no classes.</param>
    /// <param name="step">Number of the step, from 0: decides random numbers, learning rate, warm-up and averages.</param>
    /// <exception cref="ArgumentException">The batch does not have the number of images, pixels or labels recorded.</exception>
    public void Run(ReadOnlySpan<float> batchImages, ReadOnlySpan<int> batchLabels, long step)
    {
        int pieces = options.Batch / options.Piece;
        if (batchImages.Length != (long)pieces * images.Count || batchLabels.Length != (labels is null ? 0 : options.Batch))
        {
            throw new ArgumentException(
                $"a batch is {pieces} times {images.Shape} with {(labels is null ? "no" : "as many")} labels, not {batchImages.Length} numbers and {batchLabels.Length} labels");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(step);
        scalarUpload.Write<float>(
            [(float)options.Optimizer.LearningRate.At(step), options.Objective.WarmUpAt(step), .. state.Gains(step, options.Batch)]);
        for (int i = 0; i < pieces; i++)
        {
            counterUpload.Write<int>([checked((int)step), i * options.Piece]);
            imageUpload.Write(batchImages.Slice(i * images.Count, images.Count));
            labelUpload?.Write(batchLabels.Slice(i * options.Piece, options.Piece));
            accumulate.Run();
        }

        update.Run();
    }

    /// <summary>The launches of a step in order, for those who time them one by one.</summary>
    internal IReadOnlyList<ProgramStep> ProgramSteps => [.. accumulate.Steps, .. update.Steps];

    /// <summary>
    /// Brings up to date what follows from <see cref="State"/>: the bf16 copies of weights and average. Steps keep that of the
    /// weights up to date, but not that of the average, which only sampling reads. Waits for the device.
    /// </summary>
    public void Refresh() => state.RefreshRounded();

    /// <summary>Means and counts since the last call; waits for the device.</summary>
    public TrainingStatistics FetchStatistics() => state.Fetch();

    /// <summary>
    /// Measures every launch of a step: those of a piece of the batch, then those of the update. Runs them several times over the
    /// last batch, after which the training is worth nothing.
    /// </summary>
    /// <param name="repetitions">Times that each launch is measured, at least 1.</param>
    public IReadOnlyList<StepTime> Time(int repetitions = 5) => [.. accumulate.Time(repetitions), .. update.Time(repetitions)];

    /// <summary>Releases the state and the programs.</summary>
    public void Dispose()
    {
        foreach (PinnedUpload? upload in (ReadOnlySpan<PinnedUpload?>)[imageUpload, labelUpload, counterUpload, scalarUpload])
            upload?.Dispose();
        accumulate.Dispose();
        update.Dispose();
        state.Dispose();
        foreach (Tensor? tensor in (ReadOnlySpan<Tensor?>)[images, labels, counter, scalars, losses, verdict, seed])
            tensor?.Dispose();
    }

    private static Teacher? TeacherOf(UNet network, float sigmaData, TrigFlowModel? teacher)
    {
        if (teacher is null)
            return null;
        UNetConfig student = network.Config, config = teacher.Network.Config;
        if ((config.Resolution, config.ImageChannels, config.LabelCount) != (student.Resolution, student.ImageChannels, student.LabelCount))
            throw new ArgumentException($"the teacher is for other images or classes: {config.ToJson()}");
        if (Math.Abs(teacher.SigmaData - sigmaData) > 1e-6f * sigmaData)
            throw new ArgumentException($"the teacher was trained with sigma_data {teacher.SigmaData}, not {sigmaData}: their times mean different noise");
        return new Teacher(TrainedNetwork.Of(teacher.Network, teacher.Storage), teacher.Weights);
    }

    private void RecordAccumulate(TrainedNetwork network, float sigmaData, Teacher? teacher)
    {
        var random = new RandomSource(options.Seed, RandomPurpose.None, counter);
        var inputs = new ObjectiveInputs(network, Weights, images, labels, random, sigmaData, options.Objective);
        Weights.WatchOn(accumulate.Tape!);
        ObjectivePass pass = options.Objective.Objective == Objective.TrigFlow
            ? DiffusionObjective.Record(accumulate, inputs)
            : ConsistencyObjective.Record(accumulate, inputs, teacher, Scalar(1));
        Tally.Into(accumulate, pass.Loss, losses);
        Tally.Into(accumulate, pass.Loss, state.Sum(Logged.Loss));
        Tally.Into(accumulate, pass.Error, state.Sum(Logged.Error));
        if (pass.TangentNorm is { } norm)
            Tally.Into(accumulate, norm, state.Sum(Logged.TangentNorm));
        accumulate.Tape!.Seed(pass.Loss, seed);
        accumulate.Tape.Backward();
        accumulate.Compile();
    }

    private void RecordUpdate()
    {
        float limit = options.Optimizer.MaxGradientNorm ?? float.PositiveInfinity;
        GradientNorm.Into(update, Weights.Gradients!, losses, limit, verdict, state.Counters);
        Tally.Into(update, verdict.Slice(0, new Shape(1)), state.Sum(Logged.GradientNorm));
        // The average that is sampled from moves in the optimizer's own pass over the slabs; the others, if any, in one each.
        options.Optimizer.Record(update, state.Optimizer with { Average = (Average.Values, Scalar(2)) }, Scalar(0), verdict);
        int next = 3;
        foreach ((_, ParameterSlab average) in state.PowerAverages)
            ExponentialAverage.Into(update, Weights.Values, average.Values, Scalar(next++), verdict);
        update.Compile();
    }

    /// <summary>Learning rate, warm-up r, then the gains of the averages.</summary>
    private Tensor Scalar(int i) => scalars.Slice(i, new Shape(1));
}

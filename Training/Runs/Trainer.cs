using System.Collections.Immutable;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>Trains one model in one folder, from the start or from the newest training state in the folder.</summary>
/// <remarks>
/// A run that was killed at any moment and started again ends with the same bits as one that never stopped: a training state holds
/// everything that a step depends on, and batches, noise, times and masks are counted by the step.
/// </remarks>
public static class Trainer
{
    /// <summary>Number of updates skipped in a row, for a loss or gradient that is not finite, after which a run gives up.</summary>
    public const int MaxSkipsInARow = 10;

    /// <summary>Trains to the configured number of images or until cancelled; the state is saved if steps were taken.</summary>
    /// <param name="config">All options of the run.</param>
    /// <param name="folder">Folder of the run, created if necessary.</param>
    /// <param name="device">Device of the training.</param>
    /// <param name="cancellation">Ends the run after the current training step, or at once while the images are read.</param>
    /// <returns>Progress of the run.</returns>
    /// <exception cref="UsageException">
    /// The folder holds a run of another configuration or with other contents, or a model without a training state; an option is out of range, the device
    /// has no kernels for the precision, the data, the teacher or the initial weights do not fit the network or the objective, or the objective's players,
    /// phases or tallies do not fit together.
    /// </exception>
    /// <exception cref="InvalidFileException">
    /// The data, teacher, initial weights or config.json are missing, damaged or malformed; or there are training states, but none loads.
    /// </exception>
    /// <exception cref="IOException">Another process trains in the folder, or a file in it cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file in the folder may not be read or written.</exception>
    /// <exception cref="MemoryLimitException">The host or the device has not the memory of the training.</exception>
    /// <exception cref="TrainingFailedException"><see cref="MaxSkipsInARow"/> updates in a row were skipped.</exception>
    public static TrainingOutcome Run(RunConfig config, string folder, ComputeDevice device, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(device);
        using RunDirectory directory = RunDirectory.Open(folder);
        (config, StoredConfig? stored, SavedState? state) = Begin(directory, Resolve(config, device));
        RunInputs inputs;
        try
        {
            inputs = Abandonable(() => RunInputs.Open(config, folder, state), cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return new TrainingOutcome(state?.Step ?? 0, Complete: false, 0, 0);
        }

        BatchLoader.RequireMemory(config.Training.Batch, (int)config.Network.Image.Count);
        using HeldOutEvaluation? evaluation = config.EvaluateEvery > 0 ? new HeldOutEvaluation(config, inputs.Data, device) : null;
        using TrigFlowModel? teacher = config.Teacher is null ? null : TrigFlowModel.Load(config.Teacher, device, config.Training.Precision, config.Network with { Conditions = [] });
        using TrigFlowModel? guide = config.Guide is null ? null : TrigFlowModel.Load(config.Guide, device, config.Training.Precision);
        INetwork network = Build(config);

        // A state holds everything that initial weights gave, so that their file is not needed again.
        string? start = state is null ? config.Init ?? config.Teacher : null;
        using TrainingStep step = CreateStep(config, device, network, inputs.Identity.SigmaData, start, teacher, guide);
        if (state is not null)
        {
            Checkpoint.Load(state.Path, step.State);
            step.Refresh();
        }

        using HeldOutLoss? heldOutLoss = evaluation is { TakesLoss: true } ? RecordLoss(step) : null;
        ImmutableArray<string> names = inputs.ClassNamesFor(network.Config);
        directory.WriteConfig(TextOf(stored, config with { ClassNames = [.. names] }));
        var log = new RunLog(directory.Log);
        if (inputs.Assumption is { } assumption)
            log.Say(assumption);
        if (state is not null)
            foreach (string line in directory.States.SetDamagedAside(state))
                log.Say(line);
        else if (directory.Snapshots.SetAside() is { } line)
            log.Say(line);
        Objective objective = config.Training.Objective.Create();
        var average = new TrigFlowModel(network, step.Average, inputs.Identity.SigmaData, objective.Makes)
        {
            ClassNames = names,
            Latents = inputs.Data.Train.Latents,
            GuidanceRange = objective.StudentGuidance,
        };
        using var run = new TrainingLoop(config, directory, device, step, average, inputs, log) { Evaluation = evaluation, HeldOutLoss = heldOutLoss };
        return run.Run(state?.Step ?? 0, cancellation);
    }

    /// <summary>
    /// Refuses what <see cref="Run"/> would refuse, as far as no device and no value of a weight tells it: options, images, the files that training starts from or learns
    /// from, and the run in the folder. Writes nothing.
    /// </summary>
    /// <param name="config">All options of the run.</param>
    /// <param name="folder">Folder of the run; null if none is named.</param>
    /// <param name="cancellation">Ends the check while the images are read.</param>
    /// <exception cref="UsageException">As for <see cref="Run"/>.</exception>
    /// <exception cref="InvalidFileException">As for <see cref="Run"/>.</exception>
    /// <exception cref="IOException">Another process trains in the folder, or a file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static void Check(RunConfig config, string? folder, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        using RunDirectory? directory = folder is null ? null : RunDirectory.OpenExisting(folder);
        SavedState? state = null;
        if (directory is null)
            config = config.WithConditions();
        else
            (config, _, state) = Begin(directory, WithStoredPrecision(directory, config));
        RunInputs inputs = Abandonable(() => RunInputs.Open(config, folder ?? "", state), cancellation);
        INetwork network = Build(config);
        try
        {
            TeacherCheck.Require(
                config.Training.Objective, network, inputs.Identity.SigmaData, ModelFacts.Read(config.Teacher, config.Network with { Conditions = [] }), ModelFacts.Read(config.Guide, null));
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }

        if (state is null && (config.Init ?? config.Teacher) is { } start)
            WeightFile.RequireFit(start, network);
    }

    /// <summary>A run is continued in the precision that auto stood for when it began.</summary>
    private static RunConfig WithStoredPrecision(RunDirectory directory, RunConfig asked) => asked.Training.Precision == Precision.Auto && File.Exists(directory.ConfigPath)
        ? asked with { Training = asked.Training with { Precision = StoredConfig.Read(directory.ConfigPath).Config.Training.Precision } }
        : asked;

    /// <summary>Resolves the precision auto on the device, so that a run is not continued in another precision.</summary>
    private static RunConfig Resolve(RunConfig config, ComputeDevice device)
    {
        try
        {
            return config with { Training = config.Training with { Precision = config.Training.Precision.On(device) } };
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>The text of config.json; an older run keeps the form of its own.</summary>
    /// <remarks>Paths are stored in full, so that the run can be resumed from any folder.</remarks>
    private static string TextOf(StoredConfig? stored, RunConfig config)
    {
        RunConfig full = config with { Data = FullPath(config.Data)!, Teacher = FullPath(config.Teacher), Guide = FullPath(config.Guide), Init = FullPath(config.Init), EvaluateWeights = FullPath(config.EvaluateWeights) };
        return stored?.TextOf(full) ?? full.ToText();
    }

    private static string? FullPath(string? path) => path is null || ImageDataset.IsSynthetic(path) ? path : Path.GetFullPath(path);

    /// <summary>Returns the configuration of a new run, or that of the folder's run, what config.json holds, and the state to continue from.</summary>
    private static (RunConfig Config, StoredConfig? Stored, SavedState? State) Begin(RunDirectory directory, RunConfig asked)
    {
        bool begun = File.Exists(directory.ConfigPath);
        if (!begun && directory.States.Paths().Count > 0)
            throw new InvalidFileException(directory.ConfigPath, "no such file, but there are training states beside it; put back the file, or choose another --out");
        StoredConfig? stored = begun ? StoredConfig.Read(directory.ConfigPath) : null;
        RunConfig config = stored?.Continue(asked, directory.Root) ?? asked.WithConditions();
        SavedState? state = directory.States.Newest();
        if (state is null)
            directory.RequireNoModel();
        else if (state.Identity is null && NamesOf(stored!.Config) != NamesOf(config))
            throw new UsageException($"{directory.Root} holds a run of an older version, which cannot tell contents apart: data, teacher and init must be named as in its config.json");
        return (config, stored, state);
    }

    private static (string? Data, string? Teacher, string? Init) NamesOf(RunConfig config) => (FullPath(config.Data), FullPath(config.Teacher), FullPath(config.Init));

    /// <summary>Runs what may take minutes and changes nothing on disk; a cancellation leaves it to end by itself.</summary>
    private static T Abandonable<T>(Func<T> work, CancellationToken cancellation)
    {
        Task<T> task = Task.Run(work, cancellation);
        Task.WaitAny([task], cancellation);
        return task.GetAwaiter().GetResult();
    }

    private static TrainingStep CreateStep(
        RunConfig config, ComputeDevice device, INetwork network, float sigmaData, string? start, TrigFlowModel? teacher, TrigFlowModel? guide)
    {
        try
        {
            return new TrainingStep(
                device, network, config.Training, sigmaData,
                weights =>
                {
                    if (start is null)
                    {
                        network.Initialise(weights, config.Training.Seed);
                        return;
                    }

                    WeightFile.LoadInto(start, network, weights);
                    if (config.Training.Objective.Create().Makes == ModelKind.Consistency)
                        network.InitialiseLoss(weights, config.Training.Seed); // that of a diffusion loss says nothing about this one
                },
                teacher, guide);
        }
        catch (TensorLimitException e)
        {
            throw new UsageException($"a batch of {config.Training.MicroBatchSize} images is too large at a time: {e.Message}; a smaller --batch, or micro-batches by --set micro_batch=N, are smaller");
        }
        catch (ArgumentException e)
        {
            // Options and files are the user's: a teacher for other images, say.
            throw new UsageException(e.Message);
        }
    }

    private static HeldOutLoss RecordLoss(TrainingStep step)
    {
        try
        {
            return step.RecordHeldOutLoss();
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"evaluate_metrics={HeldOutEvaluation.Loss}: {e.Message}");
        }
    }

    private static INetwork Build(RunConfig config)
    {
        try
        {
            return config.Network.Build();
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }
}

/// <summary>Progress of a run when <see cref="Trainer.Run"/> returns.</summary>
/// <param name="Step">Training steps done since the start of the run.</param>
/// <param name="Complete">Whether the configured number of images has been trained on.</param>
/// <param name="Seconds">Duration of this call's training steps, in seconds.</param>
/// <param name="ImagesPerSecond">Images per second in this call's training steps; 0 if there were none.</param>
public sealed record TrainingOutcome(long Step, bool Complete, double Seconds, double ImagesPerSecond);

/// <summary>A training cannot continue; all that was saved stays.</summary>
public sealed class TrainingFailedException(string message) : Exception(message);

using System.Text.Json.Nodes;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
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

    /// <summary>Trains to the configured number of images or until cancelled; either way the state is saved.</summary>
    /// <param name="config">All options of the run.</param>
    /// <param name="folder">Folder of the run, created if necessary.</param>
    /// <param name="device">Device of the training.</param>
    /// <param name="cancellation">Ends the run after the current training step.</param>
    /// <returns>Progress of the run.</returns>
    /// <exception cref="UsageException">
    /// The folder holds a run of another configuration, an option is out of range, the device has no kernels for the precision, the data, the teacher
    /// or the initial weights do not fit the network or the objective, or the objective's players, phases or tallies do not fit together.
    /// </exception>
    /// <exception cref="InvalidFileException">The data, teacher, initial weights or config.json are missing, damaged or malformed.</exception>
    /// <exception cref="ArgumentException">The network's images have neither 1 nor 3 channels, or are below 8 pixels for synthetic data.</exception>
    /// <exception cref="IOException">Another process trains in the folder, or a file in it cannot be read or written.</exception>
    /// <exception cref="TrainingFailedException"><see cref="MaxSkipsInARow"/> updates in a row were skipped.</exception>
    public static TrainingOutcome Run(RunConfig config, string folder, ComputeDevice device, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(device);
        using RunDirectory directory = RunDirectory.Open(folder);
        config = Resolve(config, device);
        (config, string stored) = ContinuedBy(directory, config);
        DatasetSplit data = OpenData(config);
        using TrigFlowModel? teacher = config.Teacher is null ? null : TrigFlowModel.Load(config.Teacher, device, config.Training.Precision);
        INetwork network = Build(config);
        float sigmaData = teacher?.SigmaData
            ?? (config.Init is null ? (float)PixelStatistics.Measure(data.Train).SigmaData : WeightFile.ReadDescription(config.Init).Description.SigmaData);
        string? start = config.Init ?? config.Teacher;
        using TrainingStep step = CreateStep(config, device, network, sigmaData, start, teacher);
        directory.WriteConfig(stored);
        long done = Restore(directory, step);
        using var run = new TrainingLoop(config, directory, device, step, new TrigFlowModel(network, step.Average, sigmaData, config.Training.Objective.Create().Makes), data);
        return run.Run(done, cancellation);
    }

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

    private static TrainingStep CreateStep(
        RunConfig config, ComputeDevice device, INetwork network, float sigmaData, string? start, TrigFlowModel? teacher)
    {
        try
        {
            return new TrainingStep(
                device, network, config.Training, sigmaData,
                weights =>
                {
                    if (start is null)
                        network.Initialise(weights, config.Training.Seed);
                    else
                        WeightFile.LoadInto(start, network, weights);
                },
                teacher);
        }
        catch (ArgumentException e)
        {
            // Options and files are the user's: a teacher for other images, say.
            throw new UsageException(e.Message);
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

    /// <summary>Opens images at a network's extents.</summary>
    /// <exception cref="UsageException">They cannot be brought to these extents.</exception>
    /// <exception cref="InvalidFileException">See <see cref="ImageDataset.Open"/>.</exception>
    internal static DatasetSplit OpenFitted(string data, Shape image)
    {
        try
        {
            return ImageDataset.Open(data, image.H, image.C);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"{data} cannot be fitted to images of {image}: {e.Message}");
        }
    }

    private static DatasetSplit OpenData(RunConfig config)
    {
        DatasetSplit data = OpenFitted(config.Data, config.Network.Image);
        if (config.Network.LabelCount > 0 && config.Network.LabelCount != data.Train.LabelCount)
            throw new UsageException($"the network has {config.Network.LabelCount} classes (label_dim), but {config.Data} has {data.Train.LabelCount}");
        return data;
    }

    /// <summary>
    /// Returns the configuration of a new run, or that of the folder's run, which must not differ from the requested one; and the text of config.json,
    /// which keeps an older form, so that the run is known as an older one when it is continued again.
    /// </summary>
    private static (RunConfig Config, string Text) ContinuedBy(RunDirectory directory, RunConfig asked)
    {
        if (directory.ReadConfig() is not { } text)
            return WithText(asked.WithConditions());
        JsonObject node, older;
        bool isOlder;
        RunConfig stored;
        try
        {
            node = JsonNode.Parse(text)!.AsObject();
            older = node.DeepClone().AsObject();
            isOlder = ConfigUpgrade.Apply(node);
            stored = RunConfig.FromJson(directory.ConfigPath, node);
            asked = (isOlder ? ConfigUpgrade.Adopt(asked, stored) : asked).WithConditions();
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(directory.ConfigPath, e.Message, e);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new InvalidFileException(directory.ConfigPath, "is not a JSON object", e);
        }

        if (RunConfig.FirstDifference(stored.ToJson(), asked.ToJson()) is { } difference)
            throw new UsageException($"{directory.Root} holds a run of another configuration: {difference}; choose another --out");
        return isOlder ? (asked, RunConfig.WithImages(older, asked.Images)) : WithText(asked);

        static (RunConfig Config, string Text) WithText(RunConfig config) => (config, config.ToText());
    }

    /// <summary>Loads the newest sound state and returns its step, or 0 without one. A damaged state is reported, and the one before it is tried.</summary>
    private static long Restore(RunDirectory directory, TrainingStep step)
    {
        foreach (string path in directory.CheckpointPaths())
        {
            try
            {
                long done = Checkpoint.Load(path, step.State);
                step.Refresh();
                return done;
            }
            catch (InvalidFileException e)
            {
                Console.Error.WriteLine($"{e.Message}; trying the state before it");
            }
        }

        return 0;
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

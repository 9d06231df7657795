using System.Text.Json.Nodes;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>Trains one model in one folder, from the start or from the newest state found there.</summary>
/// <remarks>
/// A run that was killed at any moment and started again ends with the bits of one that never stopped: a state holds everything
/// a step depends on, and batches, noise, times and masks are counted by the step.
/// </remarks>
public static class Trainer
{
    /// <summary>Steps whose loss or gradient is not finite, in a row, after which a run gives up.</summary>
    public const int MostSkipsInARow = 10;

    /// <summary>Trains until the configured number of images or until cancelled; either way the state is saved.</summary>
    /// <param name="config">All options.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="device">Where to train.</param>
    /// <param name="cancellation">Ends the run after the step at work.</param>
    /// <returns>How far the run is.</returns>
    /// <exception cref="UsageException">The folder holds a run of another configuration, or files do not fit together.</exception>
    /// <exception cref="TrainingFailedException">Ten steps in a row had no finite loss and gradient.</exception>
    public static TrainingOutcome Run(RunConfig config, string folder, ComputeDevice device, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(device);
        using RunDirectory directory = RunDirectory.Open(folder);
        config = Resolve(config, device);
        config = ContinuedBy(directory, config);
        DatasetSplit data = OpenData(config);
        using TrigFlowModel? teacher = config.Teacher is null ? null : TrigFlowModel.Load(config.Teacher, device, config.Training.Precision);
        INetwork network = Build(config);
        float sigmaData = teacher?.SigmaData
            ?? (config.Init is null ? (float)PixelStatistics.Measure(data.Train).SigmaData : WeightFile.ReadDescription(config.Init).Description.SigmaData);
        string? start = config.Init ?? config.Teacher;
        using TrainingStep step = CreateStep(config, device, network, sigmaData, start, teacher);
        directory.WriteConfig(config.ToText());
        long done = Restore(directory, step);
        using var run = new TrainingLoop(config, directory, device, step, new TrigFlowModel(network, step.Average, sigmaData, config.Training.Objective.Create().Makes), data);
        return run.Run(done, cancellation);
    }

    /// <summary>Names the precision that auto stands for, so that a run is not continued in another.</summary>
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
            // Options and files come from the command line: a teacher for other images, say.
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

    private static DatasetSplit OpenData(RunConfig config)
    {
        DatasetSplit data = ImageDataset.Open(config.Data, config.Network.Image.H, config.Network.Image.C);
        if (config.Network.LabelCount > 0 && config.Network.LabelCount != data.Train.LabelCount)
            throw new UsageException($"the network has {config.Network.LabelCount} classes (label_dim), {config.Data} has {data.Train.LabelCount}");
        return data;
    }

    /// <summary>The configuration with which the run in a folder goes on, or begins; refuses another than that it was begun with.</summary>
    private static RunConfig ContinuedBy(RunDirectory directory, RunConfig asked)
    {
        if (directory.ReadConfig() is not { } text)
            return asked.WithConditions();
        JsonObject node;
        RunConfig stored;
        try
        {
            node = JsonNode.Parse(text)!.AsObject();
            ConfigUpgrade.Apply(node);
            stored = RunConfig.FromJson(directory.ConfigPath, node);
            asked = ConfigUpgrade.Adopt(asked, stored).WithConditions();
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(directory.ConfigPath, e.Message, e);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new InvalidFileException(directory.ConfigPath, "is no JSON object", e);
        }

        return RunConfig.FirstDifference(stored.ToJson(), asked.ToJson()) is { } difference
            ? throw new UsageException($"{directory.Root} holds a run of another configuration: {difference}; take another --out")
            : asked;
    }

    /// <summary>Loads the newest sound state; returns its step. A damaged one is passed over for the one before, and said so.</summary>
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
                Console.Error.WriteLine($"{e.Message}; going on from the state before it");
            }
        }

        return 0;
    }
}

/// <summary>How far a run is when <see cref="Trainer.Run"/> returns.</summary>
/// <param name="Step">Steps done since the start of the run.</param>
/// <param name="Complete">Whether all images have been trained on.</param>
/// <param name="Seconds">Time of this call's steps.</param>
/// <param name="ImagesPerSecond">Speed of this call's steps; 0 if there were none.</param>
public sealed record TrainingOutcome(long Step, bool Complete, double Seconds, double ImagesPerSecond);

/// <summary>A run cannot go on; what has been saved stays.</summary>
public sealed class TrainingFailedException(string message) : Exception(message);

using System.Collections.Concurrent;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;
using static TrigFlowNative.Training.Optimization.OptimizerKind;

namespace TrigFlowNative.Training.Steps;

/// <summary>The settings with which the network of a preset is trained for an objective.</summary>
/// <param name="Images">Images to train on, counting repetitions; positive.</param>
/// <param name="Flip">Whether images are mirrored at random; not suitable where left and right mean something, as in digits.</param>
/// <param name="Options">All other settings.</param>
public sealed record TrainingPreset(long Images, bool Flip, TrainingOptions Options)
{
    /// <summary>Images between snapshots of the power-function averages; 0 for none.</summary>
    public long SnapshotImages { get; init; }

    /// <summary>Standard deviation of the data that the recipe assumes; null to measure it.</summary>
    public float? SigmaData { get; init; }
}

/// <summary>
/// Table of training settings for the named networks. The rows of cifar10 are those of arXiv:2410.11081, appendix G.2, and of
/// its reproductions. Those of mnist and demo are our own, for training within minutes: mnist on a GPU, demo on a CPU. Those of EDM2's networks are in
/// <see cref="Edm2Presets"/>.
/// </summary>
public static class TrainingPresets
{
    private static readonly ConcurrentDictionary<(string Preset, string Objective), TrainingPreset> Rows = new(Edm2Presets.Rows())
    {
#pragma warning disable format // columns line up
        //                           images  batch   flip  dropout     by   rate    beta2  half-life   objective: P_mean, P_std, H
        [("cifar10", "trigflow")] = Row( 204.8e6,   512,  true,   0.13f,   Adam,  1e-3,  0.999f,  500e3, new TrigFlowOptions { PMean = -1.2f, PStd = 1.2f }),
        [("cifar10", "sct")]      = Row( 204.8e6,   512,  true,   0.20f,  RAdam,  1e-4,   0.99f,  500e3, Consistency<ConsistencyOptions>(10_000)),
        [("cifar10", "scd")]      = Row( 204.8e6,   512,  true,   0.00f,  RAdam,  1e-4,   0.99f,  500e3, Consistency<DistillationOptions>(10_000)),
        [("mnist", "trigflow")]   = Row(   1.0e6,   256, false,   0.00f,   Adam,  1e-3,  0.999f,   50e3, new TrigFlowOptions { PMean = -1.2f, PStd = 1.2f }),
        [("mnist", "sct")]        = Row(   1.0e6,   256, false,   0.00f,  RAdam,  3e-4,   0.99f,   50e3, Consistency<ConsistencyOptions>(500)),
        [("mnist", "scd")]        = Row(   0.5e6,   256, false,   0.00f,  RAdam,  3e-4,   0.99f,   50e3, Consistency<DistillationOptions>(500)),
        [("demo", "trigflow")]    = Row(    26e3,    32, false,   0.00f,   Adam,  2e-3,  0.999f,    5e3, new TrigFlowOptions { PMean = -1.2f, PStd = 1.2f }),
        [("demo", "sct")]         = Row(    64e3,    32, false,   0.00f,  RAdam,  3e-4,   0.99f,    5e3, Consistency<ConsistencyOptions>(250)),
        [("demo", "scd")]         = Row(    28e3,    32, false,   0.00f,  RAdam,  5e-4,   0.99f,    5e3, Consistency<DistillationOptions>(250), decayAfterSteps: 150),
#pragma warning restore format
    };

    /// <summary>Adds the settings of a preset for an objective, or replaces them.</summary>
    public static void Set(string preset, string objective, TrainingPreset numbers) => Rows[(preset, objective)] = numbers;

    /// <summary>Returns the settings of a preset for an objective.</summary>
    /// <param name="preset">Name of the network.</param>
    /// <param name="objective">Name of the objective in <see cref="ObjectiveRegistry"/>.</param>
    /// <exception cref="ArgumentException">The table has no such row.</exception>
    public static TrainingPreset Get(string preset, string objective) => Rows.TryGetValue((preset, objective), out TrainingPreset? row)
        ? row with { Options = row.Options with { Objective = row.Options.Objective with { Name = objective } } }
        : throw new ArgumentException($"there are no training settings for the preset '{preset}' and the objective {objective}");

    private static T Consistency<T>(int warmUpSteps)
        where T : ConsistencyOptions, new() => new T() with { TangentWarmUp = warmUpSteps };

    private static TrainingPreset Row(
        double images, int batch, bool flip, float dropout, OptimizerKind kind, double rate, float beta2, double halfLifeImages, ObjectiveOptions objective,
        int decayAfterSteps = 0)
    {
        var options = new TrainingOptions
        {
            Batch = batch,
            Dropout = dropout,
            Objective = objective,
            Optimizer = new OptimizerOptions { Kind = kind, LearningRate = new LearningRateSchedule { Peak = rate, DecayAfterSteps = decayAfterSteps }, Beta2 = beta2 },
            Average = new AverageOptions { HalfLifeImages = halfLifeImages },
        };
        return new TrainingPreset((long)images, flip, options);
    }
}


using static TrigFlowNative.Training.Objectives.OptimizerKind;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The numbers with which a network of a preset is trained for an objective.</summary>
/// <param name="Images">Images to train on, repetitions counted.</param>
/// <param name="Dropout">Dropout of the network.</param>
/// <param name="Flip">Whether images are mirrored at random: not where left and right mean something, as in digits.</param>
/// <param name="Options">All other numbers.</param>
public sealed record TrainingPreset(long Images, float Dropout, bool Flip, TrainingOptions Options);

/// <summary>
/// One table of training numbers for the named networks. The rows of cifar10 are those of arXiv:2410.11081, appendix G.2, and
/// of its reproductions; those of mnist and demo are ours, for minutes on a GPU and on a CPU.
/// </summary>
public static class TrainingPresets
{
    /// <summary>The numbers for a preset and an objective.</summary>
    /// <exception cref="ArgumentException">There is no preset of that name.</exception>
    public static TrainingPreset Get(string preset, Objective objective)
    {
        TrainingPreset row = Row(preset, objective);
        return row with { Options = row.Options with { Objective = row.Options.Objective with { Objective = objective } } };
    }

    private static TrainingPreset Row(string preset, Objective objective) => (preset, objective) switch
    {
#pragma warning disable format // columns line up
        // for                                  images  batch   flip  dropout   P_mean   P_std        H      by   rate    beta2  half-life
        ("cifar10", Objective.TrigFlow) => Row( 204.8e6,   512,  true,   0.13f,   -1.2f,   1.2f,       0,   Adam,  1e-3,  0.999f,  500e3),
        ("cifar10", Objective.Sct) =>      Row( 204.8e6,   512,  true,   0.20f,   -1.0f,   1.4f,  10_000,  RAdam,  1e-4,   0.99f,  500e3),
        ("cifar10", Objective.Scd) =>      Row( 204.8e6,   512,  true,   0.00f,   -1.0f,   1.4f,  10_000,  RAdam,  1e-4,   0.99f,  500e3),
        ("mnist", Objective.TrigFlow) =>   Row(   1.0e6,   256, false,   0.00f,   -1.2f,   1.2f,       0,   Adam,  1e-3,  0.999f,   50e3),
        ("mnist", Objective.Sct) =>        Row(   1.0e6,   256, false,   0.00f,   -1.0f,   1.4f,     500,  RAdam,  3e-4,   0.99f,   50e3),
        ("mnist", Objective.Scd) =>        Row(   0.5e6,   256, false,   0.00f,   -1.0f,   1.4f,     500,  RAdam,  3e-4,   0.99f,   50e3),
        ("demo", Objective.TrigFlow) =>    Row(    26e3,    32, false,   0.00f,   -1.2f,   1.2f,       0,   Adam,  2e-3,  0.999f,    5e3),
        ("demo", Objective.Sct) =>         Row(    64e3,    32, false,   0.00f,   -1.0f,   1.4f,     250,  RAdam,  3e-4,   0.99f,    5e3),
        ("demo", Objective.Scd) =>         Row(    28e3,    32, false,   0.00f,   -1.0f,   1.4f,     250,  RAdam,  5e-4,   0.99f,    5e3, decayAfter: 150),
#pragma warning restore format
        _ => throw new ArgumentException($"there are no training numbers for the preset '{preset}' and the objective {objective}"),
    };

    private static TrainingPreset Row(
        double images, int batch, bool flip, float dropout, float pMean, float pStd, int warmUp, OptimizerKind kind, double rate, float beta2, double halfLife,
        int decayAfter = 0)
    {
        var options = new TrainingOptions
        {
            Batch = batch,
            Objective = new ObjectiveOptions { PMean = pMean, PStd = pStd, TangentWarmUp = warmUp },
            Optimizer = new OptimizerOptions { Kind = kind, LearningRate = new LearningRateSchedule { Peak = rate, DecayAfterSteps = decayAfter }, Beta2 = beta2 },
            Average = new AverageOptions { HalfLifeImages = halfLife },
        };
        return new TrainingPreset((long)images, dropout, flip, options);
    }
}

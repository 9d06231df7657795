using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;

namespace TrigFlowNative.Training.Steps;

/// <summary>
/// Training settings of EDM2's networks. Those of ImageNet are arXiv:2410.11081, appendix G and tables 4 and 5, with what EDM2's config G leaves as it is: batches
/// of 2048, Adam (0.9, 0.99, 1e-11) with the law of EDM2's learning rate, which consistency models multiply by 0.01; two power-function averages, of which the
/// narrower is the result; no flips; gradient elements that are not finite count as 0. Those of cifar10-edm2 are our own, for training within minutes on a GPU.
/// </summary>
/// <remarks>
/// A teacher is not the result of its run but an average of its own width, made by <c>trigflow reconstruct</c>: at 64x64 0.075, 0.06, 0.04 and 0.04 from S to XL, at
/// 512x512 0.025, 0.03, 0.015, 0.02 and 0.015 from S to XXL. Consistency models start from it too. The micro-batch only divides a step's work, so that it fits a GPU
/// of 139 GiB.
/// </remarks>
internal static class Edm2Presets
{
    private const int ImageNetBatch = 2048, SmallBatch = 512;

    /// <summary>Snapshots of ImageNet's trainings, as EDM2 takes them, and of the small ones.</summary>
    private const long SnapshotImages = 8L << 20, SmallSnapshotImages = 1L << 19;

#pragma warning disable format // columns line up
    //                             thousand steps  rate  dropout  thousand steps  dropout  thousand steps  dropout  micro-batch
    //                             diffusion                      sct                      scd
    private static readonly Recipe[] Recipes =
    [
        new("imagenet64-s",    false,  1048,  1.0e-2,   0.00f,     400,   0.45f,     400,   0.00f,  256),
        new("imagenet64-m",    false,  1486,  9.0e-3,   0.10f,     400,   0.45f,     400,   0.00f,  128),
        new("imagenet64-l",    false,   761,  8.0e-3,   0.10f,     400,   0.45f,     400,   0.00f,  128),
        new("imagenet64-xl",   false,   540,  7.0e-3,   0.10f,     400,   0.45f,     400,   0.00f,  128),
        new("imagenet512-s",    true,  1048,  1.0e-2,   0.00f,     100,   0.25f,     200,   0.00f,  256),
        new("imagenet512-m",    true,  1048,  9.0e-3,   0.10f,     100,   0.35f,     200,   0.10f,  128),
        new("imagenet512-l",    true,   696,  8.0e-3,   0.10f,     100,   0.35f,     200,   0.10f,  128),
        new("imagenet512-xl",   true,   598,  7.0e-3,   0.10f,     100,   0.35f,     200,   0.10f,  128),
        new("imagenet512-xxl",  true,   376,  6.5e-3,   0.10f,     100,   0.35f,     200,   0.10f,   64),
    ];
#pragma warning restore format

    /// <summary>All settings, by preset and objective.</summary>
    public static IEnumerable<KeyValuePair<(string Preset, string Objective), TrainingPreset>> Rows() => Recipes.SelectMany(RowsOf).Concat(Small());

    private static IEnumerable<KeyValuePair<(string Preset, string Objective), TrainingPreset>> RowsOf(Recipe recipe)
    {
        (float mean, float deviation) = recipe.Latents ? (-0.8f, 1.6f) : (-1.0f, 1.6f);
        yield return Row("trigflow", recipe.Steps, recipe.Rate, recipe.Dropout, null, recipe.Latents
            ? new TrigFlowOptions { PMean = -0.4f, PStd = 1.0f, LabelDropout = 0.1f }
            : new TrigFlowOptions { PMean = -0.8f, PStd = 1.6f, LabelDropout = 0 });
        yield return Row("sct", recipe.SctSteps, 0.01 * recipe.Rate, recipe.SctDropout, 16, new ConsistencyOptions { PMean = mean, PStd = deviation });
        yield return Row("scd", recipe.ScdSteps, 0.01 * recipe.Rate, recipe.ScdDropout, 16, new DistillationOptions { PMean = mean, PStd = deviation, MaxGuidance = recipe.Latents ? 2 : 1 });

        KeyValuePair<(string, string), TrainingPreset> Row(string objective, int thousandSteps, double rate, float dropout, int? resolution, ObjectiveOptions options)
        {
            var schedule = new LearningRateSchedule { Peak = rate, WarmUpImages = 10_000_000, DecayAfterImages = (recipe.Latents ? 70_000L : 35_000L) * ImageNetBatch };
            TrainingOptions all = Options(options, ImageNetBatch, schedule, resultWidth: 0.05) with
            {
                MicroBatch = recipe.MicroBatch,
                Dropout = dropout,
                DropoutResolution = resolution,
                Recompute = true,
            };
            return new((recipe.Preset, objective), new TrainingPreset(thousandSteps * 1000L * ImageNetBatch, Flip: false, all) { SnapshotImages = SnapshotImages, SigmaData = 0.5f });
        }
    }

    private static IEnumerable<KeyValuePair<(string Preset, string Objective), TrainingPreset>> Small()
    {
        yield return Row("trigflow", 6_000_000, 1e-2, 0, null, new TrigFlowOptions { PMean = -1.2f, PStd = 1.2f, LabelDropout = 0.1f });
        yield return Row("sct", 4_000_000, 1e-3, 0.2f, 16, new ConsistencyOptions { PMean = -1.0f, PStd = 1.4f, TangentWarmUp = 1000 });
        yield return Row("scd", 4_000_000, 1e-3, 0, null, new DistillationOptions { PMean = -1.0f, PStd = 1.4f, TangentWarmUp = 1000, MaxGuidance = 2 });

        static KeyValuePair<(string, string), TrainingPreset> Row(string objective, long images, double rate, float dropout, int? resolution, ObjectiveOptions options)
        {
            var schedule = new LearningRateSchedule { Peak = rate, WarmUpImages = 100_000, DecayAfterImages = 1_000_000 };
            TrainingOptions all = Options(options, SmallBatch, schedule, resultWidth: 0.10) with { Dropout = dropout, DropoutResolution = resolution };
            return new(("cifar10-edm2", objective), new TrainingPreset(images, Flip: true, all) { SnapshotImages = SmallSnapshotImages });
        }
    }

    private static TrainingOptions Options(ObjectiveOptions objective, int batch, LearningRateSchedule rate, double resultWidth) => new()
    {
        Batch = batch,
        Objective = objective,
        Optimizer = new OptimizerOptions { LearningRate = rate, Beta2 = 0.99f, Epsilon = 1e-11f, NonFinite = NonFiniteGradient.Zero },
        Average = new AverageOptions { PowerFunction = true, ResultWidth = resultWidth },
    };

    private sealed record Recipe(
        string Preset, bool Latents, int Steps, double Rate, float Dropout, int SctSteps, float SctDropout, int ScdSteps, float ScdDropout, int MicroBatch);
}

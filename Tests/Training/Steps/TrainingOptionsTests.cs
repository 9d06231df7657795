using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class TrainingOptionsTests
{
    [Theory]
    [InlineData(0, 0, 0, 1.0)]
    [InlineData(5000, 0, 0, 1.0)]
    [InlineData(0, 100, 0, 0.01)]
    [InlineData(49, 100, 0, 0.5)]
    [InlineData(500, 100, 0, 1.0)]
    [InlineData(999, 0, 1000, 1.0)]
    [InlineData(3999, 100, 1000, 0.5)]
    public void The_learning_rate_rises_stays_and_falls(long step, long warmUp, long decayAfter, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule { Peak = 1, WarmUpSteps = warmUp, DecayAfterSteps = decayAfter }.At(step, batch: 7), 1e-12);

    /// <summary>EDM2's law, lr_ref / sqrt(max(n / (t_ref B), 1)) min(n / 1e7, 1) before the step that follows n images, worked out by hand.</summary>
    [Theory]
    [InlineData(0, 0.0)] // n = 0
    [InlineData(1, 2048e-7 * 0.01)]
    [InlineData(2441, 0.4999168 * 0.01)] // n = 4,999,168
    [InlineData(4882, 0.9998336 * 0.01)] // the last step of the rise
    [InlineData(4883, 0.01)] // n = 10,000,384
    [InlineData(35_000, 0.01)] // n = t_ref B: the fall begins
    [InlineData(140_000, 0.005)]
    [InlineData(1_048_576, 0.01 / 5.4735102)] // sqrt(1048576 / 35000)
    public void The_learning_rate_of_EDM2_counts_images(long step, double expected) => Assert.Equal(
        expected, new LearningRateSchedule { Peak = 0.01, WarmUpImages = 10_000_000, DecayAfterImages = 35_000L * 2048 }.At(step, batch: 2048), 1e-9);

    [Fact]
    public void The_tangent_warms_up_over_H_steps()
    {
        var options = new ConsistencyOptions { TangentWarmUp = 4 };
        Assert.Equal([0, 0.25, 0.5, 0.75, 1, 1], Enumerable.Range(0, 6).Select(step => options.WarmUpAt(step)));
        Assert.Equal(1, new ConsistencyOptions { TangentWarmUp = 0 }.WarmUpAt(0));
    }

    [Fact]
    public void Every_network_preset_has_numbers_for_every_objective()
    {
        // Those of this repository: a program that adds a preset gives it the numbers that it needs.
        string[] presets = [.. ModelPresets.All.Where(preset => preset.Value.GetType().Assembly == typeof(ModelPresets).Assembly).Select(preset => preset.Key)];
        string[] objectives = [.. ObjectiveRegistry.All.Where(entry => entry.Value.Options.Assembly == typeof(ObjectiveRegistry).Assembly).Select(entry => entry.Key)];
        Assert.True(presets.Length >= 3 && objectives.Length >= 3);
        foreach (string preset in presets)
        {
            foreach (string objective in objectives)
            {
                TrainingPreset row = TrainingPresets.Get(preset, objective);
                row.Options.Validate();
                Assert.Equal(objective, row.Options.Objective.Name);
                Assert.IsType(ObjectiveRegistry.Defaults(objective).GetType(), row.Options.Objective);
                Assert.True(row.Images >= row.Options.Batch);
            }
        }

        Assert.Throws<ArgumentException>(() => TrainingPresets.Get("imagenet64", "sct"));
    }

    /// <summary>arXiv:2410.11081, tables 4 and 5.</summary>
    [Theory]
    [InlineData("imagenet64-s", "trigflow", 1048e3, 1e-2, 0.0, null, -0.8, 1.6, 35_000)]
    [InlineData("imagenet64-m", "sct", 400e3, 9e-5, 0.45, 16, -1.0, 1.6, 35_000)]
    [InlineData("imagenet64-xl", "scd", 400e3, 7e-5, 0.0, 16, -1.0, 1.6, 35_000)]
    [InlineData("imagenet512-m", "trigflow", 1048e3, 9e-3, 0.1, null, -0.4, 1.0, 70_000)]
    [InlineData("imagenet512-s", "sct", 100e3, 1e-4, 0.25, 16, -0.8, 1.6, 70_000)]
    [InlineData("imagenet512-l", "sct", 100e3, 8e-5, 0.35, 16, -0.8, 1.6, 70_000)]
    [InlineData("imagenet512-s", "scd", 200e3, 1e-4, 0.0, 16, -0.8, 1.6, 70_000)]
    [InlineData("imagenet512-xxl", "scd", 200e3, 6.5e-5, 0.1, 16, -0.8, 1.6, 70_000)]
    public void Recipes_of_ImageNet_are_those_of_the_paper(
        string preset, string objective, double steps, double rate, double dropout, int? resolution, double mean, double deviation, long decayAfter)
    {
        TrainingPreset row = TrainingPresets.Get(preset, objective);
        TrainingOptions options = row.Options;
        Assert.Equal((long)steps, row.Images / 2048);
        Assert.Equal((2048, (float)dropout, resolution, false, 8_388_608), (options.Batch, options.Dropout, options.DropoutResolution, row.Flip, row.SnapshotImages));
        Assert.Equal((OptimizerKind.Adam, 0.9f, 0.99f, 1e-11f, NonFiniteGradient.Zero), (options.Optimizer.Kind, options.Optimizer.Beta1, options.Optimizer.Beta2, options.Optimizer.Epsilon, options.Optimizer.NonFinite));
        Assert.Null(options.Optimizer.MaxGradientNorm);
        Assert.Equal(rate, options.Optimizer.LearningRate.Peak, 1e-12);
        Assert.Equal((10_000_000, decayAfter * 2048), (options.Optimizer.LearningRate.WarmUpImages, options.Optimizer.LearningRate.DecayAfterImages));
        Assert.Equal((true, 0.05), (options.Average.PowerFunction, options.Average.ResultWidth));
        var regression = (RegressionOptions)options.Objective;
        Assert.Equal(((float)mean, (float)deviation, LossKind.Squared), (regression.PMean, regression.PStd, regression.Loss));
        bool latents = preset.StartsWith("imagenet512", StringComparison.Ordinal);
        if (regression is TrigFlowOptions diffusion)
            Assert.Equal(latents ? 0.1f : 0, diffusion.LabelDropout);
        if (regression is ConsistencyOptions consistency)
            Assert.Equal((10_000, 0.1f, TangentNorm.Euclidean), (consistency.TangentWarmUp, consistency.TangentConstant, consistency.TangentNorm));
        if (regression is DistillationOptions distillation)
            Assert.Equal((latents ? 2 : 1, true), (distillation.MaxGuidance, distillation.GuidanceInput));
    }

    /// <summary>The paper's, for CIFAR-10: what an objective has without a preset.</summary>
    [Fact]
    public void Noise_of_an_objective_is_by_default_that_of_the_paper()
    {
        static (float Mean, float Deviation) Of(string objective) => ObjectiveRegistry.Defaults(objective) is RegressionOptions options ? (options.PMean, options.PStd) : default;
        Assert.Equal([(-1.2f, 1.2f), (-1.0f, 1.4f), (-1.0f, 1.4f)], new[] { "trigflow", "sct", "scd" }.Select(Of));
    }

    [Fact]
    public void A_batch_that_is_no_multiple_of_the_micro_batch_names_both()
    {
        ArgumentException refused = Assert.Throws<ArgumentException>(() => new TrainingOptions { Batch = 64, MicroBatch = 256 }.Validate());
        Assert.Equal("batch 64 is no multiple of micro_batch 256, the images of a pass: set micro_batch too, to a divisor, or to 0 for the whole batch", refused.Message);
    }

    [Fact]
    public void Refuses_numbers_out_of_range()
    {
        var good = new TrainingOptions();
        good.Validate();
        TrainingOptions[] bad =
        [
            good with { Batch = 0 }, good with { Batch = 8, MicroBatch = 3 }, good with { MicroBatch = -1 },
            good with { Objective = new TrigFlowOptions { PStd = -1 } }, good with { Objective = new TrigFlowOptions { PMean = float.NaN } },
            good with { Objective = new TrigFlowOptions { LabelDropout = 1.5f } }, good with { Objective = new DistillationOptions { MaxGuidance = 0.5f } },
            good with { Objective = new ConsistencyOptions { TangentWarmUp = -1 } }, good with { Objective = new ConsistencyOptions { TangentConstant = -1 } },
            good with { Objective = new TrigFlowOptions { HuberConstant = -1 } }, good with { Objective = new TrigFlowOptions { Loss = (LossKind)9 } },
            good with { Dropout = 1 }, good with { Dropout = -0.1f },
            good with { Optimizer = good.Optimizer with { Beta1 = 1 } }, good with { Optimizer = good.Optimizer with { Epsilon = 0 } },
            good with { Optimizer = good.Optimizer with { MaxGradientNorm = 0 } },
            good with { Optimizer = good.Optimizer with { LearningRate = new LearningRateSchedule { Peak = double.NaN } } },
            good with { DropoutResolution = 0 }, WithRate(new() { WarmUpImages = -1 }), WithRate(new() { DecayAfterImages = -1 }),
            WithRate(new() { WarmUpImages = 5, WarmUpSteps = 5 }), WithRate(new() { DecayAfterImages = 5, DecayAfterSteps = 5 }),
            good with { Average = good.Average with { HalfLifeImages = 0 } }, good with { Average = good.Average with { RampUp = -1 } },
        ];
        Assert.All(bad, options => Assert.Throws<ArgumentException>(options.Validate));

        TrainingOptions WithRate(LearningRateSchedule rate) => good with { Optimizer = good.Optimizer with { LearningRate = rate } };
    }
}

using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>A training from files beside the step alone.</summary>
public class TrainingTrialTests
{
    [Fact]
    public void A_training_is_taken_apart()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        long held = cpu.AllocatedBytes;
        var trial = new TrainingTrial(cpu, new StepOptions("demo", StepOptions.Guided, 2, 0, Precision.Fp32), "synthetic", new SustainOptions(0, 0.05));
        TrialPart[] parts = [.. trial.Run()];
        Assert.Equal(["step alone", "step fed by the loader", "loader alone", "training"], parts.Select(part => part.Name));
        Assert.All(parts, part => Assert.InRange(part.ImagesPerSecond, 0.1, 1e9));
        Assert.InRange(parts[1].WaitPercent!.Value, 0, 100);
        Assert.Null(parts[0].WaitPercent);
        Assert.True(parts[2].ImagesPerSecond > parts[0].ImagesPerSecond);
        Assert.Equal(held, cpu.AllocatedBytes);
    }

    /// <summary>Of 100, 50 and 200 images a second over 100, 100 and 400 images, the first second loads the card: 500 images in 4 s remain.</summary>
    [Theory]
    [InlineData(0, 120)]
    [InlineData(1, 125)]
    [InlineData(2, 200)]
    [InlineData(60, 200)] // of a log that is shorter the last line counts
    public void The_first_seconds_of_a_run_do_not_count(double warm, double expected)
    {
        MetricsRow[] rows = [Row(10, 100), Row(20, 50), Row(60, 200)];
        Assert.Equal(expected, TrainingTrial.Speed(rows, batch: 10, warm), 9);
    }

    private static MetricsRow Row(long step, double speed) => new() { Step = step, ImagesPerSecond = speed };
}

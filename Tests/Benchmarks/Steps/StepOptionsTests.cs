using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The training step that is measured.</summary>
public class StepOptionsTests
{
    private static readonly StepOptions Options = new("demo", "sct", 1, 0, Precision.Fp32);

    [Fact]
    public void Backward_steps_belong_to_the_layer_of_their_op()
    {
        using TrainingStep step = Options.Create(TestDevices.Get("cpu"), out _);
        string[] LayersOf(string op) => [.. step.ProgramSteps.Where(each => each.Op == op).Select(each => each.Layer).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(LayersOf("conv2d.forward"));
        Assert.Equal(LayersOf("conv2d.forward"), LayersOf("conv2d.backward.weight"));
        Assert.Equal(LayersOf("groupnorm.tangent"), LayersOf("groupnorm.backward"));
        Assert.DoesNotContain("", LayersOf("conv2d.backward.weight"));
    }

    [Fact]
    public void Distillation_runs_a_teacher_too()
    {
        using TrainingStep step = (Options with { Objective = "scd" }).Create(TestDevices.Get("cpu"), out TrigFlowModel? teacher);
        using (teacher)
            Assert.NotNull(teacher);
        Assert.Throws<UsageException>(() => (Options with { Preset = "none" }).Create(TestDevices.Get("cpu"), out _));
        Assert.Throws<UsageException>(() => (Options with { Precision = Precision.Bf16 }).Create(TestDevices.Get("cpu"), out _));
        Assert.Throws<UsageException>(() => (Options with { Batch = 0 }).Create(TestDevices.Get("cpu"), out _));
    }
}

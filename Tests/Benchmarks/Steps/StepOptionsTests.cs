using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Objectives;
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
    public void Every_registered_objective_is_measured_with_the_preset_s_numbers_or_its_own_defaults()
    {
        Assert.Equal(ObjectiveRegistry.All.Keys.Order(StringComparer.Ordinal), BenchmarkSuite.Named("step/demo n2", DType.Float32).Select(each => each.Direction));
        Assert.Equal(TrainingPresets.Get("demo", "sct").Options, Options.Numbers());
        Assert.Equal(ObjectiveRegistry.Defaults("scd"), (Options with { Preset = "untrained", Objective = "scd" }).Numbers().Objective);
        UsageException refusal = Assert.Throws<UsageException>(() => (Options with { Objective = "none" }).Create(TestDevices.Get("cpu"), out _));
        Assert.Contains("scd, sct, trigflow", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Guided distillation has a teacher with classes and runs it twice; a step of micro-batches counts each of them.</summary>
    [Fact]
    public void A_guided_teacher_runs_twice()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        StepOptions plain = Options with { Objective = "scd", Batch = 4 }, guided = plain with { Objective = StepOptions.Guided };
        double Flops(StepOptions options)
        {
            using TrainingStep step = options.Create(cpu, out TrigFlowModel? teacher);
            using (teacher)
                return options.FlopsOf(step);
        }

        double pass = 4 * RecordedPass.OfPreset("demo").Flops;
        Assert.InRange((Flops(guided) - Flops(plain)) / pass, 1, 1.1); // the layers of class and scale are part of it
        Assert.Equal(Flops(guided), Flops(guided with { MicroBatch = 2 }), 1e-6 * pass);
        Assert.Equal((10, 4), (guided.Network.LabelCount, guided.Labels().Length));
        Assert.Equal(2, ((DistillationOptions)guided.Numbers().Objective).MaxGuidance);
        Assert.Contains(StepOptions.Guided, StepOptions.Objectives);
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

using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

public class TimelineTests
{
    private static readonly StepOptions Options = new("demo", "sct", 1, 0, Precision.Fp32);

    [Fact]
    public void A_step_costs_what_its_tensors_say()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        var tape = new Tape();
        using var program = new ComputeProgram(cpu) { Tape = tape };
        using Tensor source = cpu.CreateTensor(new Shape(2, 5, 3, 4)), weight = cpu.CreateTensor(new Shape(6, 3, 3, 4)), gradient = cpu.CreateTensor(weight.Shape);
        tape.Watch(weight, gradient);
        tape.Watch(source, source);
        Tensor y = Conv2d.Apply(program, Copy.Join(program, source, source), weight);
        using Tensor dy = cpu.CreateTensor(y.Shape);
        tape.Seed(y, dy);
        tape.Backward();
        OpCost Cost(string op) => OpCost.Of(program.Steps.Single(step => step.Op == op));
        Assert.Equal(2.0 * 60 * 6 * 36, Cost("conv2d.forward").Flops); // 30 pixels and as many of the tangent, 6 x 3 x 3 x 4 weights
        Assert.Equal(4.0 * (60 * 4 + 60 * 6 + 216), Cost("conv2d.forward").Bytes);
        Assert.Equal(2.0 * 30 * 6 * 36, Cost("conv2d.backward.x").Flops); // no tangent flows back
        Assert.Equal(2.0 * 30 * 6 * 36, Cost("conv2d.backward.weight").Flops);
    }

    [Fact]
    public void The_products_of_a_training_step_are_four_forward_passes()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using TrainingStep step = Options.Create(cpu, out TrigFlowModel? teacher);
        Assert.Null(teacher);
        double flops = step.ProgramSteps.Sum(each => OpCost.Of(each).Flops), forward = ((DdpmppNetwork)ModelPresets.Get("demo").Build()).ForwardFlops;
        // Primal, tangent, and the two gradients of each product; attention has six and five products instead of two and four, and the
        // stem and the first layer of the embedding need no gradient of their inputs.
        Assert.InRange(flops / forward, 3.9, 4.1);
    }

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
    public void Rows_share_the_time_and_know_their_bound()
    {
        using TrainingStep step = Options.Create(TestDevices.Get("cpu"), out _);
        ProgramStep product = step.ProgramSteps.First(each => each.Op == "conv2d.forward"), other = step.ProgramSteps.First(each => each.Op == "silu.tangent");
        IReadOnlyList<TimelineRow> rows = TimelineRow.Of([new(product, 3e-6), new(other, 1e-6)], new Ceilings(1e12, 1e12));
        Assert.Equal([75.0, 25.0], rows.Select(row => Math.Round(row.SharePercent, 9)));
        Assert.Equal(rows[0].Gflop * 1e3, rows[0].BoundMicroseconds!.Value, 6); // 1 TFLOP/s: 1 us for each million
        Assert.Null(TimelineRow.Of([new(product, 3e-6), new(other, 0)], new Ceilings(1e12, 1e12))[1].BoundPercent); // shorter than the host's clock can tell
        string table = TimelineRow.Table(rows, "op", row => row.Op);
        Assert.True(table.IndexOf("conv2d.forward", StringComparison.Ordinal) < table.IndexOf("silu.tangent", StringComparison.Ordinal));
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

using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Minimum cost of recorded steps, against numbers computed by hand.</summary>
public class OpCostTests
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
    public void A_product_of_two_tensors_costs_as_much_in_each_direction()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor a = cpu.CreateTensor(new Shape(3, 5)), b = cpu.CreateTensor(new Shape(5, 7)), dy = cpu.CreateTensor(new Shape(3, 7));
        var tape = new Tape();
        using var program = new ComputeProgram(cpu) { Tape = tape };
        tape.Watch(a, a);
        tape.Watch(b, b);
        tape.Seed(MatMul.Apply(program, a, b), dy);
        tape.Backward();
        MatMul.Apply(program, program.Allocate(a.Shape, hasTangent: true), b);
        MatMul.Apply(program, program.Allocate(a.Shape, hasTangent: true), program.Allocate(b.Shape, hasTangent: true));
        Assert.Equal(["matmul.forward", "matmul.backward.a", "matmul.backward.b", "matmul.tangent", "matmul.tangent"], program.Steps.Select(step => step.Op));
        Assert.Equal([1.0, 1, 1, 2, 3], program.Steps.Select(step => OpCost.Of(step).Flops / (2 * 3 * 5 * 7))); // the tangent: ta b, and a tb if b has one
    }

    /// <summary>As tensor cores of Hopper record it: two sources, and a projection shortcut of two in the same step.</summary>
    [Theory]
    [InlineData(20, 5, 7)]
    [InlineData(6, 5, 5)] // the second source has as many rows as there are outputs, and the shape of a weight for the first
    public void A_step_of_several_sources_counts_each_weight_once(int rows, int channels, int more)
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor Rows(int extent, int width) => program.Allocate(new Shape(extent, 1, 1, width));
        Tensor bias = program.Allocate(new Shape(6)), y = Rows(rows, 6);
        Tensor[] sources = [Rows(rows, channels), Rows(rows, more)], shortcut = [Rows(rows, 3), Rows(rows, 4)];
        program.Emit("linear.forward", [.. sources, Rows(6, channels + more), bias], [y], _ => { }, _ => () => { });
        program.Emit("linear.forward", [.. sources, Rows(6, channels + more), bias, .. shortcut, Rows(6, 7), bias], [y], _ => { }, _ => () => { });
        program.Emit("linear.forward", [sources[0], bias], [y], _ => { }, _ => () => { });
        Assert.Equal(2.0 * rows * 6 * (channels + more), OpCost.Of(program.Steps[0]).Flops);
        Assert.Equal(2.0 * rows * 6 * (channels + more + 7), OpCost.Of(program.Steps[1]).Flops);
        Assert.Throws<ArgumentException>(() => OpCost.Of(program.Steps[2]));
    }

    [Fact]
    public void The_products_of_a_training_step_are_four_forward_passes()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using TrainingStep step = Options.Create(cpu, out TrigFlowModel? teacher);
        Assert.Null(teacher);
        double flops = step.ProgramSteps.Sum(each => OpCost.Of(each).Flops), forward = RecordedPass.OfPreset("demo").Flops;
        // Primal, tangent, and the two gradients of each product; attention has six and five products instead of two and four, and the
        // stem and the first layer of the embedding need no gradient of their inputs.
        Assert.InRange(flops / forward, 3.9, 4.1);
    }
}

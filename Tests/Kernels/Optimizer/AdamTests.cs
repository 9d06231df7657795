using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class AdamTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Follows_float64_over_20_steps_with_one_skipped(string device) =>
        OptimizerRun.Check(device, rectified: false, new AdamOptions(0.9f, 0.999f, 1e-8f));

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Follows_float64_with_a_large_epsilon(string device) =>
        OptimizerRun.Check(device, rectified: false, new AdamOptions(0.5f, 0.9f, 0.1f));

    [Fact]
    public void Takes_a_first_step_of_the_learning_rate_whatever_the_scale()
    {
        // m / (1 - b1) = g and sqrt(v / (1 - b2)) = |g| at the first step: theta moves by the rate against the gradient's sign.
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var run = new OptimizerRun(cpu, 3, rectified: false, new AdamOptions(0.9f, 0.99f, 1e-30f));
        run.Step([1e-6f, -5f, 1e4f], factor: 1f, rate: 0.25f);
        Assert.Equal([-0.25, 0.25, -0.25], run.Values.ToArray().Select(v => Math.Round(v, 5)));
    }

    /// <summary>The bits are those of a step whose bad elements are 0, in whatever part of a vector they lie.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Takes_elements_that_are_not_finite_as_0(string device)
    {
        const int count = 39;
        float[] gradients = [.. Enumerable.Range(0, count).Select(i => 0.1f * (i - 12))], zeroed = [.. gradients];
        foreach ((int place, float value) in new[] { (0, float.NaN), (7, float.PositiveInfinity), (18, float.NegativeInfinity), (36, float.NaN), (38, float.PositiveInfinity) })
            (gradients[place], zeroed[place]) = (value, 0);
        Assert.Equal(Values(zeroed, zeroes: false), Values(gradients, zeroes: true));
        Assert.Contains(Values(gradients, zeroes: false), float.IsNaN);

        float[] Values(float[] second, bool zeroes)
        {
            using var run = new OptimizerRun(TestDevices.Get(device), count, rectified: false, new AdamOptions(0.9f, 0.99f, 1e-11f) { ZeroNonFinite = zeroes }, withOutputs: true);
            run.Step([.. Enumerable.Range(0, count).Select(i => 1f - 0.03f * i)], factor: 1f, rate: 0.25f);
            run.Step(second, factor: 0.5f, rate: 0.125f);
            return run.Values.ToArray();
        }
    }

    [Fact]
    public void Refuses_options_out_of_range()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        Assert.Throws<ArgumentException>(() => new OptimizerRun(cpu, 3, rectified: false, new AdamOptions(1f, 0.99f, 1e-8f)));
        Assert.Throws<ArgumentException>(() => new OptimizerRun(cpu, 3, rectified: false, new AdamOptions(0.9f, 0.99f, 0f)));
        Assert.Throws<ArgumentException>(() => new OptimizerRun(cpu, 3, rectified: true, new AdamOptions(0.9f, float.NaN, 1e-8f)));
    }

    [Fact]
    public void Refuses_outputs_that_do_not_fit()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        Tensor slab = cpu.CreateTensor(new Shape(8)), one = cpu.CreateTensor(new Shape(1)), state = cpu.CreateTensor(new Shape(Adam.StateLength), DType.Float64);
        var slabs = new AdamSlabs(slab, slab, slab, slab, state);
        Refused(slabs with { ComputeWeights = slab });
        Refused(slabs with { ComputeWeights = cpu.CreateTensor(new Shape(7), DType.BFloat16) });
        Refused(slabs with { Average = (cpu.CreateTensor(new Shape(7)), one) });
        Refused(slabs with { Average = (slab, slab) });

        void Refused(AdamSlabs wrong)
        {
            using var program = new ComputeProgram(cpu);
            Tensor clip = cpu.CreateTensor(new Shape(GradientNorm.ClipLength));
            Assert.Throws<ArgumentException>(() => Adam.Into(program, wrong, new AdamOptions(0.9f, 0.99f, 1e-8f), one, clip));
        }
    }
}
